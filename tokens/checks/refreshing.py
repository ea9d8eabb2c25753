"""Where refreshes are made: in a process of their own, which outlives whoever asked for them (see `tokens.checks.refresh_lane`).

A refresh may void the refresh token that it was made with. An answer that nobody waits for is a log-in lost, so no request, task
or page makes one within its own deadline: it asks for it in the token's row, waits a while and goes. Commands that a person waits for, and
that may run where no such process does, make theirs themselves (`here`), and wait as long as the process would.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings

WAIT = 10  # seconds for which a caller waits for the refresh that it asked for

_here: ContextVar[bool] = ContextVar("refreshes_are_made_here", default=False)


def made_here() -> bool:
    """Return whether whoever asks makes the refresh itself."""
    return _here.get()


@contextmanager
def here() -> Iterator[None]:
    """Make refreshes right here, where nothing ends us but the person who waits for us, or who is the refresh lane."""
    before = _here.set(True)
    try:
        yield
    finally:
        _here.reset(before)


def timeout(left: float | None) -> float:
    """Return the seconds for which a refresh is waited for; `left` is what a caller of its own has."""
    return settings.REFRESH_TIMEOUT if left is None else left


def process() -> str:
    """Return what this process is called in a token's row."""
    return f"{socket.gethostname()[:90]}:{os.getpid()}"
