"""The clock: django-celery-beat's scheduler, which goes by PostgreSQL's clock, and says that it lives.

By its host's clock it would send nothing for an hour once that is put back by an hour, and all workers would take what a beat sends that is
behind for too old.
"""

import logging
import os
import time
from datetime import datetime
from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from adtoken_project import signs_of_life
from users import database_clock

logger = logging.getLogger(__name__)


class Entry(ModelEntry):  # type: ignore[misc]  # the library is untyped
    """One schedule, which remembers when it was last run."""

    def _default_now(self) -> datetime:
        return database_clock.known()


class Scheduler(DatabaseScheduler):  # type: ignore[misc]  # the library is untyped
    """Writes its row with its own ticks: a process whose ticks hang gives no sign."""

    Entry = Entry
    _said = 0.0

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send a task. One that Valkey does not take is one line, where Celery would write two stacks; its next tick is the next try."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:  # noqa: BLE001  # as the library's: beat goes on whatever one task meets
            logger.error("%s was not sent: %s", entry.task, error)

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        """Send what is due and return the seconds until the next tick."""
        database_clock.now()  # looks, where it must
        wait = super().tick(*args, **kwargs)
        if time.monotonic() - self._said > signs_of_life.EVERY:
            self._said = time.monotonic()
            name = f"beat-{os.getpid()}@{signs_of_life.host()}"
            signs_of_life.write(name=name, parts=[signs_of_life.BEAT], now=database_clock.now())
        return wait
