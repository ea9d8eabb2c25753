"""Counters of what leaves no row: requests of the API, runs of tasks.

Each process adds up in memory and hands its sums to Valkey every few seconds, where they become the sums of all processes and hosts, so
that it does not matter which of them is asked. Nobody waits for Valkey meanwhile. A process that is killed takes its last seconds with it,
and an emptied Valkey begins at 0, which Prometheus takes for a restart.
"""

import atexit
import json
import os
import threading
import time
from collections import defaultdict
from typing import Any

import redis
from django.conf import settings
from redis.exceptions import RedisError

SUMS, MOMENTS = "adtoken:counted", "adtoken:moments"  # hashes of Valkey
EVERY = 5.0  # seconds between two hand-overs
PATIENCE = 0.5  # seconds for Valkey
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds, of a histogram

Labels = tuple[str, ...]  # what is counted, then the values of its labels, a bounded number of them

_lock = threading.Lock()
_sums: defaultdict[Labels, float] = defaultdict(float)
_moments: dict[Labels, float] = {}
_begun = threading.Event()


def add(*labels: str, amount: float = 1) -> None:
    """Add to a counter."""
    _hand_over_from_now_on()
    with _lock:
        _sums[labels] += amount


def happened(*labels: str) -> None:
    """Note that something happened just now."""
    _hand_over_from_now_on()
    with _lock:
        _moments[labels] = time.time()


def took(*labels: str, seconds: float) -> None:
    """Add a duration to a histogram."""
    bucket = next((str(limit) for limit in BUCKETS if seconds <= limit), "+Inf")
    add(*labels, bucket)
    add(*labels, "sum", amount=seconds)


def read() -> tuple[dict[Labels, float], dict[Labels, float]]:
    """Return the sums of all processes, and when things last happened (seconds since 1970). Raises RedisError where Valkey is away."""
    flush()
    sums, moments = _valkey().hgetall(SUMS), _valkey().hgetall(MOMENTS)
    return _parsed(sums), _parsed(moments)


def flush() -> None:
    """Give what was added up to Valkey. Raises RedisError where it is away; the sums are kept for the next time then."""
    with _lock:
        sums, moments = dict(_sums), dict(_moments)
        _sums.clear()
        _moments.clear()
    if not sums and not moments:
        return
    try:
        with _valkey().pipeline(transaction=True) as steps:
            for labels, amount in sums.items():
                steps.hincrbyfloat(SUMS, json.dumps(labels), amount)
            for labels, at in moments.items():
                steps.hset(MOMENTS, json.dumps(labels), at)
            steps.execute()
    except (RedisError, OSError):
        with _lock:
            for labels, amount in sums.items():
                _sums[labels] += amount
            _moments.update({**moments, **_moments})
        raise


def _valkey() -> Any:  # the stubs answer for an asynchronous client, too
    where: Any = settings.CACHES["calls"]
    return redis.Redis.from_url(where["LOCATION"], socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)


def _parsed(found: dict[bytes, bytes]) -> dict[Labels, float]:
    return {tuple(json.loads(field)): float(value) for field, value in found.items()}


def _hand_over_from_now_on() -> None:
    """Begin the thread of this process."""
    if not _begun.is_set():
        with _lock:
            if not _begun.is_set():
                _begun.set()
                threading.Thread(target=_keep_handing_over, name="counted", daemon=True).start()


def _keep_handing_over() -> None:
    while True:
        time.sleep(EVERY)
        _try()


def _try() -> None:
    """Hand over, or leave it for the next time: figures must never stop what they are about."""
    try:
        flush()
    except (RedisError, OSError):
        return


def _begin_anew() -> None:
    """In a forked process: its parent hands over what was added up before, and threads do not come along."""
    global _lock  # the parent's may have been held
    _lock = threading.Lock()
    _sums.clear()
    _moments.clear()
    _begun.clear()


os.register_at_fork(after_in_child=_begin_anew)
atexit.register(_try)
