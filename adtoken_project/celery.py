"""The Celery application. Tasks are doorways into services; PostgreSQL holds every fact, Valkey only carries the calls."""

import os
from typing import Any

from celery import Celery, Task

from adtoken_project.ops import request_ids  # noqa: F401  # importing the ids connects their signals
from adtoken_project.workers import celery_transport
from users.installation import hold

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adtoken_project.settings")

WORKS_ON_HOLD = frozenset({"adtoken_project.tasks.heartbeat"})


class HeldTask(Task):  # type: ignore[type-arg]  # the stubs' parameters do not exist at run time
    """A task that does nothing while this installation is on hold, unless WORKS_ON_HOLD names it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run, or leave it."""
        if self.name not in WORKS_ON_HOLD and hold.current() is not None:
            return None
        return super().__call__(*args, **kwargs)


celery_transport.install()
app = Celery("adtoken", task_cls=HeldTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
