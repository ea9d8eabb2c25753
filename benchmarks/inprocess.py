"""The lease inside one process: CPU per call, layer by layer, and the number of SQL statements."""

import io
import random
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone

import broker
from benchmarks import data
from benchmarks.measure import Contender, Figures, Section, interleave
from broker.leases import callers, records

TRIES = 3  # of counting statements: what a process knows for a second has to be read again where the machine stood still for one


def measure(key: str, *, accounts: int, rounds: int, calls: int) -> Section:
    """Return CPU and wall time per call of the lease alone, and of whole requests with and without the middleware."""
    request = request_through(list(settings.MIDDLEWARE), key, accounts)
    naked = request_through([], key, accounts)
    contenders: dict[str, Contender] = {
        "broker.lease alone": lambda: _time(lease_alone(key, accounts), calls),
        "broker.lease alone, without the row of the record": lambda: _unrecorded(key, accounts, calls),
        "whole request without middleware": lambda: _time(naked, calls),
        "whole request": lambda: _time(request, calls),
    }
    for warm in contenders.values():
        warm()
    section = Section(f"Lease inside one process, {accounts:,} accounts, {rounds} rounds of {calls} calls")
    section.results = interleave(contenders, rounds=rounds)
    fewest = min(statements(request) for _ in range(TRIES))
    section.results["whole request"]["SQL statements, key facts known"] = [fewest]
    stranger = request_through(list(settings.MIDDLEWARE), data.make_key(), accounts)
    section.results["whole request"]["SQL statements, key not seen for a second"] = [statements(stranger)]
    return section


def _unrecorded(key: str, accounts: int, calls: int) -> Figures:
    with mock.patch.object(records, "write_record"):
        return _time(lease_alone(key, accounts), calls)


def lease_alone(key: str, accounts: int) -> Callable[[], None]:
    """Return a call of broker.lease for a random account."""
    caller = callers.authenticate(key, now=timezone.now())
    assert caller is not None
    pick = native_ids(accounts)

    def call() -> None:
        broker.lease(caller=caller, channel=data.CHANNEL, native_id=next(pick), now=timezone.now())

    return call


def request_through(middleware: list[str], key: str, accounts: int) -> Callable[[], None]:
    """Return a call of the WSGI application with this middleware, as a server makes it."""
    with override_settings(MIDDLEWARE=middleware):
        handler = WSGIHandler()
    pick = native_ids(accounts)

    def call() -> None:
        seen: list[str] = []

        def start(status: str, _headers: Any, _error: Any = None, /) -> Callable[[bytes], object]:
            seen.append(status)
            return lambda _body: None

        answer = handler(_environ(key, next(pick)), start)
        b"".join(answer)
        answer.close()  # gives the database connection back, as at the end of every request
        if seen != ["200 OK"]:
            raise RuntimeError(f"A lease was answered with {seen}.")

    return call


def statements(call: Callable[[], None]) -> int:
    """Return how many SQL statements one call makes."""
    with CaptureQueriesContext(connection) as captured:
        call()
    return len(captured)


def native_ids(accounts: int) -> Iterator[str]:
    """Return random native ids without end."""
    while True:
        yield str(random.randrange(data.FIRST_NATIVE_ID, data.FIRST_NATIVE_ID + accounts))


def _environ(key: str, native_id: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": f"/api/v1/accounts/{data.CHANNEL}/{native_id}/lease",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": "2",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_AUTHORIZATION": f"Bearer {key}",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(b"{}"),
    }


def _time(call: Callable[[], None], calls: int) -> Figures:
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        call()
    return {
        "CPU, µs/call": 1e6 * (time.process_time() - cpu) / calls,
        "wall, µs/call": 1e6 * (time.perf_counter() - wall) / calls,
    }
