"""Reason and steps come from what stopped this account: mail, pages and API tell a lost role as one, whatever the token says."""

import html
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from accounts.api_keys import services as api_keys
from accounts.models import Account, ApiKey
from accounts.pool import services as pool
from broker import NotAvailable
from broker.leases import callers
from broker.leases import slow as unavailable
from macros.models import Macro
from macros.warnings import mails as macro_mails
from macros.warnings import services as evaluation
from notifications.models import Message
from notifications.outbox import Mail
from tests.macros.support import make_macro
from tests.support.factories import NOW, link, make_account, make_app, make_token, make_user
from tokens.channels.kinds import Reason
from tokens.models import Token
from users.models import Team, User

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def settle(account: Account, cause: str) -> Account:
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause=cause, now=NOW)
    account.refresh_from_db()
    return account


def dark(*entries: tuple[Token, dict[str, str]], cause: str, channel: str = "x") -> Account:
    """Fern Gardens, which worked once and has stopped: its pool holds these tokens with these facts."""
    account = make_account(channel, name="Fern Gardens", since=NOW - DAY, state="connected")
    for token, fields in entries:
        link(account, token, **fields)
    return settle(account, cause)


def without_role(user: User) -> Account:
    token = make_token(make_app("x"), consented_by=user, native_user_name="ada_x")
    return dark((token, {"access": "lost", "access_reason": "access_lost"}), cause="access_lost")


def warned(recipient: str) -> Mail:
    Macro.objects.all().delete()
    make_macro(emails=["boss@example.com"], notify_consenters=True)
    evaluation.evaluate(now=NOW)
    with time_machine.travel(NOW, tick=False):
        return macro_mails.build_mail(Message.objects.get(recipient=recipient))


def plain(text: str) -> str:
    return " ".join(html.unescape(strip_tags(text.replace("<", " <"))).split())


@pytest.mark.parametrize("reader", ["ada@example.com", "boss@example.com"])
def test_a_warning_of_a_lost_role_waits_for_an_admin_and_asks_nobody_to_re_authenticate(
    ada: User, reader: str
) -> None:
    without_role(ada)

    mail = warned(reader)

    assert mail.subject == "Fern Gardens is deactivated: waiting for an admin at X"
    for part in (plain(mail.text), plain(mail.html)):
        assert ("no longer have a role in Fern Gardens" in part) == (reader == ada.email)
        assert "Waiting for an admin at X" in part
        assert ("Steps for an admin at X:" in part) == (reader == ada.email)
        assert "ended your authorisation" not in part
        assert "Press Re-authenticate" not in part
        assert "Re-authenticate Fern" not in part


def test_a_missing_permission_is_granted_by_re_authenticating(ada: User) -> None:
    token = make_token(make_app("facebook"), consented_by=ada)
    lacks = {"can_publish": "no", "access_reason": "scope_missing"}
    dark((token, lacks), cause="scope_missing", channel="facebook")

    mail = warned("ada@example.com")

    assert mail.subject == "Fern Gardens is deactivated: please re-authenticate"
    assert "A permission that is needed was not granted at Facebook." in plain(mail.text)
    assert "/renew/" in mail.text


@pytest.mark.parametrize("reader", ["ada@example.com", "boss@example.com"])
def test_a_warning_waits_for_nobody_who_removed_the_log_in_on_purpose(
    ada: User, ben: User, reader: str
) -> None:
    gone = make_token(make_app("x"), consented_by=ada, state="dead", reason="removed")
    dark((gone, {}), cause="removed")

    alone = warned(reader)
    link(Account.objects.get(), make_token(make_app("x"), consented_by=ben, state="dead", reason="expired"))
    Message.objects.all().delete()
    Account.objects.update(cycle=F("cycle") + 1)
    both = warned(reader)

    assert alone.subject == "Fern Gardens is deactivated: nobody can be asked"
    assert "Re-authenticate Fern" not in plain(alone.html)
    assert both.subject == "Fern Gardens is deactivated: waiting for Ben Lindqvist"


def test_one_log_in_that_lost_a_role_here_and_ends_there_has_a_card_for_each(ada: User) -> None:
    token = make_token(make_app("linkedin"), consented_by=ada, deadline=NOW + 5 * DAY, issued_at=None)
    dark((token, {"access": "lost", "access_reason": "access_lost"}), cause="access_lost", channel="linkedin")
    other = make_account("linkedin", name="Harbor", cycle=2)
    link(other, token)
    settle(other, "linked")

    mail = warned("ada@example.com")

    assert mail.subject == "Fern Gardens is deactivated: waiting for an admin at LinkedIn (+1 more)"
    assert mail.html.count('class="card"') == 2
    assert "Re-authenticate Harbor" in mail.html


@pytest.mark.parametrize(
    ("clock", "words"),
    [
        ("refresh", "that time ends on this date"),
        ("access", "ends every authorisation after 60 days"),
    ],
)
def test_the_why_of_a_date_to_come_is_not_told_as_over(ada: User, clock: str, words: str) -> None:
    end = NOW + 20 * DAY
    token = make_token(
        make_app("linkedin"), consented_by=ada, deadline=end, deadline_clock=clock, issued_at=None
    )
    account = make_account("linkedin", name="Fern")
    link(account, token)
    settle(account, "linked")

    mail = warned("ada@example.com")

    assert words in plain(mail.text)
    assert "that time is over" not in mail.text


def test_the_page_behind_the_link_offers_check_now_instead_of_re_authenticating(
    client: Client, ada: User, ben: User
) -> None:
    account = without_role(ada)
    token = make_token(make_app("x"), consented_by=ben, state="dead")
    link(account, token, role="Account admin")
    client.force_login(ada)

    for name in ("reauthenticate", "my_account"):
        page = plain(client.get(reverse(name, args=[account.pk])).content.decode())
        assert "Ben Lindqvist is an admin of this account at X." in page
        assert "Check now" in page
        assert "Continue to X" not in page
        assert not page.split("Fern Gardens")[1].strip().startswith("Re-authenticate")
    response = client.post(reverse("check_account", args=[account.pk]), follow=True)

    page = plain(response.content.decode())
    assert "Checking Ada" in page
    assert "This page shows the result by itself." in page
    assert response["Refresh"] == "2"
    ada_token = Token.objects.get(consented_by=ada)
    assert ada_token.due_at is not None
    assert ada_token.due_for == "probe"
    assert Token.objects.get(consented_by=ben).due_at is None


def test_where_accounts_are_ticked_one_by_one_the_page_lets_the_person_tick_again(
    client: Client, ada: User
) -> None:
    token = make_token(make_app("tiktok"), consented_by=ada)
    lost = {"access": "lost", "access_reason": "access_lost"}
    account = dark((token, lost), cause="access_lost", channel="tiktok")
    client.force_login(ada)

    page = plain(client.get(reverse("reauthenticate", args=[account.pk])).content.decode())

    assert "Check now" in page
    assert "Then tick it now. Continue to TikTok" in page


def test_an_account_of_another_person_is_not_checked(client: Client, ada: User) -> None:
    account = make_account(team=Team.objects.create(name="Others"))
    client.force_login(ada)

    assert client.post(reverse("check_account", args=[account.pk])).status_code == 404


def test_api_and_lease_tell_what_the_pool_says_now(ada: User, ben: User) -> None:
    """Ada's password change stopped it; she is back, and now lacks the role."""
    account = without_role(ada)
    Account.objects.update(reason="password_changed")
    key = api_keys.issue_key(name="job", scopes=[ApiKey.Scope.READ], teams=[Team.default()])[1]
    callers._facts.clear()

    told = (
        Client(headers={"authorization": f"Bearer {key}"})
        .get(f"/api/v1/accounts/x/{account.native_id}")
        .json()
    )
    held = unavailable.not_available(account.pk, teams=None)

    assert told["reason"] == "access_lost"
    assert "no longer has a role" in told["what"]
    assert told["pool"][0]["reason"] == "access_lost"
    assert isinstance(held, NotAvailable)
    assert (held.reason, held.who) == ("access_lost", ("an admin of the account at X",))
    assert list(held.steps) == told["steps"]


def test_staff_are_not_offered_an_ask_that_would_be_vain(client: Client, ada: User) -> None:
    account = without_role(ada)
    client.force_login(make_user(is_staff=True, is_superuser=True))
    token = Token.objects.get()

    page = plain(client.get(reverse("admin:accounts_account_change", args=[account.pk])).content.decode())
    ask = plain(
        client.get(reverse("admin:accounts_account_token_ask", args=[account.pk, token.pk])).content.decode()
    )

    assert "Role removed" in page
    assert "Re-authenticating would not help: it waits for an admin at X." in ask


@pytest.mark.parametrize(
    ("token", "entry", "reason"),
    [
        (
            {"state": "dead", "reason": "expired"},
            {"access": "lost", "access_reason": "access_lost"},
            "expired",
        ),
        ({"state": "cooling", "reason": "unknown"}, {"can_publish": "no"}, "publishing_lost"),
        ({"state": "cooling", "reason": "unknown"}, {}, "unknown"),
        ({}, {"access": "lost"}, "access_lost"),
        ({}, {"can_publish": "no", "access_reason": "scope_missing"}, "scope_missing"),
        ({}, {}, ""),
    ],
)
def test_the_reason_of_an_entry(token: dict[str, Any], entry: dict[str, str], reason: str) -> None:
    found = link(make_account(), make_token(**token), **entry)

    assert found.reason == reason


def test_what_stopped_an_account_is_the_entry_of_its_own_reason(ada: User, ben: User) -> None:
    dead = make_token(make_app("x"), consented_by=ben, state="dead", state_since=NOW)
    lost = make_token(make_app("x"), consented_by=ada, state_since=NOW - 9 * DAY)
    account = dark(
        (dead, {}), (lost, {"access": "lost", "access_reason": "access_lost"}), cause=Reason.PASSWORD_CHANGED
    )

    stopped = account.entry_that_stopped(account.pool_in_order())

    assert stopped is not None
    assert stopped.token == dead
