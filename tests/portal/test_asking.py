"""Check now and Renew now in the portal, with the stand-in Facebook and X behind them."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from accounts.checks import queries as check_queries
from accounts.checks import services as sweeps
from accounts.models import Account, AccountToken
from tests.portal.support import action_url, linked, token_of
from tests.support import native
from tests.support.ends import hours_pass
from tests.support.factories import link, make_account, make_app, make_token
from tests.support.sandbox import Sandbox
from tokens.models import Token, TokenEvent
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def press(client: Client, name: str, account: Account, token: Token | None = None) -> str:
    """Press the button and return what the page says then."""
    response = client.post(action_url(name, account, token), {"note": "", "seen": ""})
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def check(
    client: Client, name: str, account: Account, token: Token | None = None, *, work: bool = True
) -> tuple[str, Any]:
    """Press the button, let a worker work, and open the page it leads to some seconds later. Returns the notice, and the page."""
    with time_machine.travel(timezone.now() - timedelta(seconds=10), tick=True):
        leads = client.post(action_url(name, account, token))["Location"]
        if work:
            sweeps.check_due_tokens(now=timezone.now())
    page = client.get(leads)
    notice = re.search(
        r'<div class="at-notice at-notice-\w+" role="status">.*?</div>\s*</div>',
        page.content.decode(),
        re.DOTALL,
    )
    assert notice is not None
    return " ".join(re.sub(r"<[^>]+>", " ", notice[0]).split()), page


def test_check_now_asks_no_channel_itself_and_the_page_looks_again_until_a_worker_has(
    client: Client, world: Sandbox, boss: User
) -> None:
    account = linked(token_of("Ada"), token_of("Ben"))
    refused = {"write_refused_at": timezone.now(), "write_refusal": "two_factor_required"}
    AccountToken.objects.update(can_publish="no", **refused)
    world.clear_calls()

    said, page = check(client, "check", account, work=False)

    assert world.calls() == []
    assert said.startswith("Checking Ada and Ben Asked")
    assert page["Refresh"] == "2"
    assert Token.objects.due(timezone.now()).count() == 2
    assert not AccountToken.objects.exclude(write_refused_at=None).exists(), "writes are tried again"


def test_who_is_being_checked_is_named_in_the_order_in_which_the_account_tries_them() -> None:
    account, now = make_account(), timezone.now()
    for name, rank in (("Ada", 3), ("Ben", 1), ("Chiara", 2)):
        link(account, make_token(native_user_name=name), rank=rank)
    asked = [str(pk) for pk in Token.objects.values_list("pk", flat=True)]

    found = check_queries.check_results(account, asked, asked_at=now, now=now)

    assert [entry.token.native_user_name for entry, _ in found] == ["Ben", "Chiara", "Ada"]


def test_check_now_finds_a_changed_password_and_the_account_shifts(
    client: Client, world: Sandbox, boss: User
) -> None:
    account = native.linked("facebook", "ada", "ben")
    ada = account.active_token
    assert ada is not None
    world.change_password("facebook", "ada")

    said, _ = check(client, "token_check", account, ada)

    account.refresh_from_db()
    doubted = "Facebook says that it has ended, or lost this account. AdToken does not believe it yet, and asks again."
    assert said == f"Ada: {doubted}"
    assert account.active_token is not None
    assert account.active_token != ada


def test_check_all_now_reads_the_role_in_the_ad_account_too(
    client: Client, world: Sandbox, boss: User
) -> None:
    account = native.linked("facebook", "ada", "ben")
    world.drop_role("facebook", "Lumen Shoes EU", "ben")

    check(client, "check", account)
    hours_pass()
    said, page = check(client, "check", account)

    assert said == "Ben: the log-in works, but has no access to this account. Ada: checked, fine."
    assert "Refresh" not in page
    lost = AccountToken.objects.get(access="lost")
    assert lost.token.consented_by == User.objects.get(email="ben@example.com")


def test_a_channel_that_does_not_answer_changes_nothing(client: Client, world: Sandbox, boss: User) -> None:
    account = native.linked("facebook", "ada")
    Token.objects.update(last_checked_at=timezone.now() - timedelta(hours=1))
    world.add_fault("facebook", path=".*", status=503)

    said, _ = check(client, "token_check", account, Token.objects.get())

    assert "gave no clear answer" in said
    assert Token.objects.get().state == "valid"


def test_renew_now_says_the_new_date_and_who_did_it_is_kept(
    client: Client, world: Sandbox, boss: User
) -> None:
    account = native.linked("facebook", "ada")
    token = Token.objects.get()
    Token.objects.filter(pk=token.pk).update(access_expires_at=timezone.now() + timedelta(days=3))
    page = client.get(action_url("token_renew", account, token)).content.decode()
    before = TokenEvent.objects.filter(kind="renewed").count()

    said = press(client, "token_renew", account, token)

    assert "Renew the token of Ada now?" in page
    assert before == 0
    assert said.startswith("Renewed. It works until ")
    assert TokenEvent.objects.get(kind="renewed").actor == boss


def test_renew_now_says_that_x_renews_nothing(client: Client, world: Sandbox, boss: User) -> None:
    account = linked(make_token(make_app("x")), channel="x")

    said = press(client, "token_renew", account, Token.objects.get())

    assert "X renews nothing without a person." in said
    assert not TokenEvent.objects.filter(kind="renewed").exists()
