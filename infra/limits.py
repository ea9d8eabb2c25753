"""Limits on refused pushes per sender, and on what workers are asked per token or account. Held by each process for itself: no cache.

A push that is signed well is never turned away: only guessing is made fruitless, and quiet in the log. But the same may come again and
again, by a channel's mistake or from somebody who caught it: beyond the limit the sweep asks, once a minute.
"""

import threading
import time

REFUSALS = 30
QUESTIONS = 6
WITHIN = 60.0  # seconds
MOST_KEYS = 10_000


class PerMinute:
    """Counts something per key in windows of one minute."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[float, int]] = {}

    def count(self, key: str) -> None:
        """Note one."""
        now = time.monotonic()
        with self._lock:
            if len(self._seen) >= MOST_KEYS:
                self._seen = {one: found for one, found in self._seen.items() if now - found[0] < WITHIN}
            if len(self._seen) >= MOST_KEYS:
                self._seen.clear()  # a flood of keys: forgetting is cheaper than growing
            began, seen = self._seen.get(key, (now, 0))
            fresh = now - began >= WITHIN
            self._seen[key] = (now, 1) if fresh else (began, seen + 1)

    def too_many(self, key: str) -> bool:
        """Return whether this key has used up the minute."""
        with self._lock:
            began, seen = self._seen.get(key, (0.0, 0))
            return seen >= self.most and time.monotonic() - began < WITHIN

    def forget(self) -> None:
        """Forget all (tests)."""
        with self._lock:
            self._seen.clear()


refusals = PerMinute(REFUSALS)
questions = PerMinute(QUESTIONS)
