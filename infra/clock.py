"""A caller's `now` that goes on while calls to channels are under way."""

import time
from datetime import datetime, timedelta


class Clock:
    """What time it is, counted from a `now` that was passed in: so an answer's moment is not that of the question before it."""

    def __init__(self, now: datetime) -> None:
        self._now, self._began = now, time.monotonic()

    def read(self) -> datetime:
        """Return the moment."""
        return self._now + timedelta(seconds=time.monotonic() - self._began)
