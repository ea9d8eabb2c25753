"""Background sweeps against the stand-in channels: due tokens, unfinished links, orphans, the nightly check."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.checks import services as sweeps
from accounts.models import Account, AccountEvent, AccountToken, PendingLink
from accounts.pool import services as pool
from accounts.sync import services as account_sync
from accounts.sync.services import LinkedAccount
from tests.support import native
from tests.support.odd_answers import FIREWALL, QUESTION, STORAGE, TOKENS
from tests.support.sandbox import Sandbox
from tokens.doubts import services as doubts
from tokens.models import Token
from users.models import User

NO_PERMISSION = {"error": {"code": 200, "message": "The ad account owner has not given it"}}

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


def later() -> datetime:
    return datetime.now(UTC) + timedelta(hours=5)


def check_twice() -> int:
    """Check so that what is said of a lone log-in is believed. Returns how many the first check was about."""
    checked = sweeps.check_due_tokens(now=later())
    sweeps.check_due_tokens(now=later() + doubts.TRUE_AFTER_ALONE)
    return checked


def test_many_accounts_of_one_log_in_are_read_by_one_list_and_what_it_lacks_singly(
    ada: User, world: Sandbox
) -> None:
    for number in range(8):
        world.put_account("facebook", str(900_000 + number), name=f"Shop {number}", roles={"ada": "admin"})
    native.keep(ada, "ada", [f"Shop {number}" for number in range(8)])
    world.drop_role("facebook", "900003", "ada")
    world.clear_calls()

    check_twice()

    paths = [call["path"] for call in world.calls(channel="facebook")]
    assert {path for path in paths if "act_" in path} == {"/v26.0/act_900003"}
    assert set(Account.objects.filter(state="deactivated").values_list("native_id", flat=True)) == {"900003"}


@pytest.mark.parametrize("accounts", [1, 6])
def test_what_a_reading_refused_comes_back_by_a_reading_though_the_list_named_it_all_the_time(
    accounts: int, ada: User, world: Sandbox
) -> None:
    for number in range(accounts):
        world.put_account("facebook", str(900_000 + number), name=f"Shop {number}", roles={"ada": "admin"})
    native.keep(ada, "ada", [f"Shop {number}" for number in range(accounts)])
    token, (first, *_) = Token.objects.get(), Account.objects.order_by("native_id")
    world.add_fault("facebook", path="/act_900000$", status=403, body=NO_PERMISSION)
    for minutes in (0, 15):
        now = later() + timedelta(minutes=minutes)
        told = account_sync.read_accounts(token, [LinkedAccount(first.pk, first.native_id)])
        account_sync.record_readings(token, told, now=now, source="report")

    sweeps.check_due_tokens(now=later() + timedelta(days=8, hours=1))  # by a list, also of one
    meanwhile = [one.state for one in Account.objects.order_by("native_id")]
    world.clear_faults()
    sweeps.check_due_tokens(now=later() + timedelta(days=9))

    assert meanwhile == ["deactivated", *["connected"] * (accounts - 1)]
    assert [one.state for one in Account.objects.all()] == ["connected"] * accounts
    events = AccountEvent.objects.filter(account=first, kind=AccountEvent.Kind.ACCESS)
    assert list(events.order_by("pk").values_list("cause", flat=True)) == ["access_lost", "regained"]


@pytest.mark.parametrize(
    ("channel", "of_the_log_in", "of_an_account"),
    [
        ("facebook", "/debug_token", "/act_"),
        ("linkedin", "/adAccountUsers", "/adAccounts/"),
        ("snapchat", "/me/organizations", "/adaccounts/"),
        ("tiktok", "/bc/get", "/advertiser/info"),
    ],
)
def test_what_holds_for_all_ad_accounts_of_a_log_in_is_asked_once_in_a_check(
    channel: str, of_the_log_in: str, of_an_account: str, browser: Client, world: Sandbox
) -> None:
    native.link(browser, channel, "ada", names=["Lumen Shoes EU", "Fern Gardens"])
    before = set(AccountToken.objects.values_list("account__name", "role", "can_publish", "access"))
    world.clear_calls()

    sweeps.check_due_tokens(now=later())

    paths = [call["path"] for call in world.calls(channel=channel)]
    assert sum(of_the_log_in in path for path in paths) == 1
    assert sum(of_an_account in path for path in paths) == 2
    assert set(AccountToken.objects.values_list("account__name", "role", "can_publish", "access")) == before


@pytest.mark.django_db(transaction=True)
def test_a_check_that_finds_nothing_new_writes_the_log_in_alone_and_takes_few_statements(
    ada: User, world: Sandbox
) -> None:
    native.keep(ada, "ada", ["Lumen Shoes EU", "Fern Gardens"])
    sweeps.check_due_tokens(now=later())

    with CaptureQueriesContext(connection) as captured:
        checked = sweeps.check_due_tokens(now=later() + timedelta(hours=5))

    statements = [query["sql"] for query in captured if query["sql"] not in {"BEGIN", "COMMIT"}]
    assert checked == 1
    assert len(statements) <= 15, "\n".join(statements)
    # There is no doubt that the good answer could end, so the other one changes no row.
    assert {sql.split(" SET ")[0] for sql in statements if "UPDATE " in sql and " SET " in sql} <= {
        'UPDATE "tokens_token"', 'UPDATE "tokens_doubt"'
    }  # fmt: skip
    locks = [sql for sql in statements if "FOR NO KEY UPDATE" in sql]
    assert not [sql for sql in locks if 'FROM "tokens_token"' not in sql and 'FROM "tokens_doubt"' not in sql]


def test_of_two_ad_accounts_only_the_one_that_differs_is_locked_and_written(
    ada: User, world: Sandbox
) -> None:
    native.keep(ada, "ada", ["Lumen Shoes EU", "Fern Gardens"])
    sweeps.check_due_tokens(now=later())
    world.give_role("facebook", "Fern Gardens", "ada", "reader")
    fern = Account.objects.get(name="Fern Gardens")

    with CaptureQueriesContext(connection) as captured:
        sweeps.check_due_tokens(now=later() + timedelta(hours=5))

    locks = [sql for query in captured if " FOR NO KEY UPDATE" in (sql := query["sql"])]
    of_accounts = [sql for sql in locks if 'FROM "accounts_account"' in sql]
    assert of_accounts
    assert all(f"IN ({fern.pk})" in sql for sql in of_accounts), of_accounts
    assert Account.objects.get(name="Lumen Shoes EU").state == "connected"
    assert AccountToken.objects.get(account=fern).doubt == "doubted"


def test_a_role_that_becomes_known_and_changes_nothing_for_the_pool_does_not_settle_it(
    ada: User, world: Sandbox
) -> None:
    native.keep(ada, "ada", ["Lumen Shoes EU", "Fern Gardens"])
    sweeps.check_due_tokens(now=later())
    AccountToken.objects.update(role="", can_publish="unknown")  # as an import leaves it

    with CaptureQueriesContext(connection) as captured:
        sweeps.check_due_tokens(now=later() + timedelta(hours=5))

    assert set(AccountToken.objects.values_list("can_publish", flat=True)) == {"yes"}
    assert not [query["sql"] for query in captured if "with living as" in query["sql"]]
    assert pool.differences() == []


def test_an_empty_list_takes_nothing_away_that_can_still_be_read(ada: User, world: Sandbox) -> None:
    for number in range(8):
        world.put_account("facebook", str(900_000 + number), name=f"Shop {number}", roles={"ada": "admin"})
    native.keep(ada, "ada", [f"Shop {number}" for number in range(8)])
    world.add_fault("facebook", path="me/adaccounts", status=200, body={"data": []})

    sweeps.check_due_tokens(now=later())

    assert set(Account.objects.values_list("state", flat=True)) == {"connected"}


@pytest.mark.parametrize(
    ("channel", "page"),
    [("snapchat", FIREWALL), ("linkedin", STORAGE)],
)
def test_a_firewall_before_a_channel_that_denies_access_takes_no_role_away(
    channel: str, page: str, browser: Client, world: Sandbox
) -> None:
    native.link(browser, channel, "ada")
    world.add_fault(channel, path=f"^(?!.*({TOKENS}|{QUESTION[channel]}))", status=403, body=page)
    world.clear_calls()

    sweeps.check_due_tokens(now=later())

    account, entry = Account.objects.get(), AccountToken.objects.get()
    assert world.calls(status="403") != []
    assert (account.state, entry.access, entry.can_publish) == ("connected", "ok", "yes")


def test_what_is_not_due_is_left_alone(ada: User, world: Sandbox) -> None:
    native.keep(ada, "ada")
    world.clear_calls()

    assert sweeps.check_due_tokens(now=datetime.now(UTC)) == 0
    assert world.calls() == []


def test_a_token_that_a_worker_holds_is_not_taken_by_another(ada: User) -> None:
    native.keep(ada, "ada")
    Token.objects.update(claimed_until=later() + timedelta(seconds=30))

    assert sweeps.check_due_tokens(now=later()) == 0
    assert sweeps.check_due_tokens(now=later() + timedelta(minutes=2)) == 1


def test_one_row_that_cannot_be_checked_does_not_stop_the_others(
    ada: User, browser: Client, world: Sandbox
) -> None:
    native.keep(ada, "ada")
    native.link(browser, "x", "ada")
    Token.objects.filter(app__channel="facebook").update(credentials=None)
    world.cancel_authorisation("x", "ada")

    check_twice()

    assert dict(Token.objects.values_list("app__channel", "state")) == {"facebook": "valid", "x": "dead"}


def test_unfinished_links_are_forgotten_after_15_minutes(browser: Client) -> None:
    native.consent(browser, "facebook", "ada")

    assert sweeps.sweep_pending_links(now=datetime.now(UTC) + timedelta(minutes=14)) == 0
    assert sweeps.sweep_pending_links(now=datetime.now(UTC) + timedelta(minutes=16)) == 1
    assert not PendingLink.objects.exists()


def test_the_nightly_check_finds_what_was_written_behind_its_back(ada: User) -> None:
    native.keep(ada, "ada")
    assert sweeps.nightly_check() == []

    Token.objects.update(state="dead", reason="expired")

    assert sweeps.nightly_check() == [Account.objects.get().pk] == pool.differences()


def test_an_answer_about_an_older_consent_takes_nothing_away(
    ada: User, browser: Client, world: Sandbox
) -> None:
    native.keep(ada, "ada")
    world.drop_role("facebook", "Lumen Shoes EU", "ada")
    token = Token.objects.select_related("app").get()
    asked = account_sync.read_accounts(token, sweeps.linked_accounts([token.pk])[token.pk])
    world.give_role("facebook", "Lumen Shoes EU", "ada", "admin")
    native.consent(browser, "facebook", "ada")  # meanwhile the person came back

    account_sync.record_readings(token, asked, now=later(), source="sweep")

    assert Account.objects.get().state == "connected"


def test_a_token_whose_check_fails_on_our_side_waits_behind_the_others(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    native.keep(ada, "ada")

    def break_down(*args: object, **kwargs: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(account_sync, "record_readings", break_down)
    sweeps.check_due_tokens(now=later())

    token = Token.objects.get()
    assert token.due_at is not None
    assert token.due_at > later()
    assert token.claimed_until is None
