"""What a channel's answer to a job means by the channel's table, and whether the request may be sent again as somebody else."""

from dataclasses import dataclass, replace
from typing import Any

from broker.gate.decisions import Sending
from tokens.channels import http, registry
from tokens.channels.kinds import Answer, Classification, Verdict

# About a log-in, its reach or our app. Everything else is about the request, or passes: the job hears it from the channel.
REPORTED = frozenset(
    {
        Verdict.TOKEN_DEAD,
        Verdict.CONFIRM_FIRST,
        Verdict.ACCESS_LOST,
        Verdict.ACCOUNT_RESTRICTED,
        Verdict.APP_FAULT,
    }
)
REFUSING = frozenset({200, 400, 401, 403, 404})  # statuses with which channels refuse a log-in
NO_ERROR_IS_SO_LONG = 64 * 1024  # bytes
READ = 2 * 1024 * 1024  # bytes of an error or a batch that are read
_FINE = Classification(Verdict.OK)


@dataclass(frozen=True)
class Judged:
    """What an answer says: `answer` is what says it, the whole one or an item of a batch."""

    said: Classification
    answer: Answer
    before_effect: bool = False  # all of it is a refusal of who asks, so nothing was done

    @property
    def is_reported(self) -> bool:
        """Whether it is taken as a report, and may have another log-in serve."""
        return self.said.verdict in REPORTED


def most_read(sending: Sending, status: int) -> int:
    """Return how many bytes of a text are read before it is passed on. A longer one streams, as nothing in it would be looked at."""
    return READ if sending.batch or not 200 <= status < 300 else NO_ERROR_IS_SO_LONG


def judge(sending: Sending, status: int, headers: dict[str, str], text: bytes | None) -> Judged:
    """Judge an answer. `text` None: it was not read, so its head alone counts."""
    native = registry.get(sending.row.channel)
    if text is None:
        answer = Answer("api", status, headers, "")
        return Judged(_FINE if status < 400 else native.classify(answer), answer)
    body = http.parse(text.decode(errors="replace"))
    if sending.batch and isinstance(body, list):
        return _of_batch(sending, headers, body)
    answer = Answer("api", status, headers, body)
    said = native.classify(answer)
    if 200 <= status < 300 and said.unknown:
        said = _FINE  # a good status and no error that the table knows: not every answer has the shape of those that we ask for
    return Judged(said, answer, _is_before_effect(said, status))


def _of_batch(sending: Sending, headers: dict[str, str], items: list[Any]) -> Judged:
    """Judge by the worst item. An item that is missing was not done, or not yet."""
    judged = [_of_item(sending, headers, one) for one in items if isinstance(one, dict)]
    worst = next((one for one in judged if one.said.verdict == Verdict.TOKEN_DEAD), None)
    worst = worst or next((one for one in judged if one.is_reported), None)
    if worst is None:
        return judged[0] if judged else Judged(_FINE, Answer("api", 200, headers, ""))
    whole = len(judged) == len(items) and all(one.before_effect for one in judged)
    return replace(worst, before_effect=whole)


def _of_item(sending: Sending, headers: dict[str, str], item: dict[str, Any]) -> Judged:
    status, body = item.get("code"), item.get("body")
    status = status if isinstance(status, int) else 0
    answer = Answer("api", status, headers, http.parse(body) if isinstance(body, str) else body)
    said = registry.get(sending.row.channel).classify(answer)
    return Judged(said, answer, _is_before_effect(said, status))


def _is_before_effect(said: Classification, status: int) -> bool:
    """Return whether the channel refused who asks, and so did nothing. What no row of its table knows proves nothing."""
    refusal = said.verdict in {Verdict.TOKEN_DEAD, Verdict.CONFIRM_FIRST, Verdict.ACCESS_LOST}
    return refusal and status in REFUSING and not said.unknown
