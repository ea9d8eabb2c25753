"""A worker outlives the end of its connection to Valkey, also where a task ends afterwards."""

import logging
from typing import Any

import pytest

from adtoken_project.celery import app
from notifications.delivery.tasks import deliver_messages


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
