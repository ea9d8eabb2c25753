"""Count the answers that tests classify, per channel: how many are dead, how many not.

    python -m pytest -q -p tests.support.count_answers tests/tokens tests/contract

An answer is one of its kind: call, status and body. Arbitrary ones (property tests) are left out.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tokens.channels.base import Channel
from tokens.channels.kinds import Answer, Classification, Verdict
from tokens.channels.registry import CHANNELS

Key = tuple[str, int, str]
_seen: dict[str, dict[Key, Verdict]] = defaultdict(dict)
_counting = False


def _counted(
    key: str, classify: Callable[[Channel, Answer], Classification]
) -> Callable[[Channel, Answer], Classification]:
    def wrapped(channel: Channel, answer: Answer) -> Classification:
        classification = classify(channel, answer)
        if _counting:
            body = json.dumps(answer.body, sort_keys=True, default=str)
            _seen[key][answer.call, answer.status, body] = classification.verdict
        return classification

    return wrapped


def pytest_configure() -> None:
    """Look over the shoulder of every channel."""
    for key, channel in CHANNELS.items():
        kind: Any = type(channel)
        kind.classify = _counted(key, kind.classify)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Count while a test runs, unless its answers are arbitrary."""
    global _counting
    _counting = not getattr(getattr(item, "function", None), "is_hypothesis_test", False)
    try:
        return (yield)
    finally:
        _counting = False


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table."""
    terminalreporter.section("answers classified")
    for key, answers in _seen.items():
        dead = sum(verdict == Verdict.TOKEN_DEAD for verdict in answers.values())
        refused = sum(verdict != Verdict.OK for verdict in answers.values()) - dead
        terminalreporter.write_line(
            f"{key}: {len(answers)} answers, {dead} dead, {len(answers) - dead} not dead ({refused} of them refusals)"
        )
