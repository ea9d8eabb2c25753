"""The Celery application. Tasks are doorways into services; PostgreSQL holds every fact, Valkey only carries the calls."""

import os
import sys
from datetime import datetime
from typing import Any

from celery import Celery, Task

from adtoken_project import celery_transport, env, request_ids  # noqa: F401  # importing the ids connects their signals
from adtoken_project.metrics import signals  # noqa: F401  # and these theirs
from users import database_clock, hold

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adtoken_project.settings")

if (
    "celery" in sys.argv[0]
):  # the settings are read deep inside Celery's command, where none of our code can catch it
    sys.excepthook = env.tell_in_one_line

WORKS_ON_HOLD = frozenset({"adtoken_project.tasks.heartbeat"})


class HeldTask(Task):  # type: ignore[type-arg]  # the stubs' parameters do not exist at run time
    """A task that does nothing while this installation is on hold, unless WORKS_ON_HOLD names it."""

    Request = "adtoken_project.ticks:Request"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run, or leave it."""
        if self.name not in WORKS_ON_HOLD and hold.current() is not None:
            return None
        return super().__call__(*args, **kwargs)


class CeleryApp(Celery):
    """Dates what it sends, and tells beat what is due, by PostgreSQL's clock; Celery's own would be that of the host (see `ticks`)."""

    def now(self) -> datetime:
        """Return the moment in the zone of the schedules. It never waits for PostgreSQL."""
        return database_clock.known().astimezone(self.timezone)


celery_transport.install()
app = CeleryApp("adtoken", task_cls=HeldTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
