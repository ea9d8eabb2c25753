"""The clock: beat, in a thread of the workers that serve the lane for mails. Several send each tick several times, which does no harm.

Beat goes by its host's clock. Where that is put back, what was sent last lies ahead, and beat would send nothing until then: so it
begins anew.
"""

import logging
import time
from threading import Event
from typing import Any

from celery.beat import Service
from django.db import connection
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from adtoken_project.celery import app

logger = logging.getLogger(__name__)

PAUSE = 2.0  # seconds before it begins anew
PUT_BACK = 5.0  # seconds by which a host's clock was put back from which on beat begins anew
LOOK = 5.0  # seconds between two looks at whether a schedule was changed


class Schedule(DatabaseScheduler):  # type: ignore[misc]  # its package ships no types
    """The schedules in PostgreSQL. The library asks whether they changed twice a second, a quarter of all statements at rest."""

    _look_at = 0.0

    def schedule_changed(self) -> bool:
        """Return whether to read them anew; seldom asks."""
        if time.monotonic() < self._look_at:
            return False
        self._look_at = time.monotonic() + LOOK
        return bool(super().schedule_changed())


class Clock:
    """Beat, which ticks until it is told to stop, also after whatever ended it, as PostgreSQL that was away."""

    def __init__(self) -> None:
        self._over = Event()
        self._service: Service | None = None
        self._offset = _offset()

    def run(self) -> None:
        """Tick."""
        while not self._over.is_set():
            try:
                self._begin()
            except Exception:
                logger.exception("beat ended; it begins anew")
            finally:
                connection.close()
            self._over.wait(PAUSE)

    def _begin(self) -> None:
        self._offset = _offset()
        now = timezone.now()
        PeriodicTask.objects.filter(last_run_at__gt=now).update(last_run_at=now)
        celery: Any = app  # whose tasks are of our own kind
        self._service = Service(celery, scheduler_cls=Schedule)
        if not self._over.is_set():
            self._service.start()

    def look(self) -> None:
        """Begin anew where the host's clock was put back. To be called now and then."""
        if self._service is not None and _offset() < self._offset - PUT_BACK:
            self._service.stop()

    def stop(self) -> None:
        """End with the tick that is under way."""
        self._over.set()
        if self._service is not None:
            self._service.stop()


def _offset() -> float:
    return time.time() - time.monotonic()
