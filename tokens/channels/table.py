"""Verdict tables: rows that a person can read, tried in order. The first that fits decides."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tokens import scrub
from tokens.channels import http
from tokens.channels.base import Answer, Call, ChannelError, Reason, Ruling, Verdict

# Passing trouble by HTTP alone, at any channel: https://www.rfc-editor.org/rfc/rfc9110#section-15
PASSING = frozenset({0, 408, 409, 423, 425, 500, 502, 503, 504})
REFUSING = frozenset({200, 400, 401, 403, 404})  # statuses with which channels say that something is wrong

Codes = frozenset[int | str]


@dataclass(frozen=True)
class Facts:
    """What a table looks at, taken from an answer without trusting its shape."""

    call: Call
    status: int
    codes: Codes = frozenset()
    subcode: int | None = None
    message: str = ""
    shape: str = ""  # the channel's own classes of bodies


@dataclass(frozen=True)
class Row:
    """One row. What is left out fits everything; `text` is looked for in the message, without regard to case."""

    name: str
    verdict: Verdict
    reason: Reason | None = None
    calls: frozenset[Call] | None = None
    shapes: frozenset[str] | None = None
    statuses: frozenset[int] | None = None
    codes: Codes | None = None
    subcodes: frozenset[int] | None = None
    has_subcode: bool | None = None
    text: str = ""
    source: str = ""  # where the fact comes from

    def fits(self, facts: Facts) -> bool:
        """Tell whether the row is about these facts."""
        return (
            (self.calls is None or facts.call in self.calls)
            and (self.shapes is None or facts.shape in self.shapes)
            and (self.statuses is None or facts.status in self.statuses)
            and (self.codes is None or bool(self.codes & facts.codes))
            and (self.subcodes is None or facts.subcode in self.subcodes)
            and (self.has_subcode is None or self.has_subcode == (facts.subcode is not None))
            and self.text in facts.message.lower()
        )


def rule(rows: Iterable[Row], facts: Facts, *, retry_after: int | None = None) -> Ruling:
    """Return the first fitting row's ruling, else the fallback: refusals of a call are doubtful, all else passes."""
    for row in rows:
        if row.fits(facts):
            return _ruling(row, facts, retry_after)
    return fallback(facts)


def _ruling(row: Row, facts: Facts, retry_after: int | None) -> Ruling:
    waits = row.verdict in {Verdict.TRANSIENT, Verdict.RATE_LIMITED}
    return Ruling(
        row.verdict,
        row.reason,
        row=row.name,
        retry_after=retry_after if waits else None,
        note=scrub.text(facts.message)[:200],
    )


def fallback(facts: Facts) -> Ruling:
    """Judge what no row knows. Never dead.

    A question about a token (introspection) that was not answered properly says nothing about it, so that is passing trouble.
    """
    note = scrub.text(facts.message)[:200]
    if facts.status == 429:
        return Ruling(Verdict.RATE_LIMITED, Reason.TRANSIENT, row="too many requests")
    if facts.status in {400, 401, 403, 404} and facts.call != "introspect":
        return Ruling(Verdict.CONFIRM_FIRST, row=f"unknown answer {facts.status}", note=note)
    return Ruling(Verdict.TRANSIENT, Reason.TRANSIENT, row=f"unknown answer {facts.status}", note=note)


def body_of(answer: Answer) -> Any:
    """Return the body as a JSON value where it is one; a report may bring it as text."""
    if isinstance(answer.body, bytes):
        return http.parse(answer.body.decode(errors="replace"))
    return http.parse(answer.body) if isinstance(answer.body, str) else answer.body


def number(value: Any) -> int | None:
    """Return a whole number (a real one, or digits), else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        return int(value)
    return None


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def words(value: Any, limit: int = 500) -> str:
    """Return the value if it is text, at most `limit` characters of it, else nothing."""
    return value[:limit] if isinstance(value, str) else ""


def evidence(answer: Answer) -> dict[str, Any]:
    """Return what the channel answered, fit to be stored."""
    return scrub.evidence(call=answer.call, status=answer.status, body=answer.body)


def misread(answer: Answer, what: str) -> ChannelError:
    """Return the error for a good answer that does not hold what was asked for."""
    ruling = Ruling(Verdict.TRANSIENT, Reason.TRANSIENT, row=f"answer without {what}")
    return ChannelError(
        ruling, evidence={"call": answer.call, "status": answer.status, "body": f"no {what} in it"}
    )
