"""Running checks of several tokens side by side: the calls to channels in threads, what touches the database here.

A job is a generator. It yields a call that needs no database, gets back what the call returned (or its exception), writes what
follows from it, and goes on; what it returns is its result.
"""

import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from django.db import Error, InterfaceError, OperationalError, close_old_connections, connection

from infra import spans

STORE_FOR = 600  # seconds for which it is kept in memory while PostgreSQL is away
_EVERY = 0.5


def stored[R](write: Callable[[], R]) -> R:
    """Write down what cannot be had or undone again: an answer that spent something, a mail that was handed over.

    Where PostgreSQL is away, wait for it as long as we live.
    """
    until = time.monotonic() + STORE_FOR
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or time.monotonic() > until:
                raise
            connection.close()
            time.sleep(_EVERY)


Call = Callable[[], Any]
ASK_AGAIN = 0.25  # seconds
type Job[R] = Generator[Call, Any, R]


def run[R](job: Job[R], *, before_call: Callable[[], None] = lambda: None) -> R:
    """Run one job to its end, its calls right here, each after `before_call`."""
    try:
        call = next(job)
        while True:
            before_call()
            call = _go_on(job, call)
    except StopIteration as end:
        result: R = end.value
        return result


def _go_on[R](job: Job[R], call: Call) -> Call:
    try:
        answer = call()
    except Exception as error:  # noqa: BLE001  # the job decides what its own call's failure means
        return job.throw(error)
    return job.send(answer)


def run_concurrently[K, R](jobs: Mapping[K, Job[R]], *, at_once: int) -> dict[K, R | Exception]:
    """Run jobs, their calls `at_once` at a time. A job that fails gives its exception and stops no other."""
    ended: dict[K, R | Exception] = {}
    left = iter(jobs.items())
    run_stream(lambda room: dict(islice(left, room)), at_once=at_once, ended=ended.__setitem__)
    return ended


def run_stream[K, R](
    take: Callable[[int], Mapping[K, Job[R]] | None],
    *,
    at_once: int,
    ended: Callable[[K, R | Exception], None],
) -> None:
    """Run jobs as threads come free: none waits for the slowest of a batch.

    `take` is asked for up to so many more and returns None where there are none; it is asked again while others are under way, each quarter
    of a second at most, and once more when none is. `ended` hears of each end, in this thread, where everything but the calls happens.

    Where `take` or `ended` fails, nothing more is begun; what is on its way goes on to its end, so that its answers are recorded, and then
    the first failure is raised.
    """
    with ThreadPoolExecutor(at_once) as threads:
        stream = _JobStream(threads, ended)
        ask_at = 0.0
        while True:
            fresh = False
            room = at_once - stream.under_way
            asks = room >= at_once / 4 and (time.monotonic() >= ask_at or not stream.under_way)
            if asks and not stream.failures:
                fresh = stream.begin(take, room)
                ask_at = 0.0 if fresh else time.monotonic() + ASK_AGAIN
            if not stream.under_way and not fresh:
                break
            stream.go_on()
    if stream.failures:
        raise stream.failures[0]


class _JobStream[K, R]:
    """Jobs under way, each in a call; what comes of it is for the thread that runs them."""

    def __init__(self, threads: ThreadPoolExecutor, ended: Callable[[K, R | Exception], None]) -> None:
        self.failures: list[Exception] = []
        self._threads, self._ended = threads, ended
        self._calls: dict[Future[Any], tuple[K, Job[R]]] = {}

    @property
    def under_way(self) -> int:
        """How many jobs have begun and not ended."""
        return len(self._calls)

    def begin(self, take: Callable[[int], Mapping[K, Job[R]] | None], room: int) -> bool:
        """Begin what `take` gives. Return whether there was anything."""
        try:
            fresh = take(room) or {}
        except Exception as error:  # noqa: BLE001  # raised once the others have ended
            self._failed(error)
            return False
        for key, job in fresh.items():
            self._step(key, job, partial(next, job))
        return bool(fresh)

    def go_on(self) -> None:
        """Take the next steps of jobs whose calls end within `ASK_AGAIN`."""
        done, _ = wait(self._calls, timeout=ASK_AGAIN, return_when=FIRST_COMPLETED)
        for call in done:
            key, job = self._calls.pop(call)
            self._step(key, job, partial(_go_on, job, call.result))

    def _step(self, key: K, job: Job[R], step: Callable[[], Call]) -> None:
        """Take a job's next step, up to its next call or its end: one that fails must not stop the others."""
        try:
            call = step()
        except StopIteration as last:
            self._end(key, last.value)
        except Exception as error:  # noqa: BLE001  # the end of this job alone
            _mend_connection(error)
            self._end(key, error)
        else:
            self._calls[self._threads.submit(spans.carried(call))] = key, job

    def _end(self, key: K, result: R | Exception) -> None:
        try:
            self._ended(key, result)
        except Exception as error:  # noqa: BLE001  # raised once the others have ended
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self.failures.append(error)
        _mend_connection(error)


def _mend_connection(error: Exception) -> None:
    """Let a database connection go that broke: else whatever comes next in this thread would fail, too."""
    if isinstance(error, Error):
        close_old_connections()


class Clock:
    """A caller's `now` that goes on while calls to channels are under way: an answer's moment is not that of the question before it."""

    def __init__(self, now: datetime) -> None:
        self._now, self._began = now, time.monotonic()

    def read(self) -> datetime:
        """Return the moment."""
        return self._now + timedelta(seconds=time.monotonic() - self._began)
