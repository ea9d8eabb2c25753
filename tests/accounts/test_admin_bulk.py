"""Deeds on many accounts: the page says who gets what and what is skipped and why; nothing happens before the POST."""

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import deeds
from accounts.models import Account
from notifications.models import Message
from tests.accounts.portal import linked, staff, token_of
from tests.support.factories import link, make_account, make_team, make_token, make_user
from tokens.models import Token

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/account/"
ALL = ("tokens.ask_token", "tokens.probe_token", "accounts.pause_account")


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = False  # its own tests are in tests/users


def bulk(name: str, *accounts: Account) -> str:
    return f"{LIST}bulk/{name}/?ids={','.join(str(one.pk) for one in accounts)}"


def test_the_list_leads_to_the_confirm_page_and_does_nothing_itself(client: Client) -> None:
    staff(client, *ALL)
    one, two = make_account(), make_account()

    response = client.post(LIST, {"action": "pause", "index": "0", "_selected_action": [one.pk, two.pk]})

    assert response["Location"] in {bulk("pause", one, two), bulk("pause", two, one)}.union(
        {address.replace(",", "%2C") for address in (bulk("pause", one, two), bulk("pause", two, one))}
    )
    assert not Account.objects.exclude(paused_at=None).exists()


def test_all_that_match_keeps_the_filters_of_the_list(client: Client) -> None:
    staff(client, *ALL)
    linked(token_of("Soon", days=3), name="Soon")
    linked(token_of("Late", days=80), name="Late")

    response = client.post(
        f"{LIST}?days=7", {"action": "pause", "index": "0", "select_across": "1", "_selected_action": ["0"]}
    )
    page = client.get(response["Location"]).content.decode()

    assert "Pause 1 account?" in page
    assert "Soon" in page
    assert "Late" not in page


@pytest.mark.parametrize("name", ["ask", "check", "pause"])
def test_get_changes_nothing(client: Client, name: str) -> None:
    staff(client, *ALL)
    account = linked(token_of("Ada Okafor", days=3))

    page = client.get(bulk(name, account))

    assert page.status_code == 200
    assert not Message.objects.exists()
    assert Account.objects.get().paused_at is None
    assert Token.objects.get().due_at is None


@pytest.mark.parametrize("name", ["ask", "check", "pause"])
def test_each_needs_its_own_permission(client: Client, name: str) -> None:
    staff(client)
    account = linked(token_of("Ada Okafor", days=3))

    found = [
        client.get(bulk(name, account)).status_code,
        client.post(bulk(name, account), {"note": ""}).status_code,
    ]

    assert found == [403, 403]
    assert not Message.objects.exists()


@pytest.mark.parametrize("name", ["ask", "check", "pause"])
def test_accounts_of_other_teams_are_left_out(client: Client, name: str) -> None:
    staff(client, *ALL, team=make_team())
    account = linked(token_of("Ada Okafor", days=3))

    client.post(bulk(name, account), {"note": ""})

    assert not Message.objects.exists()
    assert Account.objects.get().paused_at is None
    assert Token.objects.get().due_at is None


def test_asking_sends_one_mail_per_log_in_with_all_its_accounts(client: Client) -> None:
    staff(client, *ALL)
    ada = token_of("Ada Okafor", days=5)
    one, two = linked(ada, name="Harbor Coffee"), linked(ada, name="Fern Gardens")

    page = client.get(bulk("ask", one, two)).content.decode()
    client.post(bulk("ask", one, two), {"note": ""})

    assert "Ask 1 person to re-authenticate?" in page
    assert "Fern Gardens and Harbor Coffee" in page
    assert Message.objects.count() == 1


def test_asking_says_whom_it_skips_and_why(client: Client) -> None:
    user = staff(client, *ALL)
    asked = token_of("Ada Okafor", days=5)
    today = linked(asked, name="Asked today")
    deeds.ask_to_reauthenticate(account=today, token=asked, actor=user, note="", now=timezone.now())
    fine, imported = linked(token_of("Ben", days=80)), make_account()
    link(imported, make_token(state="dead"))
    paused = linked(token_of("Chiara", days=3))
    deeds.pause(account=paused, actor=user, note="", now=timezone.now())

    page = client.get(bulk("ask", today, fine, imported, paused)).content.decode()
    client.post(bulk("ask", today, fine, imported, paused), {"note": ""})
    before = Message.objects.count()
    client.post(bulk("ask", today, fine, imported, paused), {"note": "", "again": "1"})

    for word in (
        "skipped: asked today",
        "skipped: nothing ends within 30 days",
        "it was imported",
        "skipped: paused",
    ):
        assert word in page
    assert "Send to Ada Okafor all the same" in page
    assert before == 1  # the first ask
    assert Message.objects.count() == 2


def test_check_now_makes_the_tokens_due_at_once(client: Client) -> None:
    staff(client, *ALL)
    account = linked(token_of("Ada"), token_of("Ben"))
    other = linked(token_of("Chiara"))

    client.post(bulk("check", account), {"note": ""})

    assert set(Token.objects.due(timezone.now())) == set(Token.objects.filter(pool_entries__account=account))
    assert not Token.objects.due(timezone.now()).filter(pool_entries__account=other).exists()


def test_pause_pauses_each_once_and_counts_what_was_skipped(client: Client) -> None:
    user = staff(client, *ALL)
    one, two = make_account(), make_account()
    deeds.pause(account=one, actor=user, note="earlier", now=timezone.now())

    response = client.post(bulk("pause", one, two), {"note": "budget"})

    said = " ".join(str(message) for message in get_messages(response.wsgi_request))
    assert said == "1 account paused. 1 skipped."
    assert Account.objects.get(pk=one.pk).pause_note == "earlier"
    assert Account.objects.get(pk=two.pk).pause_note == "budget"


@pytest.mark.parametrize("ids", ["", "x", "1,'", "99999999999999999999", "²"])
def test_an_address_without_accounts_leads_back_to_the_list(client: Client, ids: str) -> None:
    staff(client, *ALL)
    make_user()

    response = client.get(f"{LIST}bulk/pause/?ids={ids}")

    assert response["Location"] == LIST
