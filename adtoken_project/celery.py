"""The Celery application. Tasks are doorways into services; PostgreSQL holds every fact, Valkey only carries the calls."""

import os
from typing import Any

from celery import Celery, Task
from kombu.transport import redis as kombu_redis
from redis.exceptions import ConnectionError as RedisConnectionError

from adtoken_project.telemetry import request_ids  # noqa: F401  # importing the ids connects their signals
from users.installation import hold


class QueueChannel(kombu_redis.Channel):
    """The queue's connection: says that it is over in the way that Celery understands. The call comes again, or a sweep does its work.

    One that is lost while a task runs is closed, and its channel wants to give back the task's call. By then kombu (5.7) has let go of the
    connection's facts and raises AttributeError. Celery takes that for a fault of the worker, which ends, not for a lost connection.
    """

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection is None or self.connection.client is None:
            raise RedisConnectionError("The connection to the queue is over.")
        parameters: dict[str, Any] = super()._connparams(asynchronous=asynchronous)  # type: ignore[misc]  # the stubs leave it out
        return parameters


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adtoken_project.settings")

WORKS_ON_HOLD = frozenset({"adtoken_project.tasks.heartbeat"})


class HeldTask(Task):  # type: ignore[type-arg]  # the stubs' parameters do not exist at run time
    """A task that does nothing while this installation is on hold, unless WORKS_ON_HOLD names it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run, or leave it."""
        if self.name not in WORKS_ON_HOLD and hold.current() is not None:
            return None
        return super().__call__(*args, **kwargs)


kombu_redis.Transport.Channel = QueueChannel
app = Celery("adtoken", task_cls=HeldTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
