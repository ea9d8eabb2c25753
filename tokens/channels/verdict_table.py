"""How a channel's verdict table is written and asked: rows by what they mean, and answers that are read once.

A package's `verdicts.py` holds the rows, each with its source, and takes the facts out of an answer; the order of questions is here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infra import database_clock, scrub
from tokens.channels.classifier import (
    LONGEST_WAIT,
    USED,
    WAY_BACK,
    Facts,
    Row,
    body_of,
    evidence,
    fingerprint,
    rule,
)
from tokens.channels.kinds import Answer, Call, ChannelError, Classification, Reason, Verdict
from tokens.channels.parse import codes_in, mapping, message_in, number, words

# The calls, as rows name them.
EXCHANGE: frozenset[Call] = frozenset({"exchange"})
REFRESH: frozenset[Call] = frozenset({"refresh"})
ASKED: frozenset[Call] = frozenset({"introspect"})  # about the token itself
FOR_TOKENS = EXCHANGE | REFRESH
AS_USER = USED | ASKED


@dataclass(frozen=True)
class VerdictTable:
    """A channel's verdict table. Total: what no row knows is transient or confirm first, never dead."""

    channel: str
    rows: tuple[Row, ...]
    facts_of: Callable[[Answer, Any], Facts]  # takes the facts out of a body of any shape
    # A good answer to a list of ad accounts holds one under one of these names, one to a token call a token. None: nothing is looked for.
    lists: tuple[str, ...] = ()
    partly: str = ""  # the row of answers of which single items failed: what else they hold is used
    by_rows: frozenset[Call] = frozenset()  # calls whose good answers are for the rows too
    way_back: tuple[Row, ...] = ()  # what its consent page says in words of its own, besides `WAY_BACK`
    items_of: Callable[[Answer, Any], list[Answer]] = (
        lambda _answer, _body: []
    )  # the answers in one to a batch
    # In how many seconds a limit ends, where no header Retry-After says so. Takes the headers, the facts and the time in seconds.
    wait: Callable[[Mapping[str, str], Facts, float], int | None] = lambda _headers, _facts, _now: None

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
        keys = sorted(str(key)[:40] for key in mapping(answer.body))[:20]
        mark = fingerprint(self.channel, answer.call, answer.status, [what, *keys], "")
        row = f"answer without {what}"
        classification = Classification(Verdict.TRANSIENT, Reason.TRANSIENT, row=row, unknown=mark)
        # What a token endpoint gives may hold tokens under names that we do not know: only its keys are kept.
        body = {"keys": keys} if answer.call in FOR_TOKENS else answer.body
        return ChannelError(
            classification, evidence=scrub.evidence(call=answer.call, status=answer.status, body=body)
        )

    def judge(self, answer: Answer) -> tuple[Classification, str]:
        """Return what an answer means, and what it should hold and does not although it looks good; "" for nothing."""
        if answer.call == "authorize_callback":
            rows = (*self.way_back, *WAY_BACK)
            return rule(rows, _of_the_way_back(mapping(answer.body)), channel=self.channel), ""
        body = body_of(answer)
        if items := self.items_of(answer, body):
            return gravest(self.classify(item) for item in items), ""
        facts = self.facts_of(answer, body)
        if facts.fine and answer.call not in self.by_rows:
            lacking = self._lacks(answer.call, body)
            if lacking:
                return self.malformed(answer, lacking).classification, lacking
            return Classification(Verdict.OK), ""
        wait = self._seconds_to_wait(answer, facts)
        return rule(self.rows, facts, channel=self.channel, retry_after=wait), ""

    def _seconds_to_wait(self, answer: Answer, facts: Facts) -> int | None:
        """Return in how many seconds a limit ends, where the answer says so: at least one, at most a day."""
        seconds = number(answer.headers.get("retry-after"))
        if seconds is None:
            seconds = self.wait(answer.headers, facts, database_clock.seconds())
        return None if seconds is None else min(max(seconds, 1), LONGEST_WAIT)

    def _lacks(self, call: Call, body: Any) -> str:
        said = mapping(body)
        if call in FOR_TOKENS and self.lists:
            of_oauth1 = isinstance(body, str) and body != ""  # a form, whose reader looks for more
            return "" if of_oauth1 or words(said.get("access_token")).strip() else "a token"
        listed = call != "list_accounts" or not self.lists
        return "" if listed or any(isinstance(said.get(name), list) for name in self.lists) else "a list"


def _of_the_way_back(said: Mapping[str, Any]) -> Facts:
    """Take the facts out of what a person's browser brought back from a consent page."""
    codes = codes_in(said.get("error"), said.get("error_code"))
    message = message_in(said, "error_description", "error_message")
    shape = "error" if codes or message else "nothing"
    return Facts("authorize_callback", 400, codes, message=message, shape=shape)


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
