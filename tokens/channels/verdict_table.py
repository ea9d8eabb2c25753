"""How a channel's verdict table is written and asked: rows by what they mean, and answers that are read once.

A package's `verdicts.py` holds the rows, each with its source, and takes the facts out of an answer; the order of questions is here.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from tokens.channels import batch
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
from tokens.channels.kinds import Answer, Call, ChannelError, Classification, Reason, Verdict
from tokens.channels.parse import mapping, number, words
from users import database_clock

# The calls, as rows name them.
EXCHANGE: frozenset[Call] = frozenset({"exchange"})
REFRESH: frozenset[Call] = frozenset({"refresh"})
CALLBACK: frozenset[Call] = frozenset({"authorize_callback"})
ASKED: frozenset[Call] = frozenset({"introspect"})  # about the token itself
FOR_TOKENS = EXCHANGE | REFRESH
AS_USER = USED | ASKED
_SETS = {"calls", "shapes", "statuses", "codes", "subcodes"}


class Where(TypedDict, total=False):
    """What a row may be about: as in `classifier.Row`, written as plain sets."""

    calls: Set[Call]
    shapes: Set[str]
    statuses: Iterable[int]
    codes: Iterable[int | str]
    subcodes: Set[int]
    has_subcode: bool
    text: str
    source: str
    new: bool


def _row(name: str, verdict: Verdict, reason: Reason | None, where: Where) -> Row:
    given: Mapping[str, Any] = where
    facts: dict[str, Any] = {key: frozenset(one) if key in _SETS else one for key, one in given.items()}
    return Row(name, verdict, reason, **facts)


def served(name: str, **where: Unpack[Where]) -> Row:
    """A good answer."""
    return _row(name, Verdict.OK, None, where)


def passing(name: str, **where: Unpack[Where]) -> Row:
    """Trouble that passes by itself."""
    return _row(name, Verdict.TRANSIENT, Reason.TRANSIENT, where)


def limited(name: str, **where: Unpack[Where]) -> Row:
    """Too many calls."""
    return _row(name, Verdict.RATE_LIMITED, Reason.TRANSIENT, where)


def app_fault(name: str, **where: Unpack[Where]) -> Row:
    """Our app is refused: this hits all tokens at once and touches none."""
    return _row(name, Verdict.APP_FAULT, Reason.APP_FAULT, where)


def our_bug(name: str, **where: Unpack[Where]) -> Row:
    """We asked wrongly."""
    return _row(name, Verdict.OUR_BUG, None, where)


def dead(name: str, reason: Reason, **where: Unpack[Where]) -> Row:
    """The token has ended."""
    return _row(name, Verdict.TOKEN_DEAD, reason, where)


def in_doubt(name: str, reason: Reason | None = None, **where: Unpack[Where]) -> Row:
    """It looks like the end of the token; this answer alone does not prove it."""
    return _row(name, Verdict.CONFIRM_FIRST, reason, where)


def out_of_reach(name: str, reason: Reason = Reason.ACCESS_LOST, **where: Unpack[Where]) -> Row:
    """The token lives; this ad account is out of its reach, for everything or for publishing."""
    return _row(name, Verdict.ACCESS_LOST, reason, where)


def restricted(name: str, **where: Unpack[Where]) -> Row:
    """The channel has stopped the ad account."""
    return _row(name, Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED, where)


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
            return batch.gravest(self.classify(item) for item in items), ""
        facts = self.facts_of(answer, body)
        if facts.fine and answer.call not in self.by_rows:
            lacking = self._lacks(answer.call, body)
            if lacking:
                return self.malformed(answer, lacking).classification, lacking
            return Classification(Verdict.OK), ""
        wait = self.retry_after(answer, facts, database_clock.seconds())
        return rule(self.rows, facts, channel=self.channel, retry_after=wait), ""

    def retry_after(self, answer: Answer, facts: Facts, now: float) -> int | None:
        """Return in how many seconds a limit ends, where the answer says so."""
        headers = headers_of(answer)
        seconds = number(headers.get("retry-after")) if self.reads_retry_after else None
        return bounded(self.wait(headers, facts, now) if seconds is None else seconds)

    def _lacks(self, call: Call, body: Any) -> str:
        if self.lacks is not None:
            return self.lacks(call, body)
        return lacks(call, body, rows=self.rows_name) if self.rows_name else ""


def until(moment: int | None, now: float) -> int | None:
    """Return the seconds until a moment that is given in seconds since 1970."""
    return None if moment is None else int(moment - now) + 1


def told(*values: int | str | None) -> frozenset[int | str]:
    """Return those codes and names that an answer has."""
    return frozenset(one for one in values if one not in (None, ""))


def codes_in(*values: Any) -> frozenset[int | str]:
    """Return codes out of values of any shape: numbers, also where they came as text, and names."""
    found = [words(one, 100) if (code := number(one)) is None else code for one in values]
    return told(*found)


def message_in(said: Any, *names: str) -> str:
    """Return these texts of an object as one, in this order."""
    return " ".join(filter(None, (words(mapping(said).get(name)) for name in names)))
