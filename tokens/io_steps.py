"""Running checks of several tokens side by side: the calls to channels in threads, what touches the database here or in a few writers.

A job is a generator. It yields a call that needs no database, gets back what the call returned (or its exception), writes what
follows from it, and goes on; what it returns is its result.
"""

import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from django.db import Error, close_old_connections, connection

from tokens import spans

K = TypeVar("K")
R = TypeVar("R")
Call = Callable[[], Any]
ASK_AGAIN = 0.25  # seconds
Job = Generator[Call, Any, R]


def run(job: Job[R], *, before_call: Callable[[], None] = lambda: None) -> R:
    """Run one job to its end, its calls right here, each after `before_call`."""
    try:
        call = next(job)
        while True:
            before_call()
            call = _go_on(job, call)
    except StopIteration as end:
        result: R = end.value
        return result


def _go_on(job: Job[R], call: Call) -> Call:
    try:
        answer = call()
    except Exception as error:  # noqa: BLE001  # the job decides what its own call's failure means
        return job.throw(error)
    return job.send(answer)


def run_concurrently(jobs: Mapping[K, Job[R]], *, at_once: int) -> dict[K, R | Exception]:
    """Run jobs, their calls `at_once` at a time. A job that fails gives its exception and stops no other."""
    ended: dict[K, R | Exception] = {}
    left = iter(jobs.items())
    run_stream(lambda room: dict(islice(left, room)), at_once=at_once, ended=ended.__setitem__)
    return ended


def run_stream(
    take: Callable[[int], Mapping[K, Job[R]] | None],
    *,
    at_once: int,
    ended: Callable[[K, R | Exception], None],
    writers: int = 0,
) -> None:
    """Run jobs as threads come free: none waits for the slowest of a batch.

    `take` is asked for up to so many more and returns None where there are none; it is asked again while others are under way, each quarter
    of a second at most, and once more when none is. `ended` hears of each end, in this thread, where everything but the calls happens. With
    `writers`, so many threads take the jobs' steps between their calls, each with a connection to PostgreSQL of its own, so that jobs wait
    for it side by side, too.

    Where `take` or `ended` fails, nothing more is begun; what is on its way goes on to its end, so that its answers are recorded, and then
    the first failure is raised.
    """
    with ExitStack() as stack:
        writing = stack.enter_context(ThreadPoolExecutor(writers)) if writers else None
        stream = _JobStream(stack.enter_context(ThreadPoolExecutor(at_once)), writing, ended)
        ask_at = 0.0
        while True:
            fresh = False
            room = at_once - len(stream.under_way)
            asks = room >= at_once / 4 and (time.monotonic() >= ask_at or not stream.under_way)
            if asks and not stream.failures:
                fresh = stream.begin(take, room)
                ask_at = 0.0 if fresh else time.monotonic() + ASK_AGAIN
            if not stream.under_way and not fresh:
                break
            stream.go_on()
    if stream.failures:
        raise stream.failures[0]


@dataclass(frozen=True)
class _Ended(Generic[R]):
    """A job's end: its result, or its exception."""

    result: R | Exception


class _JobStream(Generic[K, R]):
    """Jobs under way, by what they wait for: a call, or a step that a writer takes. And what went wrong beside them."""

    def __init__(
        self,
        threads: ThreadPoolExecutor,
        writers: ThreadPoolExecutor | None,
        ended: Callable[[K, R | Exception], None],
    ) -> None:
        self.under_way: dict[Future[Any], tuple[K, Job[R]]] = {}
        self.failures: list[Exception] = []
        self._threads, self._writers, self._ended = threads, writers, ended
        self._steps: set[Future[Any]] = set()

    def begin(self, take: Callable[[int], Mapping[K, Job[R]] | None], room: int) -> bool:
        """Begin what `take` gives. Return whether there was anything."""
        try:
            fresh = take(room) or {}
        except Exception as error:  # noqa: BLE001  # raised once the others have ended
            self._failed(error)
            return False
        for key, job in fresh.items():
            self._advance(key, job, job.__next__)
        return bool(fresh)

    def go_on(self) -> None:
        """Take the next answers and steps, those that come within `ASK_AGAIN`."""
        done, _ = wait(self.under_way, timeout=ASK_AGAIN, return_when=FIRST_COMPLETED)
        for future in done:
            key, job = self.under_way.pop(future)
            if future in self._steps:
                self._steps.remove(future)
                self._follow(key, job, future.result())
            else:
                self._advance(key, job, _continuation(job, future))

    def _advance(self, key: K, job: Job[R], step: Callable[[], Call]) -> None:
        if self._writers is None:
            self._follow(key, job, _taken(step))
            return
        future = self._writers.submit(copy_context().run, _taken_apart, step)
        self._steps.add(future)
        self.under_way[future] = key, job

    def _follow(self, key: K, job: Job[R], taken: "Call | _Ended[R]") -> None:
        if isinstance(taken, _Ended):
            self._end(key, taken.result)
        else:
            self.under_way[self._threads.submit(taken)] = key, job

    def _end(self, key: K, result: R | Exception) -> None:
        try:
            self._ended(key, result)
        except Exception as error:  # noqa: BLE001  # raised once the others have ended
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self.failures.append(error)
        _mend_connection(error)


def _continuation(job: Job[R], future: Future[Any]) -> Callable[[], Call]:
    error = future.exception()
    if error is not None:
        return lambda: job.throw(error)
    return lambda: job.send(future.result())


def _taken(step: Callable[[], Call]) -> "Call | _Ended[Any]":
    """Take a job's next step, up to its next call or its end: one that fails must not stop the others."""
    try:
        return spans.carried(step())
    except StopIteration as last:
        return _Ended(last.value)
    except Exception as error:  # noqa: BLE001  # the end of this job alone
        _mend_connection(error)
        return _Ended(error)


def _taken_apart(step: Callable[[], Call]) -> "Call | _Ended[Any]":
    """Take a step in a writer's thread, which keeps no connection: there are fewer of them than threads in the process."""
    try:
        return _taken(step)
    finally:
        connection.close()


def _mend_connection(error: Exception) -> None:
    """Let a database connection go that broke: else whatever comes next in this thread would fail, too."""
    if isinstance(error, Error):
        close_old_connections()
