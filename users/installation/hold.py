"""On hold: a database that was copied or restored acts on nothing until an operator says what it is.

Two installations that work with the same log-ins destroy them: the refresh token that one of them spends is void in the other, and
people get each mail twice. So the database knows what it is bound to, the host of BASE_URL, the key ring and PostgreSQL's own number of
server and database, and a process that finds something else there calls no channel, sends no mail, hands out nothing and runs no task.
`manage.py hold` does the same by hand. Each process looks once a second at most.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import connection
from django.utils.translation import override

from ui.phrases import phrase

logger = logging.getLogger(__name__)
say = partial(phrase, "words/hold.txt")

TRUSTED_FOR = 1.0  # seconds that a process goes by what it read
SAID_EVERY = 60.0  # seconds
RETRY_AFTER = 60  # seconds, for callers
ENGLISH = "en-gb"  # the language of the log
SPENDS = frozenset({"refresh", "exchange"})  # calls that no round of questions may make


class OnHold(Exception):  # noqa: N818  # an answer
    """This installation is on hold. The text says why, and what an operator does."""


@dataclass(frozen=True)
class Hold:
    """Why an installation is on hold."""

    note: str = ""  # a sentence of the operator who put it on hold
    since: datetime | None = None  # None: it came so
    found: str = ""  # or what was found, a block of words/hold.txt

    def __str__(self) -> str:
        return say("on_hold", because=self.because)

    @property
    def because(self) -> str:
        """A sentence for operators, in the reader's language."""
        return say(self.found) if self.found else self.note


def current() -> Hold | None:
    """Return the hold that this process is under, or None. Reads the row once a second at most, from whatever thread."""
    with _lock:
        now = time.monotonic()
        if not _known.until >= now:
            _known.hold = _look()
            _known.until = now + TRUSTED_FOR
            _say(now)
        return _known.hold


def refuse() -> None:
    """Raise OnHold where this process is on hold."""
    hold = current()
    if hold is not None:
        raise OnHold(say("nothing_is_done", hold=str(hold)))


def refuse_by_memory() -> bool:
    """Do as `refuse` by what was read within the last second. False: that is older, so `refuse` must look, which waits for PostgreSQL."""
    hold = _known.hold
    if not _known.until >= time.monotonic():
        return False
    if hold is not None:
        raise OnHold(say("nothing_is_done", hold=str(hold)))
    return True


def refuse_call(call: str) -> None:
    """Raise OnHold before a call to a channel, unless it is a question of the round that ends a hold."""
    if not (_known.asking and call not in SPENDS):
        refuse()


class _HoldState:
    """What this process knows."""

    compare: Callable[[], Hold | None] | None = None
    hold: Hold | None = None
    until = -1.0
    asking = False
    said = float("-inf")


_known = _HoldState()
_lock = threading.Lock()


def reads_by(compare: Callable[[], Hold | None]) -> None:
    """Look by this function from now on: it returns why what the database says is a hold, or None.

    `UsersConfig.ready` names `installation.compare`. A process in which no app starts, such as the launcher, is never on hold.
    """
    _known.compare = compare
    forget()


def forget() -> None:
    """Look again at the next question."""
    _known.until = -1.0


def trust(*, seconds: float) -> None:
    """Go on by "not on hold" for so long. For tests of everything else."""
    _known.hold, _known.until = None, time.monotonic() + seconds


@contextmanager
def asking() -> Iterator[None]:
    """Let this process ask the channels about log-ins although it is on hold: the round that ends it."""
    _known.asking = True
    try:
        yield
    finally:
        _known.asking = False


def _look() -> Hold | None:
    """Compare what the row says with what this process has."""
    if _known.compare is None:
        return None
    was_open = (
        connection.connection is not None
    )  # threads that call channels hold none, and must not keep one
    try:
        return _known.compare()
    finally:
        if not was_open:
            connection.close()


def _say(now: float) -> None:
    """Tell the log, loudly and once a minute."""
    if _known.hold is None:
        _known.said = float("-inf")
    elif now - _known.said >= SAID_EVERY:
        _known.said = now
        with override(ENGLISH):  # whatever the installation speaks: alerts wait for these words
            said = str(_known.hold)
        logger.error("%s No channel is called and no mail is sent. See docs/restore.md.", said)
