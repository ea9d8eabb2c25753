"""Running checks of several tokens side by side: the calls to channels in threads, what touches the database here or in a few writers.

A job is a generator. It yields a call that needs no database, gets back what the call returned (or its exception), writes what
follows from it, and goes on; what it returns is its result. Where what it writes costs less together with what other jobs write, it
yields that step, too (`Together`).
"""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any

from django.db import Error, InterfaceError, OperationalError, close_old_connections, connection

from tokens import spans

Call = Callable[[], Any]
ASK_AGAIN = 0.25  # seconds
GATHERED_FOR = 0.05  # seconds for which a step waits for others that are written with it
MOST_TOGETHER = 32  # jobs whose steps are written in one go: their rows are locked until all are written
type Job[R] = Generator[Call, Any, R]


@dataclass(frozen=True)
class Together:
    """A step that touches the database, and that several jobs take in one go: `write` gets what each of them brings, and answers each.

    It is all or nothing. Where it fails, each is written alone, so that only the one that is to blame fails. Called, it is taken alone.
    """

    write: Callable[[Sequence[Any]], Sequence[Any]]
    brings: Any

    def __call__(self) -> Any:
        """Take the step for this job alone, and return its answer."""
        return self.write([self.brings])[0]


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


@dataclass(frozen=True)
class _Ended[R]:
    """A job's end: its result, or its exception."""

    result: R | Exception


@dataclass(frozen=True)
class _Failed:
    """What came of a step for one job: an exception."""

    error: Exception


@dataclass
class _Group:
    """Jobs whose steps are written together, with what each brings."""

    jobs: list[tuple[Any, Job[Any], Any]] = field(default_factory=list)
    write_at: float = field(default_factory=lambda: time.monotonic() + GATHERED_FOR)


_Taken = tuple[Any, Job[Any], "Call | Together | _Ended[Any]"]  # key, job, and what it goes on with


class _JobStream[K, R]:
    """Jobs under way, each in a call, in a writer's hands, or in a group; what comes of them is news for the thread that runs them."""

    def __init__(
        self,
        threads: ThreadPoolExecutor,
        writers: ThreadPoolExecutor | None,
        ended: Callable[[K, R | Exception], None],
    ) -> None:
        self.under_way = 0
        self.failures: list[Exception] = []
        self._threads, self._writers, self._ended = threads, writers, ended
        self._news: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._groups: dict[Callable[..., Any], _Group] = {}  # by what writes them

    def begin(self, take: Callable[[int], Mapping[K, Job[R]] | None], room: int) -> bool:
        """Begin what `take` gives. Return whether there was anything."""
        try:
            fresh = take(room) or {}
        except Exception as error:  # noqa: BLE001  # raised once the others have ended
            self._failed(error)
            return False
        self.under_way += len(fresh)
        for key, job in fresh.items():
            self._step(partial(_advanced, key, job, job.__next__))
        return bool(fresh)

    def go_on(self) -> None:
        """Take the news that come within `ASK_AGAIN`, and have written what has gathered."""
        now = time.monotonic()
        others = self.under_way > sum(len(group.jobs) for group in self._groups.values())
        for write, group in list(self._groups.items()):
            if not others or group.write_at <= now:
                self._write(write)
        if not self.under_way:
            return  # what was written was the last: no news will come
        patience = min([ASK_AGAIN, *(group.write_at - now for group in self._groups.values())])
        with suppress(Empty):
            self._news.get(timeout=patience)()
            for _ in range(self._news.qsize()):  # and not what comes meanwhile: others are to be begun, too
                self._news.get_nowait()()

    def _step(self, take: Callable[[], list[_Taken]]) -> None:
        """Have steps taken by a writer, or right here where there are none."""
        if self._writers is None:
            self._follow(take())
            return
        future = self._writers.submit(copy_context().run, _taken_apart, take)
        future.add_done_callback(lambda done: self._news.put(lambda: self._follow(done.result())))

    def _follow(self, steps: list[_Taken]) -> None:
        for key, job, taken in steps:
            if isinstance(taken, _Ended):
                self._end(key, taken.result)
            elif isinstance(taken, Together):
                self._gather(key, job, taken)
            else:
                self._threads.submit(taken).add_done_callback(partial(self._answered, key, job))

    def _answered(self, key: K, job: Job[R], done: Future[Any]) -> None:
        """Note the end of a call. Runs in the call's thread."""
        step = partial(_advanced, key, job, _continuation(job, done))
        self._news.put(lambda: self._step(step))

    def _gather(self, key: K, job: Job[R], step: Together) -> None:
        group = self._groups.setdefault(step.write, _Group())
        group.jobs.append((key, job, step.brings))
        if len(group.jobs) >= MOST_TOGETHER:
            self._write(step.write)

    def _write(self, write: Callable[[Sequence[Any]], Sequence[Any]]) -> None:
        self._step(partial(_written_together, write, self._groups.pop(write).jobs))

    def _end(self, key: K, result: R | Exception) -> None:
        self.under_way -= 1
        try:
            self._ended(key, result)
        except Exception as error:  # noqa: BLE001  # raised once the others have ended
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self.failures.append(error)
        _mend_connection(error)


def _advanced(key: Any, job: Job[Any], step: Callable[[], Call]) -> list[_Taken]:
    return [(key, job, _taken(step))]


def _written_together(
    write: Callable[[Sequence[Any]], Sequence[Any]], jobs: Sequence[tuple[Any, Job[Any], Any]]
) -> list[_Taken]:
    """Write what these jobs bring, and take the next step of each."""
    answers = _answers(write, [brings for _, _, brings in jobs])
    return [
        (key, job, _taken(partial(_go_on_with, job, answer)))
        for (key, job, _), answer in zip(jobs, answers, strict=True)
    ]


def _answers(write: Callable[[Sequence[Any]], Sequence[Any]], brought: Sequence[Any]) -> list[Any]:
    """Return what each gets; where the write fails, each is written alone, unless PostgreSQL is away for all of them."""
    try:
        return list(write(brought))
    except Exception as error:  # noqa: BLE001  # each job decides what the failure means
        away = isinstance(error, InterfaceError | OperationalError) and not connection.is_usable()
        _mend_connection(error)
        if away or len(brought) == 1:
            return [_Failed(error)] * len(brought)
    return [_answers(write, [one])[0] for one in brought]


def _go_on_with(job: Job[Any], answer: Any) -> Call:
    return job.throw(answer.error) if isinstance(answer, _Failed) else job.send(answer)


def _continuation[R](job: Job[R], future: Future[Any]) -> Callable[[], Call]:
    error = future.exception()
    if error is not None:
        return lambda: job.throw(error)
    return lambda: job.send(future.result())


def _taken(step: Callable[[], Call]) -> "Call | Together | _Ended[Any]":
    """Take a job's next step, up to its next call or its end: one that fails must not stop the others."""
    try:
        taken = step()
        return taken if isinstance(taken, Together) else spans.carried(taken)
    except StopIteration as last:
        return _Ended(last.value)
    except Exception as error:  # noqa: BLE001  # the end of this job alone
        _mend_connection(error)
        return _Ended(error)


def _taken_apart(take: Callable[[], list[_Taken]]) -> list[_Taken]:
    """Take steps in a writer's thread, which keeps no connection: there are fewer of them than threads in the process."""
    try:
        return take()
    finally:
        connection.close()


def _mend_connection(error: Exception) -> None:
    """Let a database connection go that broke: else whatever comes next in this thread would fail, too."""
    if isinstance(error, Error):
        close_old_connections()
