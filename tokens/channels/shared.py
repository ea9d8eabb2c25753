"""What all processes know of a channel app's calls, in Valkey; where that is away, each process for itself.

Nothing here is a fact that must be kept: emptied, it is learnt again with the next calls.
"""

import logging
import threading
import time
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from django.core.cache import caches
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

AWAY_FOR = 10.0  # seconds for which a Valkey that did not answer is not asked again
_memory: dict[str, tuple[float, Any]] = {}  # key -> when it ends, value
_lock = threading.Lock()
_away = {"until": 0.0}


def read(keys: Iterable[str]) -> dict[str, Any]:
    """Return the values that there are."""
    wanted = list(keys)
    found = _ask("get_many", wanted)
    if isinstance(found, dict):
        return found
    now = time.monotonic()
    with _lock:
        return {key: _memory[key][1] for key in wanted if key in _memory and _memory[key][0] > now}


def write(key: str, value: Any, seconds: float) -> None:
    """Keep a value for so many seconds."""
    if _ask("set", key, value, max(1, int(seconds))) is None:
        with _lock:
            _memory[key] = (time.monotonic() + seconds, value)


def take(key: str, seconds: float) -> bool:
    """Take what one alone may have for so many seconds. Return whether it was free."""
    taken = _ask("add", key, 1, max(1, int(seconds)))
    if taken is not None:
        return bool(taken)
    now = time.monotonic()
    with _lock:
        if key in _memory and _memory[key][0] > now:
            return False
        _memory[key] = (now + seconds, 1)
        return True


def count(key: str, seconds: float, by: int = 1) -> int:
    """Add to a number that lives for so many seconds after its first addition; return it."""
    _ask("add", key, 0, max(1, int(seconds)))
    found = _ask("incr", key, by)
    if isinstance(found, int):
        return found
    now = time.monotonic()
    with _lock:
        ends, before = _memory.get(key, (0.0, 0))
        ends, before = (ends, before) if ends > now else (now + seconds, 0)
        _memory[key] = (ends, before + by)
        return int(before + by)


def tell(name: str) -> None:
    """Tell all processes that listen to this name. It is a hint: nobody hears it while Valkey is away."""
    _ask("tell", name)


def listen(name: str, *, seconds: float) -> Iterator[bool]:
    """Give True whenever the name was told, and False after so many seconds without. Raises RedisError or OSError where Valkey is away."""
    yield from _calls().listen(name, seconds=seconds)


def drop(keys: Iterable[str]) -> None:
    """Forget values."""
    gone = list(keys)
    _ask("delete_many", gone)
    with _lock:
        for key in gone:
            _memory.pop(key, None)


def forget() -> None:
    """Forget all that this process keeps for itself, as a new one would."""
    with _lock:
        _memory.clear()
    _away["until"] = 0.0


@cache
def _calls() -> Any:
    """Return the cache. `caches` makes one, with new connections, in each copy of a context: for each call from an event loop."""
    return caches.create_connection("calls")


def _ask(what: str, *arguments: Any) -> Any:
    """Ask Valkey; None where it is away (nothing that is asked of it here answers None otherwise)."""
    if time.monotonic() < _away["until"]:
        return None
    try:
        found = getattr(_calls(), what)(*arguments)
    except ValueError:  # a number that ran out between two steps
        return None
    except (RedisError, OSError) as error:
        _away["until"] = time.monotonic() + AWAY_FOR
        logger.warning(
            "Valkey is away (%s): calls to channels are counted by each process", type(error).__name__
        )
        return None
    return True if found is None else found
