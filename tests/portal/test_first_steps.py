"""An empty installation leads: a checklist with links and ticks, a test of a channel app, a test mail."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from macros.models import Macro
from notifications.models import Message
from portal.start import first_steps
from tests.portal.support import notices
from tests.support import native
from tests.support.factories import link, make_account, make_app, make_token, make_user
from tests.support.sandbox import Sandbox
from tests.support.world import make_default_macro
from tokens.models import ChannelApp

pytestmark = pytest.mark.django_db


@pytest.fixture
def mira(client: Client) -> Client:
    client.force_login(make_user("mira@example.com", name="Mira", is_staff=True, is_superuser=True))
    return client


def read(client: Client) -> list[tuple[str, bool, bool]]:
    """Title, whether it is ticked, whether it has the primary button, of each step."""
    page = client.get(reverse("admin:index")).content.decode()
    found = re.findall(r'<li class="at-first-step( at-first-done)?">(.*?)</li>', page, re.DOTALL)
    return [
        (str(re.findall(r"<b>(.*?)</b>", text)[0]), bool(done), "at-btn-primary" in text)
        for done, text in found
    ]


def test_an_empty_installation_begins_with_a_channel_app(mira: Client) -> None:
    steps = read(mira)

    assert [title for title, _, _ in steps] == [
        "Set up a channel app",
        "Invite a colleague",
        "Link an ad account",
        "Add a second person to an account",
        "Have a macro warn in time",
        "Send a test mail",
    ]
    assert [primary for _, _, primary in steps] == [True] + [False] * 5
    assert [done for _, done, _ in steps] == [False, False, False, False, Macro.objects.exists(), False]


def test_what_is_done_is_ticked_and_when_all_is_the_list_is_gone(mira: Client) -> None:
    make_app("facebook")
    make_default_macro()
    make_user("ada@example.com")
    account = make_account(people_count=2)
    link(account, make_token())

    steps = read(mira)
    Message.objects.create(kind="invite", recipient="mira@example.com", dedupe_key="t", state="sent")
    gone = read(mira)

    assert [done for _, done, _ in steps] == [True] * 5 + [False]
    assert steps[-1][2]
    assert gone == []


def test_staff_of_a_team_see_no_steps(client: Client) -> None:
    client.force_login(make_user("staff@example.com", is_staff=True))

    assert read(client) == []


def test_the_test_mail_goes_to_who_asks_and_only_by_post(mira: Client) -> None:
    address = reverse("admin:test_mail")

    refused = mira.get(address)
    mira.post(address)

    assert refused.status_code == 405
    message = Message.objects.get(kind=first_steps.TEST)
    assert message.recipient == "mira@example.com"
    mail = first_steps.build_test(message)
    assert mail.subject == "[Test] AdToken can send mails"
    for body in (mail.text, mail.html):
        assert "AdToken can send mails" in body


@pytest.mark.django_db(transaction=True)
def test_the_test_button_says_whether_the_channel_takes_the_keys(
    mira: Client, channels_world: Sandbox
) -> None:
    native.set_up_apps(channels_world)
    app = ChannelApp.objects.get(channel="facebook")
    page = mira.get(reverse("admin:tokens_channelapp_change", args=[app.pk])).content.decode()
    address = reverse("admin:tokens_channelapp_test", args=[app.pk])

    good = notices(mira.post(address))
    app.set_secrets(["a wrong one"])
    app.save()
    bad = notices(mira.post(address))
    app.refresh_from_db()

    assert f'action="{address}"' in page
    assert "accepts the ID and the secret of this app." in good
    assert "refuses this app:" in bad
    assert app.fault_since is not None
    assert mira.get(address).status_code == 405


def test_a_new_app_is_live_unless_one_says_otherwise_and_the_page_says_what_that_means(mira: Client) -> None:
    page = mira.get(reverse("admin:tokens_channelapp_add")).content.decode()

    assert re.search(r'<option value="live"\s+selected', page)
    assert "until then the channel counts as not set up" in page
    assert "/link/CHANNEL/callback/" in page
