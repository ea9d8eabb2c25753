"""Shares of a web process: at most half of its threads, and two per channel, wait for channels. Whoever comes then is sent away at once.

Workers have no such limit: their lanes bound what waits.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

PER_CHANNEL = 2
AGAIN_AFTER = 2  # seconds after which whoever found no room may come again

_limit: dict[str, int | None] = {"all": None}
_waiting: Counter[str] = Counter()
_lock = threading.Lock()
_mine = threading.local()


class NoRoom(Exception):  # noqa: N818  # an answer
    """All shares of this process are taken. Nothing was asked."""


def limit(threads: int | None) -> None:
    """Say how many threads this process serves requests with; None: no limit."""
    _limit["all"] = None if threads is None else max(1, threads // 2)


@contextmanager
def taken(channel: str, *, person: bool = False) -> Iterator[None]:
    """Hold a share while waiting for a channel. A thread that holds one goes on with it.

    `person`: somebody sits before the screen with an answer that is good once, so only the half of all threads bounds them. Raises NoRoom.
    """
    if getattr(_mine, "holds", False) or _limit["all"] is None:
        yield
        return
    with _lock:
        full = _waiting.total() >= _limit["all"]
        if full or (not person and _waiting[channel] >= PER_CHANNEL):
            raise NoRoom(channel)
        _waiting[channel] += 1
    _mine.holds = True
    try:
        yield
    finally:
        _mine.holds = False
        with _lock:
            _waiting[channel] -= 1


def waiting() -> dict[str, int]:
    """Return channel -> how many threads of this process wait for it now."""
    with _lock:
        return {channel: count for channel, count in _waiting.items() if count}
