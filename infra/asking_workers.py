"""Asking a worker to do something soon. Only ever a hint: a sweep does the work where no worker could be asked.

So whoever asks waits for the queue half a second at most, and not again for some seconds once it did not answer.
"""

import logging
import time
from contextlib import suppress
from hashlib import sha256
from typing import Any

from celery import Task
from django.core.cache import caches
from django.db import transaction
from kombu.exceptions import OperationalError
from kombu.pools import producers
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

PATIENCE = 0.5  # seconds
# How often one thing is asked for, in how many seconds: channels repeat pushes by mistake, and others what they caught.
MOST, WITHIN = 6, 60
AWAY_FOR = 5.0  # seconds for which a queue that did not answer is not asked again
_SHORT = {"socket_connect_timeout": PATIENCE, "socket_timeout": PATIENCE, "max_retries": 0}
_away = {"until": 0.0}


def ask(task: "Task[..., Any]", *args: Any) -> bool:
    """Ask a worker to run a task. Returns whether the queue has it."""
    if time.monotonic() < _away["until"]:
        return False
    try:
        # Connections of their own: workers wait longer for theirs.
        connection = task.app.connection_for_write(transport_options=_SHORT)
        with producers[connection].acquire(block=True, timeout=PATIENCE) as producer:
            task.apply_async(args, producer=producer, retry=False, ignore_result=True)
    except (OperationalError, RedisError, OSError) as error:
        _away["until"] = time.monotonic() + AWAY_FOR
        logger.warning(
            "No worker could be asked to run %s; the sweep will: %s", task.name, type(error).__name__
        )
        return False
    return True


def ask_on_commit(task: "Task[..., None]", *ids: int) -> None:
    """Have a worker run the task once this transaction is committed.

    Only a hint: where the broker is away, or the same was asked for too often, a sweep does the work.
    """
    # A function: Django asks what fails for its name, which a `partial` has not, and raises where it should log.
    transaction.on_commit(lambda: _ask_unless_often(task, ids), robust=True)


def _ask_unless_often(task: "Task[..., None]", ids: tuple[int, ...]) -> None:
    if ids and time.monotonic() >= _away["until"]:
        with suppress(RedisError, ValueError):  # away, which `ask` says; the minute is over
            # Hashed: hundreds of ids are one key.
            calls, what = caches["calls"], sha256(f"{task.name} {ids}".encode()).hexdigest()
            calls.add(what, 0, WITHIN)
            if calls.incr(what) > MOST:
                return
    ask(task, *ids)


def forget() -> None:
    """Ask the queue again at once."""
    _away["until"] = 0.0
