"""The queue's connection to Redis or Valkey, fixed where it would end the worker.

A connection that is lost while a task runs is closed, and with it its channel, which wants to give back the task's call. By then kombu
(5.7) has let go of the connection's facts and raises AttributeError. Celery takes that for a fault of the worker, which ends, instead of
for a lost connection, which it makes anew.
"""

from typing import Any

from kombu.transport import redis as kombu_redis
from redis.exceptions import ConnectionError as RedisConnectionError


class QueueChannel(kombu_redis.Channel):
    """Says that its connection is over in the way that Celery understands. The call comes again, or a sweep does its work."""

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection is None or self.connection.client is None:
            raise RedisConnectionError("The connection to the queue is over.")
        parameters: dict[str, Any] = super()._connparams(asynchronous=asynchronous)  # type: ignore[misc]  # the stubs leave it out
        return parameters


def install() -> None:
    """Have all connections to a queue use it."""
    kombu_redis.Transport.Channel = QueueChannel
