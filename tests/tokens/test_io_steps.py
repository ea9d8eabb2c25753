"""Jobs side by side: what several of them write in one go, and what one that fails costs the others."""

import threading
from collections.abc import Generator, Sequence
from itertools import count
from typing import Any

import pytest
from django.db import OperationalError, connection

from tokens import io_steps
from tokens.io_steps import Together

pytestmark = pytest.mark.django_db(transaction=True)


class Written:
    """Writes numbers, and keeps which were written in one go; what it refuses fails as a whole."""

    def __init__(self, *, refuses: int | None = None) -> None:
        self.groups: list[list[int]] = []
        self.refuses = refuses

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        if self.refuses in numbers:
            raise ValueError(f"{self.refuses} cannot be written")
        self.groups.append(sorted(numbers))
        return [number * 10 for number in numbers]


def job(number: int, write: Any) -> Generator[Any, Any, int]:
    asked: int = yield lambda: number
    written: int = yield Together(write, asked)
    return written


def results(write: Any, numbers: Sequence[int], *, writers: int) -> dict[int, Any]:
    ended: dict[int, Any] = {}
    jobs = iter([{number: job(number, write) for number in numbers}])
    io_steps.run_stream(
        lambda room: next(jobs, None), at_once=len(numbers), ended=ended.__setitem__, writers=writers
    )
    return ended


@pytest.mark.parametrize("writers", [0, 4])
def test_what_many_jobs_write_is_written_in_few_goes_and_each_gets_its_own_answer(writers: int) -> None:
    write, numbers = Written(), list(range(1, 101))

    ended = results(write, numbers, writers=writers)

    assert ended == {number: number * 10 for number in numbers}
    assert sorted(number for group in write.groups for number in group) == numbers
    assert max(map(len, write.groups)) <= io_steps.MOST_TOGETHER
    assert len(write.groups) < 20


@pytest.mark.parametrize("writers", [0, 4])
def test_one_that_cannot_be_written_fails_alone(writers: int) -> None:
    write, numbers = Written(refuses=7), list(range(1, 21))

    ended = results(write, numbers, writers=writers)

    assert str(ended.pop(7)) == "7 cannot be written"
    assert ended == {number: number * 10 for number in numbers if number != 7}


def test_a_job_may_go_on_after_a_write_that_failed() -> None:
    def goes_on() -> Generator[Any, Any, str]:
        try:
            yield Together(Written(refuses=1), 1)
        except ValueError as error:
            return f"left to itself: {error}"
        return "written"

    assert io_steps.run_concurrently({1: goes_on()}, at_once=1) == {1: "left to itself: 1 cannot be written"}


def test_while_postgresql_is_away_a_group_is_not_tried_again_one_by_one() -> None:
    tries = count()

    def away(numbers: Sequence[int]) -> list[int]:
        next(tries)
        connection.close()
        raise OperationalError("the server closed the connection")

    ended = results(away, list(range(10)), writers=0)

    assert {type(error) for error in ended.values()} == {OperationalError}
    assert next(tries) < 10


def test_nobody_waits_for_a_job_whose_channel_does_not_answer() -> None:
    """The others are written a moment after they came, while the silent one is still asked."""
    write, written = Written(), threading.Event()

    def silent() -> Generator[Any, Any, bool]:
        heard: bool = yield lambda: written.wait(20)
        return heard

    def told(numbers: Sequence[int]) -> list[int]:
        written.set()
        return write(numbers)

    ended = io_steps.run_concurrently({0: silent(), 1: job(1, told), 2: job(2, told)}, at_once=3)

    assert ended == {0: True, 1: 10, 2: 20}


def test_nobody_waits_for_news_once_the_last_job_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(io_steps, "ASK_AGAIN", 60.0)
    over = threading.Event()

    def one_job() -> None:
        results(Written(), [1], writers=0)
        over.set()

    threading.Thread(target=one_job, daemon=True).start()

    assert over.wait(20)


def test_a_job_that_runs_alone_writes_alone() -> None:
    write = Written()

    assert io_steps.run(job(3, write)) == 30
    assert write.groups == [[3]]
