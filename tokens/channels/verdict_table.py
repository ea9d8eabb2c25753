"""How a channel's verdict table is written and asked: rows by what they mean, and answers that are read once.

A package's `verdicts.py` holds the rows, each with its source, and takes the facts out of an answer; the order of questions is here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infra import database_clock
from tokens.channels.classifier import (
    USED,
    Facts,
    Row,
    body_of,
    bounded,
    evidence,
    headers_of,
    lacks,
    malformed,
    rule,
)
from tokens.channels.kinds import Answer, Call, ChannelError, Classification, Verdict
from tokens.channels.parse import number

# The calls, as rows name them.
EXCHANGE: frozenset[Call] = frozenset({"exchange"})
REFRESH: frozenset[Call] = frozenset({"refresh"})
CALLBACK: frozenset[Call] = frozenset({"authorize_callback"})
ASKED: frozenset[Call] = frozenset({"introspect"})  # about the token itself
FOR_TOKENS = EXCHANGE | REFRESH
AS_USER = USED | ASKED


def no_items(_answer: Answer, _body: Any) -> list[Answer]:
    """Return the answers in one to a batch, of a channel that has none."""
    return []


def no_wait(_headers: Mapping[str, str], _facts: Facts, _now: float) -> int | None:
    """Return in how many seconds a limit ends, of a channel that says so in no way of its own."""
    return None


@dataclass(frozen=True)
class VerdictTable:
    """A channel's verdict table. Total: what no row knows is transient or confirm first, never dead."""

    channel: str
    rows: tuple[Row, ...]
    facts_of: Callable[[Answer, Any], Facts]  # takes the facts out of a body of any shape
    # A good answer to a list holds its rows under this name, one to a token call a token; "": nothing is looked for.
    rows_name: str = ""
    lacks: Callable[[Call, Any], str] | None = None  # what a good answer lacks, where it is more than that
    partly: str = ""  # the row of answers of which single items failed: what else they hold is used
    by_rows: frozenset[Call] = frozenset()  # calls whose good answers are for the rows too
    items_of: Callable[[Answer, Any], list[Answer]] = no_items  # the answers in one to a batch
    # In how many seconds a limit ends, where no header Retry-After says so. Takes the headers, the facts and the time in seconds.
    wait: Callable[[Mapping[str, str], Facts, float], int | None] = no_wait
    reads_retry_after: bool = True  # whether that header counts

    def classify(self, answer: Answer) -> Classification:
        """Return what an answer means."""
        return self.judge(answer)[0]

    def require_ok(self, answer: Answer) -> dict[str, Any]:
        """Return the object of a good answer. Raises ChannelError for everything else."""
        classification, lacking = self.judge(answer)
        usable = classification.verdict == Verdict.OK
        if self.partly and classification.row == self.partly:
            usable, lacking = True, self._lacks(answer.call, answer.body)
        if lacking:
            raise self.malformed(answer, lacking)
        if not usable:
            raise ChannelError(classification, evidence=evidence(answer))
        if not isinstance(answer.body, dict):
            raise self.malformed(answer, "an object")
        return answer.body

    def is_ok(self, answer: Answer) -> bool:
        """Return whether an answer is a good one."""
        return self.classify(answer).verdict == Verdict.OK

    def malformed(self, answer: Answer, what: str) -> ChannelError:
        """Return the error for a good answer that does not hold what was asked for."""
        return malformed(answer, what, channel=self.channel)

    def judge(self, answer: Answer) -> tuple[Classification, str]:
        """Return what an answer means, and what it should hold and does not although it looks good; "" for nothing."""
        body = body_of(answer)
        if items := self.items_of(answer, body):
            return gravest(self.classify(item) for item in items), ""
        facts = self.facts_of(answer, body)
        if facts.fine and answer.call not in self.by_rows:
            lacking = self._lacks(answer.call, body)
            if lacking:
                return self.malformed(answer, lacking).classification, lacking
            return Classification(Verdict.OK), ""
        wait = self.seconds_to_wait(answer, facts, database_clock.seconds())
        return rule(self.rows, facts, channel=self.channel, retry_after=wait), ""

    def seconds_to_wait(self, answer: Answer, facts: Facts, now: float) -> int | None:
        """Return in how many seconds a limit ends, where the answer says so."""
        headers = headers_of(answer)
        seconds = number(headers.get("retry-after")) if self.reads_retry_after else None
        return bounded(self.wait(headers, facts, now) if seconds is None else seconds)

    def _lacks(self, call: Call, body: Any) -> str:
        if self.lacks is not None:
            return self.lacks(call, body)
        return lacks(call, body, rows=self.rows_name) if self.rows_name else ""


MOST = 200  # items that are looked at
# The gravest first: what the whole answer means is what its gravest item means.
_GRAVITY = (
    Verdict.TOKEN_DEAD, Verdict.CONFIRM_FIRST, Verdict.APP_FAULT, Verdict.ACCESS_LOST, Verdict.ACCOUNT_RESTRICTED,
    Verdict.RATE_LIMITED, Verdict.TRANSIENT, Verdict.OUR_BUG, Verdict.OK,
)  # fmt: skip


def gravest(classifications: Iterable[Classification]) -> Classification:
    """Return what the items mean together; no item at all is fine.

    A token that served one item lives, whatever another says: then it is only in doubt.
    """
    found = list(classifications)
    worst = min(
        found,
        key=lambda classification: _GRAVITY.index(classification.verdict),
        default=Classification(Verdict.OK),
    )
    served = any(classification.verdict == Verdict.OK for classification in found)
    if worst.verdict == Verdict.TOKEN_DEAD and served:
        return Classification(Verdict.CONFIRM_FIRST, worst.reason, row=worst.row, note=worst.note)
    return worst
