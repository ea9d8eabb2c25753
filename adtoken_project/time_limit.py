"""Ends the statement that a request has waited for too long.

gunicorn replaces a process that hangs, and nothing ends a thread of one. A page whose question PostgreSQL plans badly, or that waits for
somebody's lock, would keep its thread for as long as that takes; whoever presses again takes the next one, and in the end no thread is left
for leases. PostgreSQL's own limit would be a setting of the connection, which a PgBouncer in transaction mode hands to workers as well.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

from adtoken_project import access_log

logger = logging.getLogger(__name__)

LONGEST = 180.0  # seconds; proxies and people give up before, but a consent to 2,000 ad accounts took 7 s on a busy machine
EVERY = 5.0  # seconds between two looks
ANSWERS = 5.0  # seconds within which PostgreSQL takes the order to end it

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass(eq=False)
class _Request:
    """What a thread answers."""

    environ: dict[str, Any]
    since: float
    database: Any  # the thread's own, which may be connected or not
    is_told: bool = False  # in the log


_answered: dict[int, _Request] = {}  # by thread
_begins = threading.Lock()
_watch: threading.Thread | None = None


def limit(application: Application) -> Application:
    """Return a WSGI application whose statements are ended once a request has taken `LONGEST` seconds.

    The view gets OperationalError then, and whoever asked 503. What streams after the view has returned is not looked at.
    """

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if _watch is None:
            _begin()
        me = threading.get_ident()
        _answered[me] = _Request(environ, time.monotonic(), connections[DEFAULT_DB_ALIAS])
        try:
            return application(environ, start_response)
        finally:
            del _answered[me]

    return answer


def _begin() -> None:
    """Watch, from the first request of a process on: a thread would not come along when the main process forks."""
    global _watch  # one for each process
    with _begins:
        if _watch is None:
            _watch = threading.Thread(target=_look_for_ever, name="time limit", daemon=True)
            _watch.start()


def _look_for_ever() -> None:
    while True:
        time.sleep(EVERY)
        for thread, request in list(_answered.items()):
            if time.monotonic() - request.since > LONGEST and _answered.get(thread) is request:
                try:
                    _end(request)
                except Exception:  # nobody else would look in this process
                    logger.exception("A request that takes too long could not be ended.")


def _end(request: _Request) -> None:
    """Cancel what the request asks the database, again and again until it has ended: a view may go on after the first."""
    if not request.is_told:
        request.is_told = True
        method, path = request.environ.get("REQUEST_METHOD", "-"), access_log.path_of(request.environ)
        logger.warning("A request has taken more than %d s: %s %s", LONGEST, method, path)
    connection = request.database.connection
    if connection is not None:  # else it waits for something else
        with suppress(psycopg.Error):
            connection.cancel_safe(timeout=ANSWERS)
