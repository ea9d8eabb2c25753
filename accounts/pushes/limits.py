"""A limit on refused pushes per sender. Held by each process for itself, so that it needs no cache and cannot hang.

A push that is signed well is never counted and never turned away: only guessing is made fruitless, and quiet in the log.
"""

import threading
import time

REFUSALS = 30
WITHIN = 60.0  # seconds
MOST_SENDERS = 10_000


class Refusals:
    """Counts refusals per sender in windows of one minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[float, int]] = {}

    def count(self, sender: str) -> None:
        """Note one refusal."""
        now = time.monotonic()
        with self._lock:
            if len(self._seen) >= MOST_SENDERS:
                self._seen = {who: seen for who, seen in self._seen.items() if now - seen[0] < WITHIN}
            if len(self._seen) >= MOST_SENDERS:
                self._seen.clear()  # a flood of senders: forgetting is cheaper than growing
            began, refusals = self._seen.get(sender, (now, 0))
            fresh = now - began >= WITHIN
            self._seen[sender] = (now, 1) if fresh else (began, refusals + 1)

    def too_many(self, sender: str) -> bool:
        """Tell whether this sender has used up the minute."""
        with self._lock:
            began, refusals = self._seen.get(sender, (0.0, 0))
            return refusals >= REFUSALS and time.monotonic() - began < WITHIN

    def forget(self) -> None:
        """Forget all (tests)."""
        with self._lock:
            self._seen.clear()


refusals = Refusals()
