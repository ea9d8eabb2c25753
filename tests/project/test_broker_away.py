"""A worker outlives the end of its connection to Valkey, also where a task ends afterwards; beat says in one line that it is away."""

import logging
from typing import Any

import pytest
from celery.beat import ScheduleEntry
from celery.schedules import schedule

from adtoken_project.beat import Scheduler
from adtoken_project.celery import app
from notifications.tasks import deliver_messages


@pytest.fixture
def connection() -> Any:
    return app.connection_for_read()


@pytest.fixture
def message(connection: Any) -> Any:
    """A call that a worker has taken and is working on."""
    deliver_messages.apply_async(ignore_result=True)
    return app.amqp.queues["mail"](connection.channel()).get(no_ack=False)


def lose(connection: Any, channel: Any) -> None:
    """What is left of a connection whose server has gone."""
    connection._do_close_transport()
    channel._disconnect_pools()
    channel.qos._on_collect.cancel()  # what it would do at the end of this process


def test_closing_a_lost_connection_with_a_task_under_way_is_no_fault_of_the_worker(
    connection: Any, message: Any
) -> None:
    channel = message.channel
    lose(connection, channel)

    with pytest.raises(connection.connection_errors, match="is over"):  # Celery makes a new one then
        channel.close()


def test_the_end_of_a_task_whose_connection_is_lost_is_no_fault_of_the_worker(
    connection: Any, message: Any, caplog: pytest.LogCaptureFixture
) -> None:
    lose(connection, message.channel)

    message.ack_log_error(logging.getLogger("celery"), connection.connection_errors)

    assert "Couldn't ack" in caplog.text


@pytest.mark.django_db
def test_a_tick_that_valkey_does_not_take_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    away = app.amqp.Producer(app.connection_for_write("redis://127.0.0.1:1/0"))
    entry = ScheduleEntry(name="Mails", task=deliver_messages.name, schedule=schedule(5), app=app)

    Scheduler(app=app, lazy=True).apply_entry(entry, producer=away)

    (said,) = caplog.records
    assert (said.levelname, said.exc_info, said.getMessage().count("\n")) == ("ERROR", None, 0)
    assert f"{deliver_messages.name} was not sent" in said.getMessage()
