"""Messages in the staff portal, and the page behind "Why this mail?"."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from notifications.models import Message
from notifications.outbox import BECAUSE, KINDS, reason_it_came
from tests.notifications.conftest import KIND, _default_team, known_kinds  # noqa: F401  # for every test here
from tests.notifications.support import make_message
from tests.portal.support import notices
from tests.support.factories import NOW, make_team
from ui import phrases
from users.models import Membership, Team, User

pytestmark = pytest.mark.django_db
State = Message.State
LIST = "/admin/notifications/message/"
SENT: dict[str, Any] = {
    "state": State.SENT,
    "sent_at": NOW,
    "subject": "Shoes stops",
    "text": "Text",
    "html": "<p>HTML part</p>",
}


def browser(
    email: str = "mira@example.com", *permissions: str, team: Team | None = None, **fields: Any
) -> Client:
    user = User.objects.create(email=email, name="Mira Ode", **fields)
    Membership.objects.create(user=user, team=team or Team.default())
    for codename in permissions:
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label="notifications", codename=codename)
        )
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def mira() -> Client:
    return browser(is_staff=True, is_superuser=True)


def url(message: Message, page: str = "change") -> str:
    return reverse(f"admin:notifications_message_{page}", args=[message.pk])


def test_the_list_shows_state_recipient_and_reason(mira: Client) -> None:
    make_message("ada@example.com", **SENT)
    make_message("ben@example.com", state=State.FAILED, error="550 no such mailbox")
    make_message("zoe@example.com")

    page = mira.get(LIST).content.decode()
    failed = mira.get(f"{LIST}?state__exact=failed").content.decode()

    for text in ("Shoes stops", "Sent", "ben@example.com", "550 no such mailbox", "Made when it is sent"):
        assert text in page
    assert "ben@example.com" in failed
    assert "ada@example.com" not in failed


def test_the_list_is_searched_by_words_in_whichever_case_and_signs_mean_themselves(mira: Client) -> None:
    make_message("ada@example.com", **SENT | {"subject": "Lumen Shoes: 100% used"})
    make_message("ben@example.com", **SENT | {"subject": "Lumen Shoes: 1000 used"})

    def found(term: str) -> list[bool]:
        page = mira.get(LIST, {"q": term}).content.decode()
        return [f"{name}@example.com" in page for name in ("ada", "ben")]

    assert found("lumen SHOES") == [True, True]
    assert found("shoes BEN@") == [False, True]
    assert found("100%") == found("100% ada") == [True, False]
    assert found("0_0") == [False, False]


def test_a_message_shows_the_mail_and_why(mira: Client) -> None:
    message = make_message(**SENT, attempts=2, message_id="<abc@x>")

    page = mira.get(url(message)).content.decode()

    assert "Yes, sent <time" in page
    assert "&lt;abc@x&gt;" in page
    assert url(message, "html") in page
    assert "HTML part" not in page


def test_a_message_that_was_not_sent_says_why_not(mira: Client) -> None:
    message = make_message(state=State.CANCELLED, error="The account is paused.")

    page = mira.get(url(message)).content.decode()

    assert "No." in page
    assert "The account is paused." in page


def test_the_html_of_a_mail_can_do_nothing(mira: Client) -> None:
    message = make_message(**SENT | {"html": "<script>alert(1)</script>"})

    response = mira.get(url(message, "html"))

    policy = response["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups;")
    assert "default-src 'none'" in policy
    assert "allow-scripts" not in policy
    assert response["X-Frame-Options"] == "SAMEORIGIN"


def test_nothing_can_be_edited_or_deleted(mira: Client) -> None:
    message = make_message()

    codes = [mira.post(url(message), {"recipient": "x@example.com"}).status_code]
    codes += [
        mira.get(f"{LIST}add/").status_code,
        mira.post(f"{LIST}{message.pk}/delete/", {"post": "yes"}).status_code,
    ]

    assert codes == [403, 403, 403]
    assert Message.objects.get().recipient == "ada@example.com"


def test_sending_again_asks_by_get_and_acts_by_post(mira: Client) -> None:
    message = make_message(state=State.FAILED)

    asked = mira.get(url(message, "send_again"))
    message.refresh_from_db()
    state_after_get = message.state
    done = notices(mira.post(url(message, "send_again")))

    message.refresh_from_db()
    assert (asked.status_code, state_after_get, message.state) == (200, State.FAILED, State.QUEUED)
    assert "is in the queue again" in done
    assert LogEntry.objects.count() == 1


def test_what_waits_already_is_not_sent_again(mira: Client) -> None:
    message = make_message()

    asked = mira.get(url(message, "send_again"))
    done = notices(mira.post(url(message, "send_again")))

    assert "<button" not in asked.content.decode().split('class="at-confirm"')[1].split("</main>")[0]
    assert "Somebody was faster" in done or "Too late" in done
    assert not LogEntry.objects.exists()


def test_sending_again_needs_its_permission() -> None:
    message = make_message(state=State.FAILED, team=Team.default())
    page = url(message, "send_again")
    reader = browser("reader@example.com", "view_message", is_staff=True)
    worker = browser("worker@example.com", "view_message", "retry_message", is_staff=True)

    refused = [reader.get(page).status_code, reader.post(page).status_code]
    anonymous = Client().post(page).status_code
    message.refresh_from_db()
    untouched = message.state
    allowed = worker.post(page).status_code

    assert (refused, anonymous, untouched, allowed) == ([403, 403], 302, State.FAILED, 302)


def test_people_see_messages_of_their_teams_only() -> None:
    own = make_message("own@example.com", team=Team.default())
    other = make_message("other@example.com", team=make_team(), state=State.FAILED)
    client = browser("reader@example.com", "view_message", "retry_message", is_staff=True)

    page = client.get(LIST).content.decode()
    codes = [client.get(url(other, name)).status_code for name in ("change", "html", "send_again")]

    assert own.recipient in page
    assert other.recipient not in page
    assert codes == [404, 404, 404]


def test_unknown_messages_are_not_there(mira: Client) -> None:
    for page in ("987654321/change/", "987654321/html/", "987654321/send-again/"):
        assert mira.get(LIST + page).status_code == 404


def test_the_recipient_reads_why_and_nobody_else_does() -> None:
    message = make_message("ada@example.com", **SENT)
    why = reverse("why_message", args=[message.pk])

    ada, ben = browser("ada@example.com").get(why), browser("ben@example.com").get(why)

    assert "Why this mail?" in ada.content.decode()
    assert (ada.status_code, ben.status_code, Client().get(why).status_code) == (200, 404, 302)


def test_each_kind_of_mail_says_why_its_reader_got_it() -> None:
    mine = set(KINDS) - {KIND}
    message = make_message("ada@example.com", kind="left", **SENT)

    page = browser("ada@example.com").get(reverse("why_message", args=[message.pk])).text

    assert mine - phrases.blocks(BECAUSE) == set()
    assert len({reason_it_came(Message(kind=kind)) for kind in mine}) == len(mine)
    assert "Somebody left, and accounts that you look after stopped." in page
    assert reason_it_came(Message(kind="of an app that went")) == "What led to it is no longer known."
