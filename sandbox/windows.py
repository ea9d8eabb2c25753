"""Counting calls in windows of time, for whatever limits them."""

from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass
class Windows:
    """Calls by key. A window starts with the first call in it."""

    counts: dict[Hashable, tuple[int, int]] = field(default_factory=dict)  # key -> (start, calls)

    def count(self, key: Hashable, *, seconds: int, now: int) -> tuple[int, int]:
        """Count one call. Returns how many the window holds with it, and when the window ends (seconds since the epoch)."""
        start, calls = self.counts.get(key, (now, 0))
        if now >= start + seconds:
            start, calls = now, 0
        self.counts[key] = (start, calls + 1)
        return calls + 1, start + seconds

    def clear(self) -> None:
        """Forget all calls."""
        self.counts.clear()
