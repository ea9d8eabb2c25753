"""Signs of life: each worker and beat keeps a row of its own, so that one dead among many is seen, and a dead beat restarts no worker.

A worker's row is written by a thread of its own, but only while the worker's main loop turns: the loop must not wait for PostgreSQL. The
row says by how much the host's clock is wrong, too.
"""

import logging
import os
import socket
import threading
import time
from datetime import datetime, timedelta
from typing import Any

from celery.signals import heartbeat_sent, worker_ready, worker_shutdown
from django.db import DatabaseError, connection
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext, ngettext

from adtoken_project import lanes
from adtoken_project.models import BackgroundProcess
from users import database_clock, liveness

logger = logging.getLogger(__name__)

EVERY = 15  # seconds
FRESH = timedelta(seconds=60)  # an older sign counts as none
KEPT = timedelta(days=1)  # rows of processes that have ended
BEAT = "beat"
PARTS = (*lanes.LANES, BEAT)
LOOP_TURNS = 20  # seconds within which the main loop must have turned
CLOCKS_DIFFER = 5  # seconds between a host's clock and PostgreSQL's from which on it is wrong

_loop = {"at": 0.0}
_over = threading.Event()


def host() -> str:
    """Return this machine's name, as the rows hold it."""
    return socket.gethostname()[:120]


def write(*, name: str, parts: list[str], now: datetime) -> None:
    """Write that a process lives. `now` is PostgreSQL's. Never raises: without PostgreSQL nobody reads it either."""
    ahead = (timezone.now() - now).total_seconds()
    facts = {"seen_at": now, "parts": parts, "host": host(), "ahead": ahead}
    try:
        BackgroundProcess.objects.update_or_create(
            name=name[:200], defaults=facts, create_defaults={**facts, "started_at": now}
        )
    except DatabaseError as error:
        logger.warning("the sign of life was not written: %s", type(error).__name__)
    finally:
        connection.close()  # gives it back to the pool


def forget(*, name: str) -> None:
    """Take back the sign of a process that ends as it was told to."""
    try:
        BackgroundProcess.objects.filter(name=name[:200]).delete()
    except DatabaseError as error:
        logger.warning("the sign of life was not taken back: %s", type(error).__name__)
    finally:
        connection.close()


def living(*, now: datetime, on: str = "") -> dict[str, list[str]]:
    """Return part -> names of its processes that gave a sign lately; on one host, or on all."""
    fresh = BackgroundProcess.objects.filter(seen_at__gt=now - FRESH)
    if on:
        fresh = fresh.filter(host=on)
    found: dict[str, list[str]] = {part: [] for part in PARTS}
    for name, parts in fresh.order_by("name").values_list("name", "parts"):
        for part in parts:
            found.setdefault(part, []).append(name)
    return found


def wrong_clocks(*, now: datetime, own: timedelta | None = None) -> list[str]:
    """Return in a few words each which hosts of living processes have a wrong clock. `own`: by how much this one's is ahead, if known."""
    fresh = BackgroundProcess.objects.filter(seen_at__gt=now - FRESH).order_by("host", "seen_at")
    ahead = dict(fresh.values_list("host", "ahead"))  # a host's newest: its processes go by the same clock
    if own is not None:
        ahead[host()] = own.total_seconds()
    return [_wrong(name, wrong, now) for name, wrong in sorted(ahead.items()) if abs(wrong) > CLOCKS_DIFFER]


def _wrong(name: str, ahead: float, now: datetime) -> str:
    # No phrase: it would lose the space that does not break, in "1 hour".
    facts = {"host": name, "length": _length(abs(ahead), now)}
    if ahead > 0:
        return gettext("the clock of %(host)s is %(length)s ahead of PostgreSQL's") % facts
    return gettext("the clock of %(host)s is %(length)s behind PostgreSQL's") % facts


def _length(seconds: float, now: datetime) -> str:
    if seconds < 120:
        return ngettext("%(number)s second", "%(number)s seconds", round(seconds)) % {
            "number": round(seconds)
        }
    return timesince(now - timedelta(seconds=round(seconds)), now)


def prune(*, now: datetime) -> int:
    """Forget processes that have ended long ago. Returns how many."""
    return BackgroundProcess.objects.filter(seen_at__lt=now - KEPT).delete()[0]


@heartbeat_sent.connect
def _turned(**kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    """Note that the worker's main loop turns. Celery sends it every two seconds."""
    _loop["at"] = time.monotonic()


@worker_ready.connect
def _begin(sender: Any, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    _turned()
    _over.clear()
    liveness.watch()
    parts = lanes.served(sender.app.amqp.queues.consume_from)
    name = f"{sender.hostname}" if str(os.getpid()) in sender.hostname else f"{sender.hostname}:{os.getpid()}"
    threading.Thread(target=_keep, args=(name, parts), name="signs-of-life", daemon=True).start()


@worker_shutdown.connect
def _end(**kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    _over.set()


def _keep(name: str, parts: list[str]) -> None:
    while not _over.is_set():
        if time.monotonic() - _loop["at"] < LOOP_TURNS:
            write(name=name, parts=parts, now=database_clock.now())
        _over.wait(EVERY)
    forget(name=name)
