"""When the daily evaluation runs, and that it runs once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from time import sleep
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction

from macros.at_once.services import Messages
from macros.models import Evaluation, Macro, Notice, Told
from macros.warnings import mails
from macros.warnings import services as evaluation
from notifications.models import Message
from notifications.outbox import NotWanted
from tests.macros.support import BERLIN, WATCHER, ending, make_macro, make_person
from tests.macros.test_links_in_mails import lead_of
from tests.notifications.support import make_message
from tests.support.connections import WAITS_FOR_US
from tests.support.factories import NOW, make_team
from users.models import User

SCHEDULE = Evaluation.Trigger.SCHEDULE
FIRST = "0001_initial"  # of the migrations


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=BERLIN)


@pytest.mark.django_db
def test_it_runs_once_a_day_from_the_set_hour_on() -> None:
    ticks = [at(25, 6, 59), at(25, 7), at(25, 7, 5), at(25, 23, 59), at(26, 0, 5), at(26, 7, 4)]

    runs = [evaluation.evaluate_if_due(now=tick) for tick in ticks]

    assert [run is not None for run in runs] == [False, True, False, False, False, True]
    assert [str(day) for day in Evaluation.objects.order_by("on_date").values_list("on_date", flat=True)] == [
        "2026-11-25",
        "2026-11-26",
    ]


@pytest.mark.django_db
def test_a_late_start_catches_up() -> None:
    make_macro(days=[7])
    ending(7)

    report = evaluation.evaluate_if_due(now=at(25, 22))

    assert report is not None
    assert report.message_count == 1


@pytest.mark.django_db
def test_a_warning_that_is_dropped_because_its_reader_left_is_told_to_the_lead_the_same_morning() -> None:
    ada = make_person("ada@example.com")
    make_macro(emails=[], notify_consenters=True, days=[1])
    lead_of(ending(1, person=ada))
    evaluation.evaluate_if_due(now=at(25, 7))
    User.objects.filter(pk=ada.pk).update(is_active=False)

    with (
        time_machine.travel(at(25, 8), tick=False),
        pytest.raises(NotWanted, match="can no longer log in"),
    ):
        mails.build_mail(Message.objects.get())
    evaluation.evaluate_if_due(now=at(25, 8, 5))

    assert list(Message.objects.order_by("pk").values_list("recipient", flat=True)) == [
        "ada@example.com",
        "lead@example.com",
    ]
    assert evaluation.evaluate_if_due(now=at(25, 8, 10)) is None


@pytest.mark.django_db
@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
@pytest.mark.parametrize("hour", [1, 2, 3, 7])  # before, in and after the hour that is missing or comes twice
def test_a_change_of_the_clock_does_no_harm(day: str, hour: int, settings: Any) -> None:
    settings.MACROS_HOUR = hour
    start = datetime.fromisoformat(day).replace(tzinfo=BERLIN)

    for tick in range(0, 25 * 60, 30):
        evaluation.evaluate_if_due(now=start + timedelta(minutes=tick))

    assert Evaluation.objects.filter(on_date=day).count() == 1


@pytest.mark.django_db
def test_a_run_by_hand_does_not_take_the_days_place() -> None:
    evaluation.evaluate(now=at(25, 6))

    assert evaluation.evaluate_if_due(now=at(25, 7)) is not None


@pytest.mark.django_db
def test_a_run_that_fails_leaves_nothing_and_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    make_macro(days=[7])
    ending(5)

    def broken(*_: object, **__: object) -> int:
        return 1 // 0

    with monkeypatch.context() as patch:
        patch.setattr("macros.warnings.services.write_told", broken)
        with pytest.raises(ZeroDivisionError):
            evaluation.evaluate_if_due(now=NOW)
    left = Evaluation.objects.count() + Notice.objects.count()

    report = evaluation.evaluate_if_due(now=NOW)

    assert left == 0
    assert report is not None
    assert report.message_count == 1


def together(do: Callable[[], object], times: int) -> None:
    """Do something several times at the same moment, each on its own connection."""
    barrier = Barrier(times)

    def one(_number: int) -> None:
        try:
            barrier.wait()
            do()
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        list(pool.map(one, range(times)))


@pytest.mark.django_db(transaction=True)
def test_two_beats_make_one_run() -> None:
    make_macro(days=[7])
    ending(5)

    together(lambda: evaluation.evaluate_if_due(now=NOW), 4)

    assert Evaluation.objects.count() == Notice.objects.count() == Message.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_runs_by_hand_tell_once() -> None:
    make_macro(days=[7], notify_consenters=True)
    for _ in range(4):
        ending(5)

    together(lambda: evaluation.evaluate(now=NOW), 4)

    assert Evaluation.objects.count() == 4
    assert Notice.objects.count() == 8
    assert Message.objects.count() == 5


def rows_of(query: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


WAITING = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"


@pytest.mark.django_db(transaction=True)
def test_a_notice_that_somebody_else_writes_meanwhile_stops_no_other() -> None:
    action = make_macro(days=[7])
    there, _ = ending(5), ending(5)
    other = Evaluation.objects.create(on_date=NOW.date(), trigger=Evaluation.Trigger.HAND, started_at=NOW)

    def find() -> int:
        try:
            return evaluation.evaluate(now=NOW).notice_count
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Notice.objects.create(
                evaluation=other, action=action, account=there, cycle=there.cycle,
                threshold=7, recipient=WATCHER,
            )  # fmt: skip
            found = pool.submit(find)
            while not rows_of(WAITING) and not found.done():
                sleep(0.01)
                rows_of("select pg_stat_clear_snapshot()")  # else a transaction sees what it saw first
        assert found.result() == 1
    assert Notice.objects.count() == 2


@pytest.mark.django_db
def test_a_new_installation_warns_everybody_who_linked_and_tells_at_once_what_went_dark() -> None:
    from importlib import import_module

    from django.db.migrations.loader import MigrationLoader

    then = MigrationLoader(None).project_state(("macros", FIRST))

    import_module(f"macros.migrations.{FIRST}").add_default_macro(then.apps, None)

    macro = Macro.objects.get(name="Warn before any account stops")
    assert (macro.enabled, macro.scope) == (True, "all")
    assert list(macro.actions.order_by("pk").values_list("kind", "days", "notify_consenters")) == [
        ("pre_deactivation", [30, 7, 1], True),
        ("deactivated", [], True),
        ("escalated", [], False),
    ]


@pytest.mark.django_db
def test_a_mail_that_comes_to_name_accounts_of_a_second_team_is_no_teams_to_read() -> None:
    ada, messages, teams = make_person(), Messages(NOW), []

    for team in (make_team(), make_team()):
        messages.carry([Told(kind="deactivated", recipient=ada.email, team=team)])
        teams.append(Message.objects.get().team == team)

    assert teams == [True, False]
    assert Message.objects.get().team is None


@pytest.mark.django_db(transaction=True)
def test_two_who_write_to_the_same_readers_in_another_order_do_not_wait_in_a_circle() -> None:
    team, (one, other) = make_team(), ("one@example.com", "other@example.com")
    for reader in (one, other):
        make_message(reader, kind="news", team=team, next_attempt_at=NOW + timedelta(hours=1))

    def carry(messages: Messages, *readers: str) -> None:
        for reader in readers:
            messages.carry([Told(kind="deactivated", recipient=reader, team=team)])

    def turned() -> None:
        try:
            with transaction.atomic():
                carry(Messages(NOW), other, one)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            carry(messages := Messages(NOW), one)
            done = pool.submit(turned)
            while not rows_of(WAITS_FOR_US) and not done.done():
                sleep(0.01)
            carry(messages, other)
        assert done.exception() is None
