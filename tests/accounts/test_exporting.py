"""Exports made by a worker: the lines say what the pages say, and a worker that dies costs nothing."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.db.models import Case, QuerySet, When
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import export_rows, exporting, pool, pool_reasons, summary
from accounts.models import Account, AccountExport, AccountToken
from tests.support.factories import NOW, link, make_account, make_team, make_token, make_user
from ui import pills
from users import liveness
from users.models import User
from users.visibility import names_for

pytestmark = pytest.mark.django_db(transaction=True)
State = AccountExport.State


@pytest.fixture
def boss(monkeypatch: pytest.MonkeyPatch) -> User:
    monkeypatch.setattr(exporting, "PART", 4)
    return make_user("boss@example.com", is_superuser=True, is_staff=True)


def settled(*accounts: Account) -> None:
    with transaction.atomic():
        pool.settle(account_ids=[account.pk for account in accounts], cause="test", now=NOW)


def make_accounts(count: int, **fields: Any) -> list[int]:
    return [make_account(name=f"Account {number}", **fields).pk for number in range(count)]


def permissions() -> Any:
    return Permission.objects.filter(codename="view_account")


def start(user: User, ids: list[int], now: datetime = NOW) -> AccountExport:
    return exporting.start(user=user, accounts=in_order(ids), now=now)[0]


def in_order(ids: list[int]) -> QuerySet[Account]:
    place = Case(*(When(pk=pk, then=number) for number, pk in enumerate(ids)))
    return Account.objects.filter(pk__in=ids).order_by(place)


def make(at: datetime = NOW, **options: Any) -> bool:
    options.setdefault("goes_on", lambda: True)
    return exporting.make_next(clock=lambda: at, **options)


def rows(export: AccountExport) -> list[list[str]]:
    text = b"".join(exporting.content(export)).decode()
    return list(csv.reader(io.StringIO(text)))


def fleet() -> list[Account]:
    """Accounts in all the states that a line can tell, with pools of several log-ins."""
    ada, ben = make_user("ada@example.com", name="Ada"), make_user("ben@example.com", name="")
    found = []
    for number in range(14):
        account = make_account(name=f"Account {number}", restriction="disabled" if number % 5 == 1 else "")
        for who, days in ((ada, 3 + number * 4), (ben, 60), (None, 20))[: number % 4]:
            state = "dead" if number % 3 == 2 else "valid"
            token = make_token(
                consented_by=who,
                deadline=NOW + timedelta(days=days),
                deadline_kind="date",
                state=state,
                reason="password_changed" if state == "dead" else "",
                last_checked_at=NOW - timedelta(hours=number),
            )
            link(account, token, rank=number % 2)
        if number % 7 == 3:
            AccountToken.objects.filter(account=account).update(access="lost", access_reason="access_lost")
        found.append(account)
    settled(*found)
    Account.objects.filter(pk=found[4].pk).update(paused_at=NOW, state="paused", reason="paused")
    return list(Account.objects.order_by("-pk"))


def expected(account: Account, names: Any) -> list[str]:
    one = summary.summarise(account, NOW)
    checked = [entry.token.last_checked_at for entry in one.entries if entry.token.last_checked_at]
    moment = export_rows._utc
    cells = [
        account.channel, account.native_id, account.name, account.team.name, account.state,
        pills.pill("account", one.health).label, pool_reasons.account_reason(account, one.entries), account.restriction,
        account.deadline_kind, moment(account.deadline), len(one.usable), len(one.entries), one.people,
        names.token(one.active.token, account) if one.active else "", moment(max(checked, default=None)),
    ]  # fmt: skip
    return [export_rows.safe(cell) for cell in cells]


@pytest.mark.parametrize("who", ["boss", "stranger"])
def test_a_line_says_what_the_summary_of_the_account_says(who: str) -> None:
    accounts = fleet()
    viewer = make_user(f"{who}@example.com", is_superuser=who == "boss", team=accounts[0].team)
    names = names_for(viewer)
    page = export_rows.page(Account.objects.all(), [one.pk for one in accounts], names, NOW)

    assert list(csv.reader(io.StringIO(page))) == [expected(one, names) for one in accounts]


def test_an_export_is_made_in_parts_that_together_are_the_file(boss: User) -> None:
    ids = make_accounts(11)[::-1]
    export = start(boss, ids)

    assert make()
    assert not make()

    export.refresh_from_db()
    found = rows(export)
    names = dict(Account.objects.values_list("pk", "native_id"))
    assert (export.state, export.done, export.account_ids) == (State.READY, 11, [])
    assert found[0] == export_rows.HEAD
    assert [row[1] for row in found[1:]] == [names[pk] for pk in ids]
    assert export.parts.count() == 3


def test_nobody_reads_the_ids_of_a_whole_export(boss: User) -> None:
    ids = make_accounts(11)[::-1]

    with CaptureQueriesContext(connection) as asked:
        export = start(boss, ids)
        make()

    told = [query["sql"] for query in asked if "account_ids" in query["sql"]]
    read = [sql for sql in told if sql.startswith("SELECT")]
    assert export.total == 11
    assert len(read) == 3
    assert all(re.search(r'\("accounts_accountexport"."account_ids"\)\[\d+:\d+\]', sql) for sql in read)
    assert "ARRAY(SELECT" in next(sql for sql in told if sql.startswith("INSERT"))


def test_another_worker_goes_on_where_one_died(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    export = start(boss, make_accounts(11))
    page = export_rows.page

    class Killed(BaseException):
        """As kill -9: nothing of our own runs afterwards."""

    def die_in_the_second(accounts: Any, ids: Any, *rest: Any) -> str:
        if export.parts.exists():
            raise Killed
        return page(accounts, ids, *rest)

    monkeypatch.setattr(export_rows, "page", die_in_the_second)
    with pytest.raises(Killed):
        make()
    monkeypatch.setattr(export_rows, "page", page)

    while_it_may_live = make(NOW + timedelta(seconds=1))
    taken_over = make(NOW + liveness.CLAIM + timedelta(seconds=1))

    export.refresh_from_db()
    assert (while_it_may_live, taken_over) == (False, True)
    assert (export.state, export.attempts, len(rows(export))) == (State.READY, 2, 12)


def test_who_was_overtaken_writes_nothing_more(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    export = start(boss, make_accounts(6))
    page, late = export_rows.page, NOW + liveness.CLAIM + timedelta(seconds=1)
    overtakes: Iterator[bool] = iter([True, False, False, False, False])

    def be_slow(accounts: Any, ids: Any, *rest: Any) -> str:
        if next(overtakes):
            assert make(late)
        return page(accounts, ids, *rest)

    monkeypatch.setattr(export_rows, "page", be_slow)

    make()

    export.refresh_from_db()
    assert (export.state, len(rows(export)), export.parts.count()) == (State.READY, 7, 2)


def test_a_worker_that_stops_leaves_the_rest_to_the_next(boss: User) -> None:
    export = start(boss, make_accounts(9))
    make(goes_on=lambda: not export.parts.exists())
    export.refresh_from_db()
    left = export.state, export.done

    make()

    export.refresh_from_db()
    assert left == (State.WAITING, 4)
    assert (export.state, len(rows(export))) == (State.READY, 10)


def test_what_cannot_be_made_fails_once_and_another_is_made(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any) -> str:
        raise LookupError

    export = start(boss, make_accounts(2))
    with monkeypatch.context() as patched:
        patched.setattr(export_rows, "page", broken)
        make()

    export.refresh_from_db()
    again = start(boss, make_accounts(2))
    assert export.state == State.FAILED
    assert make()
    again.refresh_from_db()
    assert again.state == State.READY


def test_a_person_has_one_export_under_way_and_the_last_few_files(boss: User) -> None:
    ids = make_accounts(2)
    first = start(boss, ids)

    same, is_new = exporting.start(user=boss, accounts=in_order(ids), now=NOW)
    for _ in range(4):
        make()
        start(boss, ids)

    assert (same, is_new) == (first, False)
    assert AccountExport.objects.count() == exporting.KEPT
    assert not AccountExport.objects.filter(pk=first.pk).exists()


def test_an_export_holds_only_what_its_person_sees_when_it_is_made() -> None:
    mine, other = make_team(), make_team()
    person = make_user("staff@example.com", team=mine, is_staff=True)
    person.user_permissions.add(*permissions())
    seen, moved = make_account(team=mine), make_account(team=mine)
    export = start(person, [seen.pk, moved.pk])
    Account.objects.filter(pk=moved.pk).update(team=other)

    make()

    assert [row[1] for row in rows(export)[1:]] == [seen.native_id]


def test_somebody_who_left_the_team_meanwhile_opens_nothing() -> None:
    mine = make_team()
    person = make_user("staff@example.com", team=mine, is_staff=True)
    person.user_permissions.add(*permissions())
    export = start(person, [make_account(team=mine).pk])
    make()
    before = exporting.of_person(person)

    person.memberships.all().delete()

    assert before == [export]
    assert exporting.of_person(person) == []


def test_a_file_is_gone_after_a_day(boss: User) -> None:
    now = timezone.now()
    start(boss, make_accounts(2), now)
    make(now)

    assert exporting.sweep(now=now + timedelta(hours=23)) == 0
    assert exporting.sweep(now=now + timedelta(hours=25)) > 0
    assert not AccountExport.objects.exists()
