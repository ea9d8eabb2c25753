"""The sweep of one channel: claims, shares, its clock, and what breaker and brake make of it."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
import time_machine
from django.db import OperationalError, connection

from accounts import tasks
from accounts.checks import services as sweeps
from adtoken_project.celery import app as celery
from tests.support import connections as other_connections
from tests.support.factories import make_app, make_token
from tokens import lifecycle
from tokens.channels import brake, shared
from tokens.models import ChannelApp, Token

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The tokens whose check made its call; a call takes 20 ms, and writes that the token is no longer due."""
    made: list[int] = []

    def call(token_id: int) -> None:
        time.sleep(0.02)
        made.append(token_id)

    def check(token: Token, *, now: datetime, source: str, **known: Any) -> Any:
        yield lambda: call(token.pk)
        Token.objects.filter(pk=token.pk).update(
            due_at=now + timedelta(hours=4), claimed_until=None, claimed_by=None
        )
        return None

    monkeypatch.setattr(sweeps, "check_token", check)
    return made


def due(channel: str, count: int, **fields: Any) -> list[int]:
    app = make_app(channel, **fields)
    return [make_token(app, due_at=NOW - timedelta(minutes=5)).pk for _ in range(count)]


def ticking(step: timedelta) -> Callable[[], datetime]:
    """A clock that goes on by so much whenever somebody looks at it."""
    moments = iter(range(100_000))
    return lambda: NOW + next(moments) * step


def name(app: ChannelApp) -> str:
    return app.call_name


@pytest.mark.django_db(transaction=True)
def test_a_turn_checks_all_that_is_due_of_its_channel_and_nothing_of_another(calls: list[int]) -> None:
    facebook, x = due("facebook", 70), due("x", 3)

    begun = sweeps.run_sweep(channel="facebook")

    assert begun == 70
    assert sorted(calls) == facebook
    assert set(Token.objects.filter(due_at__lte=NOW).values_list("pk", flat=True)) == set(x)
    assert sweeps.channels_waiting(NOW) == ["x"]


def test_one_turn_at_a_time_in_a_process(calls: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    due("facebook", 1)
    second: list[int | None] = []

    def check(token: Token, *, now: datetime, source: str, **known: Any) -> Any:
        second.append(sweeps.run_sweep(channel="facebook"))
        yield lambda: None
        Token.objects.filter(pk=token.pk).update(due_at=None, claimed_until=None)

    monkeypatch.setattr(sweeps, "check_token", check)

    assert sweeps.run_sweep(channel="facebook") == 1
    assert second == [None]
    assert sweeps.run_sweep(channel="facebook") == 0  # the turn is over


def test_a_turn_begins_nothing_after_its_time_nor_when_the_worker_is_to_stop(calls: list[int]) -> None:
    many = (
        3 * sweeps.SWEPT_AT_ONCE + 1
    )  # the clock leaves time for three begins, however fast the threads are
    due("facebook", many)

    in_time = sweeps.run_sweep(channel="facebook", clock=ticking(timedelta(seconds=15)))
    stopped = sweeps.run_sweep(channel="facebook", goes_on=lambda: False)

    assert in_time is not None
    assert 0 < in_time < many
    assert len(calls) == in_time  # what was begun was ended
    assert stopped == 0
    assert not Token.objects.exclude(claimed_until=None).exists()


def test_an_app_that_does_not_answer_is_tried_by_one_token_and_the_other_app_of_the_channel_goes_on(
    calls: list[int],
) -> None:
    dark = make_app("facebook", is_default=False)
    waiting = [make_token(dark, due_at=NOW - timedelta(hours=2)).pk for _ in range(40)]
    healthy = due("facebook", 40)
    for _ in range(brake.TRIPS_AFTER):
        brake.failed(name(dark), waited=10)

    sweeps.run_sweep(channel="facebook")
    open_now = sorted(calls)
    shared.write(brake._key(name(dark), "open"), {"until": time.time() - 1, "trips": 1}, 60)
    brake.forget()
    sweeps.run_sweep(channel="facebook")

    assert open_now == healthy
    assert len(calls) == len(healthy) + 1
    assert calls[-1] in waiting
    assert Token.objects.filter(pk__in=waiting, due_at__lte=NOW).count() == 39  # they stay due


def test_a_pause_of_the_app_stops_its_checks_and_a_nearly_spent_budget_slows_them(calls: list[int]) -> None:
    due("facebook", 50)
    app = Token.objects.all()[0].app
    type(app).objects.update(daily_budget=1_000)
    brake.pause(name(app), 60)

    sweeps.run_sweep(channel="facebook")
    paused = len(calls)
    shared.drop([brake._key(name(app), "pause")])
    shared.write(brake._key(name(app), "calls"), 990, 60)
    brake.forget()
    sweeps.run_sweep(channel="facebook")
    slowed = len(calls)
    shared.write(brake._key(name(app), "calls"), 100, 60)
    brake.forget()
    sweeps.run_sweep(channel="facebook")

    assert paused == 0
    assert slowed < 5
    assert len(calls) == 50


def test_processes_of_the_lane_spend_a_nearly_spent_budget_together(calls: list[int]) -> None:
    due("facebook", 60)
    app = Token.objects.all()[0].app
    window = brake.SLOW_WINDOW
    with time_machine.travel((time.time() // window + 1) * window):  # the beginning of one
        left = round(9.5 * brake.CALLS_PER_CHECK * (brake.DAY - time.time() % brake.DAY) / window)
        type(app).objects.update(daily_budget=10 * left)
        shared.write(brake._key(name(app), "calls"), 9 * left, 60)

        for _process in range(3):
            brake.forget()
            sweeps.run_sweep(channel="facebook")

    assert len(calls) == 9


def test_all_processes_together_keep_the_pace_of_an_app_that_takes_so_many_calls_a_second(
    calls: list[int],
) -> None:
    due("snapchat", 30)
    begun = []

    # Amid a second: the database's clock is measured, and on a busy machine a few milliseconds differ from one time to the next.
    with time_machine.travel(NOW + timedelta(milliseconds=500), tick=False) as clock:
        for _second in range(2):
            for _process in range(2):
                sweeps.run_sweep(channel="snapchat")
            begun.append(len(calls))
            clock.shift(1)

    assert begun == [5, 10]  # three calls each, a fifth of the twenty left to others


def test_tokens_of_an_apps_share_are_checked_side_by_side_without_waiting_for_the_slowest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow, *quick = due("facebook", 100)
    release, done = threading.Event(), []

    def check(token: Token, *, now: datetime, source: str, **known: Any) -> Any:
        yield lambda: release.wait(60) if token.pk == slow else None
        done.append(token.pk)
        Token.objects.filter(pk=token.pk).update(due_at=None, claimed_until=None)
        if len(done) == len(quick):
            release.set()

    monkeypatch.setattr(sweeps, "check_token", check)

    sweeps.run_sweep(channel="facebook")

    assert done[-1] == slow
    assert sorted(done[:-1]) == quick


def test_a_check_that_fails_is_put_off_and_a_sweep_that_is_ended_gives_its_claims_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (bad, good), failed = due("facebook", 2), threading.Event()

    def check(token: Token, *, now: datetime, source: str, **known: Any) -> Any:
        yield lambda: None if token.pk == bad else failed.wait(60)
        if token.pk == bad:
            failed.set()
            raise ValueError("a bad row")
        raise SystemExit

    monkeypatch.setattr(sweeps, "check_token", check)

    with pytest.raises(SystemExit):
        sweeps.run_sweep(channel="facebook")

    assert Token.objects.get(pk=bad).due_at > NOW + timedelta(minutes=10)  # type: ignore[operator]
    assert not Token.objects.exclude(claimed_until=None).exists()
    assert Token.objects.get(pk=good).due_at < NOW  # type: ignore[operator]


@pytest.mark.parametrize("broken", ["the connection", "the end of a check", "the next claim"])
@pytest.mark.django_db(transaction=True)
def test_a_database_error_in_a_turn_costs_no_other_checks_answer_and_where_it_lasts_nothing_new_is_begun(
    broken: str, calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, *others, later = due("facebook", 10)
    Token.objects.filter(pk=later).update(due_at=None)
    under_way, failed, claims = threading.Barrier(9), threading.Event(), iter([sweeps.claim_tokens])
    check = sweeps.check_token

    def wait(pk: int) -> None:
        if pk != later:
            under_way.wait(60)  # until all nine are under way
        if pk not in (bad, later):
            failed.wait(60)

    def slow(token: Token, *, now: datetime, source: str, **known: Any) -> Any:
        yield lambda: wait(token.pk)
        if token.pk == bad:
            Token.objects.filter(pk=later).update(due_at=NOW)
            failed.set()
            if broken == "the connection":
                end_own_connection()
            raise OperationalError("the server closed the connection")
        yield from check(token, now=now, source=source, **known)

    def fails(*args: Any, **named: Any) -> Any:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(sweeps, "check_token", slow)
    if broken == "the end of a check":
        monkeypatch.setattr(lifecycle, "postpone", fails)
    if broken == "the next claim":
        monkeypatch.setattr(sweeps, "claim_tokens", lambda *args: next(claims, fails)(*args))

    with suppress(OperationalError):
        sweeps.run_sweep(channel="facebook")

    checked = [*others, later] if broken == "the connection" else others
    assert sorted(calls) == checked
    assert set(Token.objects.filter(due_at__gt=NOW + timedelta(hours=3)).values_list("pk", flat=True)) == set(
        checked
    )


def end_own_connection() -> None:
    """Have PostgreSQL end the connection of this thread, as a restart does."""
    beside = other_connections.another()
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        beside.execute("select pg_terminate_backend(%s, 5000)", cursor.fetchone())
    beside.close()


def test_each_tick_asks_for_a_sweep_of_each_channel_with_work(calls: list[int], valkey: redis.Redis) -> None:
    due("facebook", 30)
    due("x", 1)
    celery.loader.import_default_modules()

    tasks.check_due_tokens()

    asked = [str(one) for one in valkey.lrange("checks", 0, -1)]
    assert sum("facebook" in one for one in asked) == 1
    assert len(asked) == 2
