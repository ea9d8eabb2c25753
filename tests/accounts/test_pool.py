"""Settling a pool: against a brute-force model, under two sessions at once, and what it writes."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, AccountEvent, AccountToken
from accounts.pool import services as pool
from accounts.sync import entries as pool_entries
from broker.leases import slow as unavailable
from tests.accounts.model import Entry, decide
from tests.support import acting
from tests.support.connections import WAITS_FOR_US
from tests.support.factories import NOW, link, make_account, make_app, make_token, make_user
from tokens.channels.kinds import AccessCheck, AccountList, Classification, NativeAccount, Reason, Verdict
from tokens.models import ChannelApp, Token
from users.models import Team, User

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def settle(*accounts: Account, cause: str = "test", prefer: int | None = None, now: datetime = NOW) -> None:
    with transaction.atomic():
        pool.settle(account_ids=[account.pk for account in accounts], cause=cause, now=now, prefer=prefer)
    for account in accounts:
        account.refresh_from_db()


def kill(token: Token, reason: str = "password_changed") -> None:
    Token.objects.filter(pk=token.pk).update(state="dead", reason=reason)


def test_the_first_linked_token_becomes_active() -> None:
    account, token = make_account(), make_token(deadline=NOW + 10 * DAY)
    link(account, token)

    settle(account)

    assert account.active_token == token
    assert (account.state, account.deadline, account.usable_count) == ("connected", NOW + 10 * DAY, 1)


def test_a_better_token_does_not_push_the_active_one_away() -> None:
    account, first = make_account(), make_token(deadline=NOW + 10 * DAY)
    link(account, first)
    settle(account)
    link(account, make_token(deadline=NOW + 50 * DAY))

    settle(account)

    assert account.active_token == first
    assert account.deadline == NOW + 50 * DAY


def test_when_the_active_token_dies_the_account_shifts_and_says_why() -> None:
    account, ada, ben = make_account(), make_token(), make_token()
    link(account, ada)
    settle(account)
    link(account, ben)
    settle(account)
    kill(ada)

    settle(account, cause="password_changed")

    shift = account.events.get(kind="shifted")
    assert (shift.from_token, shift.token, shift.cause) == (ada, ben, "password_changed")
    assert (account.active_token, account.state) == (ben, "connected")


def test_a_reader_does_not_take_over() -> None:
    account, ada = make_account(), make_token()
    link(account, ada)
    link(account, make_token(), can_publish="no")
    settle(account)
    kill(ada)

    settle(account, cause="password_changed")

    assert (account.state, account.active_token, account.reason) == ("deactivated", None, "password_changed")
    assert (account.deadline_kind, account.usable_count) == ("none", 0)


def test_a_cooling_token_interrupts_and_keeps_the_deadline() -> None:
    account, token = make_account(), make_token(deadline=NOW + 10 * DAY)
    link(account, token)
    settle(account)
    cycle = account.cycle
    Token.objects.filter(pk=token.pk).update(state="cooling", reason="unknown")

    settle(account, cause="unknown")

    assert (account.state, account.active_token, account.deadline) == ("interrupted", token, NOW + 10 * DAY)
    assert account.cycle == cycle


@pytest.mark.parametrize(
    ("moved", "cycles"),
    [(timedelta(seconds=90), 0), (-timedelta(hours=23), 0), (timedelta(hours=25), 1), (-2 * DAY, 1)],
)
def test_the_cycle_grows_when_the_deadline_moves_by_more_than_a_day(moved: timedelta, cycles: int) -> None:
    account, token = make_account(), make_token(deadline=NOW + 20 * DAY)
    link(account, token)
    settle(account)
    cycle = account.cycle
    Token.objects.filter(pk=token.pk).update(deadline=NOW + 20 * DAY + moved)

    settle(account)

    assert account.cycle == cycle + cycles


@pytest.mark.parametrize("way", [1, -1])
def test_many_small_moves_of_a_deadline_add_up_to_a_new_cycle_known_since_then(way: int) -> None:
    account, token = make_account(), make_token(deadline=NOW + 20 * DAY)
    link(account, token)
    settle(account)
    found = []

    for number in range(1, 6):
        Token.objects.filter(pk=token.pk).update(deadline=NOW + 20 * DAY + way * number * timedelta(hours=10))
        settle(account, now=NOW + number * DAY)
        found.append((account.cycle, account.cycle_since))

    first, second, third = found[0][0], found[0][0] + 1, found[0][0] + 1
    assert [cycle for cycle, _ in found] == [first, first, second, third, third]
    assert [since for _, since in found] == [NOW, NOW, *[NOW + 3 * DAY] * 3]
    assert pool.differences() == []


@pytest.mark.parametrize(("minutes", "grows"), [(59, 0), (60, 1)])
def test_what_nothing_served_for_an_hour_begins_a_new_cycle_though_its_deadline_stays(
    minutes: int, grows: int
) -> None:
    account, token = make_account(), make_token(deadline=NOW + 20 * DAY)
    link(account, token)
    settle(account)
    Token.objects.update(state="cooling", reason="doubted")
    settle(account)
    before = account.cycle

    Token.objects.update(state="valid", reason="")
    settle(account, now=NOW + timedelta(minutes=minutes))

    assert (account.state, account.cycle - before) == ("connected", grows)


def test_a_paused_account_stays_paused_whatever_its_pool_says() -> None:
    account = make_account(paused_at=NOW)
    link(account, make_token())

    settle(account)

    assert account.state == "paused"


def test_staff_can_prefer_a_usable_token_and_not_a_dead_one() -> None:
    account, ada, ben, dead = make_account(), make_token(), make_token(), make_token(state="dead")
    for token in (ada, ben, dead):
        link(account, token)
    settle(account)

    settle(account, cause="switched", prefer=ben.pk)
    settle(account, cause="switched", prefer=dead.pk)

    assert account.active_token == ben
    assert account.events.filter(kind="switched").count() == 1


def test_settling_twice_writes_nothing_the_second_time() -> None:
    account = make_account()
    link(account, make_token())
    settle(account)
    events = AccountEvent.objects.count()

    settle(account)

    assert AccountEvent.objects.count() == events


def test_unlinking_the_active_token_without_settling_is_refused_by_the_database() -> None:
    account, token = make_account(), make_token()
    link(account, token)
    settle(account)

    def unlink_only() -> None:
        with transaction.atomic():
            AccountToken.objects.filter(account=account, token=token).delete()
            with connection.cursor() as cursor:
                cursor.execute("set constraints active_token_in_pool immediate")

    with pytest.raises(IntegrityError, match="active_token_in_pool"):
        unlink_only()


@pytest.mark.django_db(transaction=True)
def test_settle_refuses_to_run_outside_a_transaction() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        pool.settle(account_ids=[1], cause="test", now=NOW)


@pytest.mark.parametrize("seed", range(3))
def test_settle_agrees_with_the_model_on_random_pools(seed: int) -> None:
    chance = random.Random(seed)
    app, people = make_app(), [make_user() for _ in range(3)]
    tokens = [_random_token(chance, app, people) for _ in range(25)]
    accounts = [make_account(paused_at=chance.choice([None, None, NOW])) for _ in range(40)]
    for account in accounts:
        for token in chance.sample(tokens, chance.randint(0, 9)):
            _random_link(chance, account, token)
    settle(*accounts)
    for account in accounts:
        _assert_agrees(account, None)

    for _ in range(3):  # rounds of change: each starts from what the round before decided
        before = {account.pk: account.active_token_id for account in accounts}
        for token in chance.sample(tokens, 8):
            _change(chance, token)
        with transaction.atomic():
            pool.settle(token_ids=[token.pk for token in tokens], cause="test", now=NOW)
        accounts = list(Account.objects.prefetch_related("pool__token"))
        for account in accounts:
            _assert_agrees(account, before[account.pk])
        assert pool.differences() == []


def _assert_agrees(account: Account, active_before: int | None) -> None:
    """`account` comes with its pool and the pool's tokens."""
    entries = [
        Entry(
            token=entry.token_id,
            state=entry.token.state,
            access=entry.access,
            can_publish=entry.can_publish,
            rank=entry.rank,
            deadline_kind=entry.token.deadline_kind,
            deadline=entry.token.deadline,
            proven_at=entry.token.proven_at,
            native_user=entry.token.native_user_id,
            user=entry.token.consented_by_id,
            demoted=entry.token.demoted_at is not None,
        )
        for entry in account.pool.all()
    ]
    expected = decide(entries, active=active_before, paused=account.paused_at is not None)
    assert account.active_token_id == expected.active
    assert account.state == expected.state
    assert (account.deadline_kind, account.deadline) == (expected.deadline_kind, expected.deadline)
    assert account.usable_count == expected.usable_count
    assert account.people_count == expected.people_count


def _random_token(chance: random.Random, app: ChannelApp, people: list[User]) -> Token:
    kind = chance.choice(["date", "date", "never", "unknown"])
    state = chance.choice(["valid", "valid", "cooling", "dead"])
    return make_token(
        app,
        deadline_kind=kind,
        deadline=NOW + chance.randint(1, 3) * DAY if kind == "date" else None,
        state=state,
        proven_at=chance.choice([None, NOW - DAY, NOW - 2 * DAY]),
        consented_by=chance.choice([None, *people]),
    )


def _random_link(chance: random.Random, account: Account, token: Token) -> None:
    link(
        account,
        token,
        rank=chance.choice([None, None, 1, 2]),
        access=chance.choice(["ok", "ok", "ok", "lost"]),
        can_publish=chance.choice(["yes", "yes", "unknown", "no"]),
    )


def _change(chance: random.Random, token: Token) -> None:
    state = chance.choice(["valid", "cooling", "dead"])
    demoted_at = chance.choice([None, NOW])
    reason = "" if state == "valid" else "unknown"
    Token.objects.filter(pk=token.pk).update(state=state, reason=reason, demoted_at=demoted_at)


def _run_together(*works: Callable[[], None]) -> None:
    """Run each in a session of its own, starting at the same moment, and raise what one of them raised."""
    errors: list[BaseException] = []
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        try:
            gate.wait(60)
            work()
        except BaseException as error:  # noqa: BLE001  # raised again in the main thread
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if errors:
        raise errors[0]


def _die(token: Token) -> None:
    with transaction.atomic():
        Token.objects.locked().get(pk=token.pk)
        kill(token)
        pool.settle(token_ids=[token.pk], cause="password_changed", now=NOW)


@pytest.mark.django_db(transaction=True)
def test_two_tokens_of_one_pool_dying_at_once_leave_no_dead_token_active() -> None:
    app = make_app()
    for _ in range(8):
        accounts = [make_account() for _ in range(5)]
        ada, ben = make_token(app), make_token(app)
        for account in accounts:
            link(account, ada)
            link(account, ben)
        settle(*accounts)

        _run_together(lambda one=ada: _die(one), lambda one=ben: _die(one))  # type: ignore[misc]

        assert pool.differences() == []
        assert set(Account.objects.values_list("state", flat=True)) == {"deactivated"}
        assert not Account.objects.filter(active_token__isnull=False).exists()


@pytest.mark.django_db(transaction=True)
def test_a_token_linked_while_it_dies_does_not_connect_the_account() -> None:
    app = make_app()

    def join(account: Account, token: Token) -> None:
        with transaction.atomic():
            Token.objects.locked().get(pk=token.pk)
            link(account, token)
            pool.settle(account_ids=[account.pk], cause="linked", now=NOW)

    for _ in range(8):
        account, token = make_account(), make_token(app)

        _run_together(lambda a=account, t=token: join(a, t), lambda t=token: _die(t))  # type: ignore[misc]

        account.refresh_from_db()
        assert (account.state, account.active_token) == ("deactivated", None)
        assert pool.differences() == []


@pytest.mark.parametrize("dies", ["before the pause", "during the pause"])
def test_an_account_resumed_without_a_living_token_says_why_it_is_dark(dies: str) -> None:
    staff, account, token = make_user(), make_account(), make_token()
    link(account, token)
    settle(account)
    if dies == "before the pause":
        kill(token)
        settle(account, cause="password_changed")
    acting.pause(account=account, actor=staff, note="", now=NOW)
    kill(token)
    settle(account, cause="password_changed")

    acting.resume(account=account, actor=staff, note="", now=NOW)

    account.refresh_from_db()
    assert (account.state, account.reason) == ("deactivated", "password_changed")


@pytest.mark.django_db(transaction=True)
def test_an_account_linked_while_a_list_is_applied_waits_for_the_next_list() -> None:
    token, first, second = make_token(), make_account(), make_account()
    link(first, token)
    settle(first)
    held = threading.Event()

    def hold_and_link() -> None:
        with transaction.atomic():
            Account.objects.locked().get(pk=first.pk)
            held.set()
            wait_until_somebody_waits()
            link(second, token)

    def apply() -> None:
        held.wait(60)
        pool_entries.apply_answers(
            token=token,
            generation=token.generation,
            listed=AccountList((), complete=True),
            now=NOW,
            source="sweep",
        )

    _run_together(hold_and_link, apply)

    assert dict(AccountToken.objects.values_list("account", "access")) == {first.pk: "lost", second.pk: "ok"}


def wait_until_somebody_waits() -> None:
    """Return once another session waits for a lock that this one holds."""
    with connection.cursor() as cursor:
        for _ in range(3_000):
            cursor.execute(WAITS_FOR_US)
            if cursor.fetchone():
                return
            time.sleep(0.02)
    raise AssertionError("nobody waited")


def listed_of(*accounts: Account, **fields: Any) -> AccountList:
    """The channel's list, which says of the accounts what is stored of them."""
    told = {"can_publish": "yes", "currency": "", "time_zone": "", **fields}
    return AccountList(tuple(NativeAccount(one.native_id, one.name, **told) for one in accounts))


def test_a_list_of_unchanged_accounts_locks_and_writes_none() -> None:
    token = make_token()
    Account.objects.bulk_create(
        Account(channel="facebook", native_id=str(number), name=f"Shop {number}", team=Team.default())
        for number in range(60)
    )
    accounts = list(Account.objects.all())
    AccountToken.objects.bulk_create(
        AccountToken(account=account, token=token, can_publish="yes") for account in accounts
    )
    settle(*accounts)
    told: dict[str, Any] = {
        "token": token,
        "generation": token.generation,
        "listed": listed_of(*accounts),
        "now": NOW,
    }
    pool_entries.apply_answers(source="sweep", **told)  # what the log-in reaches is kept

    with CaptureQueriesContext(connection) as queries:
        pool_entries.apply_answers(source="sweep", **told)

    statements = [query["sql"] for query in queries]
    assert [sql for sql in statements if sql.lstrip().upper().startswith(("UPDATE", "INSERT", "WITH"))] == []
    assert [sql for sql in statements if "accounts_account" in sql and "FOR NO KEY UPDATE" in sql] == []
    assert len(statements) <= 5


def test_a_list_writes_the_accounts_that_differ_and_settles_where_it_matters() -> None:
    token, other = make_token(), make_token()
    renamed, lost, same = make_account(), make_account(), make_account()
    for account in (renamed, lost, same):
        link(account, token)
        link(account, other)
    settle(renamed, lost, same)
    told = listed_of(same)
    told = replace(
        told, accounts=(*told.accounts, NativeAccount(renamed.native_id, "New name", can_publish="yes"))
    )

    with CaptureQueriesContext(connection) as queries:
        pool_entries.apply_answers(
            token=token, generation=token.generation, listed=told, now=NOW, source="sweep"
        )

    for account in (renamed, lost, same):
        account.refresh_from_db()
    settled = [query["sql"] for query in queries if "insert into accounts_accountevent" in query["sql"]]
    assert (renamed.name, renamed.active_token) == ("New name", token)
    assert lost.active_token == other
    assert len(settled) == 1
    assert pool.differences() == []


REFUSED = Classification(Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED, note="under review")


@pytest.mark.parametrize(("told", "left"), [(None, "under review"), ("", ""), ("disapproved", "disapproved")])
def test_a_list_that_does_not_tell_of_restrictions_lifts_none(told: str | None, left: str) -> None:
    account, token = make_account(), make_token()
    link(account, token)
    settle(account)
    pool_entries.apply_answers(
        token=token, generation=token.generation, readings={account.pk: AccessCheck(REFUSED)}, now=NOW, source="check"
    )  # fmt: skip
    listed = AccountList((NativeAccount(account.native_id, account.name, restriction=told),))

    pool_entries.apply_answers(
        token=token, generation=token.generation, listed=listed, now=NOW, source="check"
    )

    account.refresh_from_db()
    kinds = list(
        account.events.filter(kind__in=["restricted", "unrestricted"]).values_list("kind", flat=True)
    )
    assert account.restriction == left
    assert sorted(kinds) == (["restricted", "unrestricted"] if left == "" else ["restricted"])


@pytest.mark.parametrize(
    ("granted", "reason", "who"),
    [
        (["ads_read", "business_management"], Reason.SCOPE_MISSING, "Ada"),
        (["ads_management", "ads_read"], Reason.PUBLISHING_LOST, "an admin of the account at Facebook"),
        (None, Reason.PUBLISHING_LOST, "an admin of the account at Facebook"),
    ],
)
def test_who_may_not_publish_is_told_whether_a_permission_or_a_role_is_missing(
    granted: list[str] | None, reason: Reason, who: str
) -> None:
    account, token = make_account(), make_token(scopes=granted, consented_by=make_user(name="Ada"))
    other = make_account()
    link(account, token)
    link(other, token)
    settle(account)
    settle(other)
    listed = AccountList((NativeAccount(account.native_id, account.name, can_publish="no"),))

    pool_entries.apply_answers(
        token=token, generation=token.generation, listed=listed, now=NOW, source="link"
    )

    account.refresh_from_db()
    other.refresh_from_db()
    held = unavailable.not_available(account.pk, teams=None)
    assert (account.state, account.reason, other.reason) == ("deactivated", reason, Reason.ACCESS_LOST)
    assert account.pool.get().access_reason == reason
    assert (held.reason, held.who) == (reason, (who,))
    assert ("re-authenticate at Facebook" in held.detail) is (reason == Reason.SCOPE_MISSING)


def test_deleting_a_person_counts_the_people_of_his_pools_anew() -> None:
    ada = make_user("ada@example.com")
    account = make_account()
    for native in ("1", "2"):
        link(account, make_token(native_user_id=native, consented_by=ada))
    settle(account)
    assert account.people_count == 1

    ada.delete()

    account.refresh_from_db()
    assert account.people_count == 2  # nobody can tell now that both were hers
    assert pool.differences() == []
