"""Jobs side by side: what one that fails, or waits, costs the others."""

import threading
from collections.abc import Generator
from typing import Any

from infra import io_steps


def job(number: int, *, refuses: int | None = None) -> Generator[Any, Any, int]:
    asked: int = yield lambda: number
    if asked == refuses:
        raise ValueError(f"{asked} cannot be written")
    return asked * 10


def test_one_that_cannot_be_written_fails_alone() -> None:
    numbers = range(1, 21)

    ended: dict[int, Any] = io_steps.run_concurrently(
        {number: job(number, refuses=7) for number in numbers}, at_once=4
    )

    assert str(ended.pop(7)) == "7 cannot be written"
    assert ended == {number: number * 10 for number in numbers if number != 7}


def test_a_job_decides_what_the_failure_of_its_own_call_means() -> None:
    def goes_on() -> Generator[Any, Any, str]:
        try:
            yield lambda: 1 / 0
        except ZeroDivisionError as error:
            return f"left to itself: {error}"
        return "answered"

    assert io_steps.run_concurrently({1: goes_on()}, at_once=1) == {1: "left to itself: division by zero"}


def test_nobody_waits_for_a_job_whose_channel_does_not_answer() -> None:
    """The others go on a moment after they were answered, while the silent one is still asked."""
    written = threading.Event()

    def silent() -> Generator[Any, Any, bool]:
        heard: bool = yield lambda: written.wait(60)
        return heard

    def told() -> Generator[Any, Any, int]:
        yield lambda: None
        written.set()
        return 1

    assert io_steps.run_concurrently({0: silent(), 1: told()}, at_once=2) == {0: True, 1: 1}


def test_a_job_that_runs_alone_takes_all_its_steps_here() -> None:
    assert io_steps.run(job(3)) == 30
