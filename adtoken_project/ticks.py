"""How old a task is, by PostgreSQL's clock. Celery would ask the clock of the worker's host, and date by the sender's.

A tick is good until the next one is due, for 5 seconds often: a worker whose host is ahead would throw all of them away, and all workers
those of a beat whose host is behind. `celery.CeleryApp` dates them, `beat` sends them.
"""

from typing import Literal

from celery.worker import request
from celery.worker.state import revoked as thrown_away

from users import database_clock


class Request(request.Request):
    """A task that a worker has received."""

    def maybe_expire(self) -> Literal[True] | None:
        """Return whether it is too old to be run, and note that. The worker's main loop asks, which must not wait for PostgreSQL."""
        if self.expires is None or database_clock.known() <= self.expires:
            return None
        thrown_away.add(self.id)
        return True
