"""The clock: django-celery-beat's scheduler, which also says that it lives."""

import os
import time
from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler

from adtoken_project import signs_of_life
from users import database_clock


class Scheduler(DatabaseScheduler):  # type: ignore[misc]  # the library is untyped
    """Writes its row with its own ticks: a process whose ticks hang gives no sign."""

    _said = 0.0

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        """Send what is due and return the seconds until the next tick."""
        wait = super().tick(*args, **kwargs)
        if time.monotonic() - self._said > signs_of_life.EVERY:
            self._said = time.monotonic()
            name = f"beat-{os.getpid()}@{signs_of_life.host()}"
            signs_of_life.write(name=name, parts=[signs_of_life.BEAT], now=database_clock.now())
        return wait
