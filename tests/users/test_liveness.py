"""Claims are renewed by one thread of a process, come what may, and nobody takes over after a break what the living hold."""

import os
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import connection

from infra import liveness
from infra.liveness import may_take_over, watch
from notifications import outbox
from notifications.delivery import claims
from notifications.models import Message
from portal.start import first_steps
from tests.notifications.support import claim_next
from tests.support.factories import NOW
from tokens.checks import refresh_lane
from tokens.token.queries import TokenQuerySet

CLAIM = liveness.CLAIM.total_seconds()
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _real(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Watched as in production, by a thread of each test's own that ends with it."""
    monkeypatch.setattr(liveness, "may_take_over", may_take_over)
    monkeypatch.setattr(liveness, "watch", watch)
    threads: dict[int, threading.Thread] = {}
    monkeypatch.setattr(liveness, "_threads", threads)
    for name in ("since", "last", "watched_until"):
        monkeypatch.setattr(liveness._Reached, name, float("-inf"))
    monkeypatch.setattr(liveness, "EVERY", 0.02)
    yield
    liveness._Reached.watched_until = float("-inf")
    for thread in list(threads.values()):  # one that ends leaves
        thread.join(60)


class Clock(SimpleNamespace):
    """The monotonic clock of the process under test, which looks at PostgreSQL while it may."""

    passed = 0.0

    def monotonic(self) -> float:
        return self.passed

    def pass_(self, seconds: float, *, looking: bool) -> None:
        for _ in range(int(seconds // 5)):
            self.passed += 5
            if looking:
                assert liveness.look()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(liveness, "time", clock)
    monkeypatch.setattr(liveness, "_have_thread", lambda wait: None)  # the test looks for it
    return clock


def claimed_mail() -> Message:
    outbox.enqueue(kind=first_steps.TEST, recipient="ada@example.com", dedupe_key="1", now=NOW)
    message = claim_next(now=NOW)
    assert message is not None
    return message


@pytest.mark.parametrize("seconds", [15, 300])
def test_after_a_break_of_any_kind_those_who_were_sending_are_heard_first_then_the_dead_are_missed(
    seconds: int, clock: Clock
) -> None:
    """PostgreSQL itself has not been restarted: a fail-over, a stopped pooler and a cut network look like this."""
    message, long_over = claimed_mail(), NOW + timedelta(hours=1)
    clock.pass_(CLAIM + 5, looking=True)
    before = liveness.may_take_over()
    clock.pass_(seconds, looking=False)

    away = claim_next(now=long_over)
    clock.pass_(CLAIM, looking=True)
    just_back = claim_next(now=long_over)
    clock.pass_(5, looking=True)
    taken = claim_next(now=long_over)

    assert before
    assert (away, just_back) == (None, None)
    assert taken == message
    assert not claims.record_sent(message, claims.Sent("", "", ""), now=long_over)


def test_a_short_break_and_a_late_look_change_nothing(clock: Clock) -> None:
    clock.pass_(CLAIM + 5, looking=True)

    clock.pass_(5, looking=False)
    meanwhile = liveness.may_take_over()
    clock.pass_(5, looking=True)

    assert (meanwhile, liveness.may_take_over()) == (True, True)


def test_answers_of_a_standby_count_as_none(clock: Clock) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set default_transaction_read_only = on")
        answered = liveness.look()
        cursor.execute("set default_transaction_read_only = off")

    assert (answered, liveness._Reached.last) == (False, float("-inf"))


def test_the_refresh_lane_misses_no_answer_before(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[float] = []
    monkeypatch.setattr(
        refresh_lane.RefreshLane, "_find_lost", lambda lane, now: searched.append(clock.passed)
    )
    monkeypatch.setattr(TokenQuerySet, "has_refreshes", lambda rows, now: True)

    for _ in range(6):
        refresh_lane.RefreshLane()._look(SimpleNamespace())  # type: ignore[arg-type]  # nothing is due
        clock.pass_(5, looking=True)

    assert searched == [CLAIM + 5]


def test_asking_has_postgresql_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked, real = threading.Event(), liveness.look

    def look() -> bool:
        found = real()
        looked.set()
        return found

    monkeypatch.setattr(liveness, "look", look)

    first = liveness.may_take_over()

    assert not first
    assert looked.wait(60)
    assert liveness._Reached.last > 0


class Broken:
    """A connection that PostgreSQL cut, which cannot be closed in peace."""

    def __getattr__(self, name: str) -> Any:
        return getattr(connection, name)

    def close(self) -> None:
        connection.close()
        raise psycopg.InterfaceError("the connection is lost")


@pytest.mark.parametrize("died", [False, True])
def test_renewing_goes_on_over_a_connection_that_cannot_be_closed_and_after_the_death_of_its_thread(
    died: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if died:
        liveness._threads[os.getpid()] = threading.Thread()  # as good as one that has ended
    else:
        monkeypatch.setattr(liveness, "connection", Broken())
    renewed, times = threading.Event(), iter([False, False, True])

    def keep(_now: datetime) -> None:
        if next(times, True):
            renewed.set()

    with liveness.kept(keep):
        assert renewed.wait(60)
