"""Background work goes by PostgreSQL's clock: a host whose clock is wrong takes nobody's claim, and nobody takes its."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from adtoken_project import first_steps
from notifications import claims, outbox
from notifications.models import Message
from notifications.tasks import deliver_messages
from users import database_clock
from users.database_clock import now as by_postgresql

HOUR = timedelta(hours=1)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _real(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    database_clock.forget()
    monkeypatch.setattr(database_clock, "now", by_postgresql)
    yield
    database_clock.forget()


@pytest.mark.parametrize(("wrong", "words"), [(HOUR, "3600 s ahead"), (-HOUR, "3600 s behind")])
def test_the_time_is_postgresqls_and_the_log_says_how_wrong_the_host_is(
    wrong: timedelta, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    right = datetime.now(UTC)

    with time_machine.travel(right + wrong, tick=True):
        found = database_clock.now()

    assert abs(found - right) < timedelta(seconds=2)
    assert words in caplog.text


def test_a_clock_that_is_put_right_meanwhile_moves_nothing() -> None:
    before = database_clock.now()

    with time_machine.travel(before + HOUR, tick=True):
        after = database_clock.now()

    assert timedelta(0) <= after - before < timedelta(seconds=2)


@pytest.mark.parametrize("wrong", [HOUR, -HOUR])
def test_a_worker_whose_clock_is_wrong_leaves_others_mails_alone_and_keeps_its_own(
    wrong: timedelta, mailoutbox: list[object]
) -> None:
    now = timezone.now()
    for number in (1, 2):
        outbox.enqueue(
            kind=first_steps.TEST, recipient=f"p{number}@example.com", dedupe_key=str(number), now=now
        )
    being_sent = claims.claim_next(now=now)

    with time_machine.travel(now + wrong, tick=True):
        deliver_messages()
        own = claims.claim_next(now=database_clock.now())

    assert being_sent is not None
    assert own is None
    states = dict(Message.objects.values_list("recipient", "state"))
    assert states == {being_sent.recipient: "sending", "p2@example.com": "sent"}
    assert len(mailoutbox) == 1


def test_a_machine_that_slept_for_an_hour_looks_again() -> None:
    real = datetime.now(UTC)
    with pytest.MonkeyPatch.context() as patch, time_machine.travel(real - HOUR, tick=True):
        patch.setattr(database_clock, "ahead_by", lambda: timedelta(0))
        database_clock.now()

    found = database_clock.now()  # an hour later, of which the monotonic clock knows nothing

    assert abs(found - real) < timedelta(seconds=5)


def test_a_process_that_looks_no_more_goes_by_its_own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    right = database_clock.now()

    with time_machine.travel(right + HOUR, tick=True):
        lately = database_clock.known()
        monkeypatch.setattr(database_clock, "TRUSTED", -1)
        long_ago = database_clock.known()

    assert lately - right < timedelta(seconds=5)
    assert long_ago - right > timedelta(minutes=59)


def test_a_wait_for_a_connection_makes_no_clock_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    at_once = connection.ensure_connection

    def late() -> None:
        if connection.connection is None:
            time.sleep(0.4)
        at_once()

    monkeypatch.setattr(connection, "ensure_connection", late)

    assert abs(database_clock.ahead_by()) < timedelta(seconds=0.15)
