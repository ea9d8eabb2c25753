"""Hand-outs at the same time share a commit, and none of them depends on another."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction

import broker
from accounts.models import Account, LeaseRecord
from broker.leases import records
from broker.leases.records import GroupCommit, Row
from tests.macros.support import lasting
from tests.support.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 20  # seconds


class Slow:
    """The real insert, which waits at its first call until it is told that the others have come."""

    def __init__(self) -> None:
        self.statements: list[int] = []  # rows of each
        self.go_on = threading.Event()
        self.began = threading.Event()
        self.fails: Callable[[Sequence[Row]], None] = lambda _rows: None

    def __call__(self, rows: Sequence[Row]) -> None:
        self.statements.append(len(rows))
        if len(self.statements) == 1:
            self.began.set()
            assert self.go_on.wait(PATIENCE)
        self.fails(rows)
        records._insert(rows)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as pool:
        yield pool


def row(name: str) -> Row:
    given = records.Given(1, 2, 3, "publish", name)
    return records._row(broker.Caller(name=name), LeaseRecord.Kind.LEASE, given, NOW)


def together(group: GroupCommit, slow: Slow, threads: ThreadPoolExecutor, names: Sequence[str]) -> list[Any]:
    """Write all, the others while the first is on its way. Returns what came of each: None or the error."""

    def write(name: str) -> Exception | None:
        try:
            group.write(row(name))
        except DatabaseError as error:
            return error
        finally:
            connection.close()
        return None

    first = threads.submit(write, names[0])
    assert slow.began.wait(PATIENCE)
    others = [threads.submit(write, name) for name in names[1:]]
    while len(group._queue) < len(names) - 1:
        threading.Event().wait(0.01)
    slow.go_on.set()
    return [one.result(PATIENCE) for one in (first, *others)]


def written() -> list[str]:
    return sorted(LeaseRecord.objects.values_list("caller", flat=True))


def test_who_comes_while_another_is_written_is_written_with_all_who_came(
    slow: Slow, threads: ThreadPoolExecutor
) -> None:
    names = [f"{number:02}" for number in range(8)]

    errors = together(GroupCommit(slow, most=5), slow, threads, names)

    assert errors == [None] * 8
    assert written() == names
    assert slow.statements == [1, 5, 2]


def test_a_row_that_is_refused_costs_no_other_its_answer(slow: Slow, threads: ThreadPoolExecutor) -> None:
    bad = "b" * 101  # longer than the column

    errors = together(GroupCommit(slow, most=8), slow, threads, ["a", bad, "c", "d"])

    assert [type(error).__name__ for error in errors] == ["NoneType", "DataError", "NoneType", "NoneType"]
    assert written() == ["a", "c", "d"]


def test_a_database_that_is_away_is_not_asked_by_each_once_more(
    slow: Slow, threads: ThreadPoolExecutor
) -> None:
    def away(rows: Sequence[Row]) -> None:
        raise OperationalError("the server is away")

    slow.fails = away
    group = GroupCommit(slow, most=8)

    errors = together(group, slow, threads, ["a", "b", "c"])

    assert [type(error).__name__ for error in errors] == ["OperationalError"] * 3
    assert slow.statements == [1, 2]
    slow.fails = lambda _rows: None
    group.write(row("later"))
    assert written() == ["later"]


def test_a_thread_that_ends_in_between_leaves_nobody_waiting(slow: Slow, threads: ThreadPoolExecutor) -> None:
    class Ended(BaseException):
        """The end of a thread."""

    def end(rows: Sequence[Row]) -> None:
        if len(rows) > 1:
            raise Ended

    slow.fails = end
    group = GroupCommit(slow, most=8)

    with pytest.raises(Ended):
        together(group, slow, threads, ["a", "b", "c", "d"])
    threads.shutdown()

    assert len(written()) == 3  # the one that led is gone


def test_inside_a_transaction_the_record_is_a_part_of_it() -> None:
    account = lasting()

    def rolled_back() -> None:
        with transaction.atomic():
            lease(account)
            raise LookupError

    with pytest.raises(LookupError):
        rolled_back()

    assert not LeaseRecord.objects.exists()


def test_leases_of_many_threads_are_each_on_record_once(threads: ThreadPoolExecutor) -> None:
    account = lasting()

    def many(_: int) -> set[int]:
        try:
            return {lease(account).token_id for _ in range(20)}
        finally:
            connection.close()

    tokens = set[int]().union(*threads.map(many, range(8)))

    assert tokens == {account.active_token_id}
    assert LeaseRecord.objects.count() == 8 * 20


def lease(account: Account) -> broker.Lease:
    return broker.lease(
        caller=broker.Caller(name="job"), channel=account.channel, native_id=account.native_id, now=NOW
    )
