"""Signs of life: each worker process keeps a row of its own, so that one dead among many is seen, and touches a file, for process probes.

It says which of its parts turn, and by how much its host's clock is wrong. A thread writes it, as no part may wait for PostgreSQL for that.
"""

import logging
import os
import socket
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

from django.db import DatabaseError, connection
from django.utils import timezone

from adtoken_project.models import BackgroundProcess
from adtoken_project.workers import lanes
from infra import database_clock, liveness
from ui.phrases import phrase
from ui.text import number

logger = logging.getLogger(__name__)

EVERY = 15  # seconds
FILE = "ALIVE_FILE"  # the variable that names the file, where there is one; the image sets it
FRESH = timedelta(seconds=60)  # an older sign counts as none
KEPT = timedelta(days=1)  # rows of processes that have ended
PARTS = tuple(lanes.LANES)
TURNS = 20  # seconds within which a part must have turned
CLOCKS_DIFFER = 5  # seconds between a host's clock and PostgreSQL's from which on it is wrong


def host() -> str:
    """Return this machine's name, as the rows hold it."""
    return socket.gethostname()[:120]


def write_sign(*, name: str, parts: list[str], now: datetime) -> None:
    """Write that a process lives. `now` is PostgreSQL's. Never raises: without PostgreSQL nobody reads it either."""
    ahead = (timezone.now() - now).total_seconds()
    facts = {"seen_at": now, "parts": parts, "host": host(), "ahead": ahead}
    try:
        if not BackgroundProcess.objects.filter(name=name[:200]).update(**facts):
            BackgroundProcess.objects.create(name=name[:200], started_at=now, **facts)
    except DatabaseError as error:
        logger.warning("the sign of life was not written: %s", type(error).__name__)
    finally:
        connection.close()  # gives it back to the pool


def forget_sign(*, name: str) -> None:
    """Take back the sign of a process that ends as it was told to."""
    try:
        BackgroundProcess.objects.filter(name=name[:200]).delete()
    except DatabaseError as error:
        logger.warning("the sign of life was not taken back: %s", type(error).__name__)
    finally:
        connection.close()


def living(*, now: datetime) -> dict[str, list[str]]:
    """Return part -> names of its processes that gave a sign lately."""
    fresh = BackgroundProcess.objects.filter(seen_at__gt=now - FRESH)
    found: dict[str, list[str]] = {part: [] for part in PARTS}
    for name, parts in fresh.order_by("name").values_list("name", "parts"):
        for part in parts:
            found.setdefault(part, []).append(name)
    return found


def wrong_clocks(*, now: datetime, own: timedelta | None = None) -> list[str]:
    """Return in a sentence each which hosts of living processes have a wrong clock. `own`: by how much this one's is ahead, if known."""
    fresh = BackgroundProcess.objects.filter(seen_at__gt=now - FRESH).order_by("host", "seen_at")
    ahead = dict(fresh.values_list("host", "ahead"))  # a host's newest: its processes go by the same clock
    if own is not None:
        ahead[host()] = own.total_seconds()
    return [_wrong(name, wrong) for name, wrong in sorted(ahead.items()) if abs(wrong) > CLOCKS_DIFFER]


def _wrong(name: str, ahead: float) -> str:
    words = "clock_ahead" if ahead > 0 else "clock_behind"
    return phrase("words/background_work.txt", words, host=name, seconds=number(round(abs(ahead))))


def prune_signs(*, now: datetime) -> int:
    """Forget processes that have ended long ago. Returns how many."""
    return BackgroundProcess.objects.filter(seen_at__lt=now - KEPT).delete()[0]


class Sign:
    """One process's sign of life. Its parts say that they turn."""

    def __init__(self, name: str, parts: Iterable[str]) -> None:
        self._name = name
        self._turned = dict.fromkeys(parts, time.monotonic())

    def turns(self, *parts: str) -> None:
        """Note that these parts turn."""
        self._turned |= dict.fromkeys(parts, time.monotonic())

    def give(self) -> None:
        """Write which parts turn. Where all do, touch the file that a probe looks at."""
        now = time.monotonic()
        turning = [part for part, at in self._turned.items() if now - at < TURNS]
        if len(turning) == len(self._turned) and (file := os.environ.get(FILE)):
            Path(file).touch()
        liveness.watch()
        write_sign(name=self._name, parts=turning, now=database_clock.now())

    def keep(self, over: Event) -> None:
        """Give it every few seconds, until it is over."""
        while not over.is_set():
            self.give()
            over.wait(EVERY)
        forget_sign(name=self._name)
