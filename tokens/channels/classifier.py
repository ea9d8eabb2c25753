"""Verdict tables: rows that a person can read, tried in order. The first that fits decides."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any, TypedDict, Unpack
from urllib.parse import parse_qsl

from infra import scrub
from tokens.channels import http
from tokens.channels.kinds import (
    DOUBTFUL,
    HARMLESS,
    START_AGAIN,
    WRITE_REFUSALS,
    Answer,
    Call,
    ChannelError,
    Classification,
    Reason,
    Verdict,
)
from tokens.channels.parse import mapping, words, xml_error
from tokens.channels.spoken import (
    reason_by_words,
    says_app_refused,
    says_in_trouble,
    says_limited,
    says_not_permitted,
)

# Passing trouble by HTTP alone, at any channel: https://www.rfc-editor.org/rfc/rfc9110#section-15
PASSING = frozenset({0, 408, 409, 423, 425, 500, 502, 503, 504})
LONGEST_WAIT = 86_400  # seconds: a day
PAYMENT_REQUIRED = 402  # speaks of our app's standing, whatever the body says; no token is touched
UNREAD = frozenset({"text", "gateway", "strange"})  # shapes of bodies that are no object of the channel's
REFUSING = frozenset({200, 400, 401, 403, 404})  # statuses with which channels say that something is wrong
USED: frozenset[Call] = frozenset({"api", "list_accounts"})  # calls with a token that is in use

Codes = frozenset[int | str]
_SETS = {"calls", "shapes", "statuses", "codes", "subcodes"}  # fields of a row that hold several


@dataclass(frozen=True)
class Facts:
    """What a table looks at, taken from an answer without trusting its shape."""

    call: Call
    status: int
    codes: Codes = frozenset()
    subcode: int | None = None
    message: str = ""
    shape: str = ""  # the channel's own class of bodies; "fine" where nothing says that something is wrong

    @property
    def fine(self) -> bool:
        """Whether neither the body nor the status says that something is wrong."""
        return self.shape == "fine" and 200 <= self.status < 300


class Where(TypedDict, total=False):
    """What a row may be about: as in `Row`, written as plain sets."""

    calls: Set[Call]
    shapes: Set[str]
    statuses: Iterable[int]
    codes: Iterable[int | str]
    subcodes: Set[int]
    has_subcode: bool
    text: str
    source: str
    new: bool


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
    new: bool = False  # an answer not seen before: kept in the list of unknown answers

    def fits(self, facts: Facts) -> bool:
        """Return whether the row is about these facts."""
        return (
            (self.calls is None or facts.call in self.calls)
            and (self.shapes is None or facts.shape in self.shapes)
            and (self.statuses is None or facts.status in self.statuses)
            and (self.codes is None or bool(self.codes & facts.codes))
            and (self.subcodes is None or facts.subcode in self.subcodes)
            and (self.has_subcode is None or self.has_subcode == (facts.subcode is not None))
            and self.text in facts.message.lower()
        )

    @classmethod
    def served(cls, name: str, **where: Unpack[Where]) -> "Row":
        """A good answer."""
        return cls._of(name, Verdict.OK, None, where)

    @classmethod
    def passing(cls, name: str, **where: Unpack[Where]) -> "Row":
        """Trouble that passes by itself."""
        return cls._of(name, Verdict.TRANSIENT, Reason.TRANSIENT, where)

    @classmethod
    def limited(cls, name: str, **where: Unpack[Where]) -> "Row":
        """Too many calls."""
        return cls._of(name, Verdict.RATE_LIMITED, Reason.TRANSIENT, where)

    @classmethod
    def app_fault(cls, name: str, **where: Unpack[Where]) -> "Row":
        """Our app is refused: this hits all tokens at once and touches none."""
        return cls._of(name, Verdict.APP_FAULT, Reason.APP_FAULT, where)

    @classmethod
    def our_bug(cls, name: str, **where: Unpack[Where]) -> "Row":
        """We asked wrongly."""
        return cls._of(name, Verdict.OUR_BUG, None, where)

    @classmethod
    def dead(cls, name: str, reason: Reason, **where: Unpack[Where]) -> "Row":
        """The token has ended."""
        return cls._of(name, Verdict.TOKEN_DEAD, reason, where)

    @classmethod
    def in_doubt(cls, name: str, reason: Reason | None = None, **where: Unpack[Where]) -> "Row":
        """It looks like the end of the token; this answer alone does not prove it."""
        return cls._of(name, Verdict.CONFIRM_FIRST, reason, where)

    @classmethod
    def out_of_reach(cls, name: str, reason: Reason = Reason.ACCESS_LOST, **where: Unpack[Where]) -> "Row":
        """The token lives; this ad account is out of its reach, for everything or for publishing."""
        return cls._of(name, Verdict.ACCESS_LOST, reason, where)

    @classmethod
    def restricted(cls, name: str, **where: Unpack[Where]) -> "Row":
        """The channel has stopped the ad account."""
        return cls._of(name, Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED, where)

    @classmethod
    def _of(cls, name: str, verdict: Verdict, reason: Reason | None, where: Where) -> "Row":
        given: Mapping[str, Any] = where
        facts: dict[str, Any] = {key: frozenset(one) if key in _SETS else one for key, one in given.items()}
        return cls(name, verdict, reason, **facts)


def rule(
    rows: Iterable[Row], facts: Facts, *, channel: str, retry_after: int | None = None
) -> Classification:
    """Return the first fitting row's classification, else the fallback: refusals of a call are doubtful, all else passes."""
    if facts.status == PAYMENT_REQUIRED:
        return Classification(Verdict.APP_FAULT, Reason.APP_FAULT, row="payment required", note=_note(facts))
    rows = tuple(rows)
    if facts.status >= 500 and (said := _said_in_trouble(rows, facts, retry_after)) is not None:
        return said
    said = _by_words(_by_table(rows, facts, channel, retry_after), facts, retry_after)
    return _of_a_list(_of_the_writer(said, facts), facts)


def _by_table(rows: tuple[Row, ...], facts: Facts, channel: str, retry_after: int | None) -> Classification:
    for row in rows:
        if row.fits(facts):
            return _new(row, facts, channel) if row.new else _classification(row, facts, retry_after)
    return fallback(facts, channel=channel)


def _said_in_trouble(rows: tuple[Row, ...], facts: Facts, retry_after: int | None) -> Classification | None:
    """Return what an error with a code means that came with a status of the server's own trouble; None where it adds nothing.

    A limit is one. What looks like the end of a token is a doubt, of a call in use alone: a server in trouble proves nothing.
    """
    if not facts.codes:
        return None
    refused = replace(facts, status=400)
    row = next((row for row in rows if row.fits(refused)), None)
    if row is None:
        return None
    if row.verdict == Verdict.RATE_LIMITED:
        return _classification(row, facts, retry_after)
    if row.verdict in DOUBTFUL and facts.call in USED:
        return replace(_classification(row, facts, None), verdict=Verdict.CONFIRM_FIRST)
    return None


def _by_words(classification: Classification, facts: Facts, retry_after: int | None) -> Classification:
    """Return what plain words mean beside a code that they contradict, or that is general; all else as it is. Nothing dies by words."""
    settled = classification.verdict in {Verdict.OK, *HARMLESS} and not classification.unknown
    if settled or facts.status >= 500:
        return classification
    note, back = classification.note, facts.call == "authorize_callback"
    if not back and says_limited(facts.message):
        row = "limit by its words"
        return Classification(
            Verdict.RATE_LIMITED, Reason.TRANSIENT, row=row, retry_after=retry_after, note=note
        )
    # Without a code of the channel's it may be a firewall or a proxy that speaks: such words refuse nobody.
    if not facts.codes or not (back or facts.status in REFUSING):
        return classification
    if classification.verdict != Verdict.APP_FAULT and says_app_refused(facts.message):
        return Classification(Verdict.APP_FAULT, Reason.APP_FAULT, row="app refused, by its words", note=note)
    takes = classification.verdict in {Verdict.TOKEN_DEAD, Verdict.ACCESS_LOST}
    if takes and classification.reason not in WRITE_REFUSALS and says_in_trouble(facts.message):
        return replace(classification, verdict=Verdict.CONFIRM_FIRST, reason=None)
    # A good status with an error that no row knows is trouble on the way and refuses nothing.
    general = classification.verdict == Verdict.OUR_BUG or (classification.unknown and facts.status != 200)
    if general and facts.call in USED and facts.status != 401 and says_not_permitted(facts.message):
        row = "not permitted, by its words"
        return Classification(Verdict.ACCESS_LOST, Reason.ACCESS_LOST, row=row, note=note)
    return classification


def _of_a_list(classification: Classification, facts: Facts) -> Classification:
    """Return what a refusal means of the list of ad accounts, which names none: a doubt about the log-in, and no ad account is lost."""
    refused = {Verdict.ACCESS_LOST, Verdict.ACCOUNT_RESTRICTED, Verdict.OUR_BUG}
    if facts.call != "list_accounts" or classification.verdict not in refused:
        return classification
    return replace(classification, verdict=Verdict.CONFIRM_FIRST)


def _of_the_writer(classification: Classification, facts: Facts) -> Classification:
    """Return what a refusal of a call means whose words say that this person may not write; all else as it is.

    Only where the table says no more than that the call was refused or was bad, or knows nothing: neither limits nor dead tokens are
    judged by words.
    """
    vague = classification.unknown or classification.verdict in {Verdict.ACCESS_LOST, Verdict.OUR_BUG}
    refused = facts.call == "api" and facts.status in REFUSING and bool(facts.codes)
    if not vague or not refused:
        return classification
    reason = reason_by_words(facts.message)
    if reason is None:
        return classification
    return Classification(
        Verdict.ACCESS_LOST, reason, row="may not write, by its words", note=classification.note
    )


def _new(row: Row, facts: Facts, channel: str) -> Classification:
    return replace(_classification(row, facts, None), unknown=_mark(facts, channel))


def _mark(facts: Facts, channel: str) -> str:
    parts = [*facts.codes, facts.subcode, facts.shape]
    message = kind_of_text(facts.message) if facts.shape in UNREAD else facts.message
    return fingerprint(channel, facts.call, facts.status, parts, message)


def _note(facts: Facts) -> str:
    """Return the channel's own words, fit to be kept and shown."""
    return scrub.text(facts.message)[:200]


def _classification(row: Row, facts: Facts, retry_after: int | None) -> Classification:
    waits = row.verdict in HARMLESS
    return Classification(
        row.verdict,
        row.reason,
        row=row.name,
        retry_after=retry_after if waits else None,
        note=_note(facts),
    )


def fallback(facts: Facts, *, channel: str) -> Classification:
    """Judge what no row knows. Never dead.

    A question about a token (introspection) that was not answered properly says nothing about it, so that is passing trouble.
    """
    if facts.status == 429:
        return Classification(Verdict.RATE_LIMITED, Reason.TRANSIENT, row="too many requests")
    if facts.status in PASSING:
        return Classification(Verdict.TRANSIENT, Reason.TRANSIENT, row="no answer")
    note, mark = _note(facts), _mark(facts, channel)
    if facts.status in {400, 401, 403, 404} and facts.call != "introspect":
        return Classification(
            Verdict.CONFIRM_FIRST, row=f"unknown answer {facts.status}", note=note, unknown=mark
        )
    return Classification(
        Verdict.TRANSIENT, Reason.TRANSIENT, row=f"unknown answer {facts.status}", note=note, unknown=mark
    )


def codes(*values: int | str) -> Codes:
    """Return a set of codes: numbers, names, or both."""
    return frozenset(values)


def headers_of(answer: Answer) -> dict[str, str]:
    """Return the headers by their names in lower case: whoever pastes an answer may write them in any case."""
    return {str(name).lower(): str(value) for name, value in answer.headers.items()}


def until_midnight(now: float) -> int:
    """Return the seconds until the next day of UTC begins, where limits by day end."""
    return LONGEST_WAIT - int(now) % LONGEST_WAIT


def until(moment: int | None, now: float) -> int | None:
    """Return the seconds until a moment that is given in seconds since 1970."""
    return None if moment is None else int(moment - now) + 1


def bounded(wait: int | None) -> int | None:
    """Return a wait in seconds as we apply it: at least one, at most a day."""
    return None if wait is None else min(max(wait, 1), LONGEST_WAIT)


def keys_taken(classification: Classification) -> Classification:
    """Return what a channel's answer about nonsense says of our app's keys: where it refuses the nonsense, it took the keys."""
    refused = classification.verdict in DOUBTFUL and classification.reason is not None
    if refused or classification.row == START_AGAIN:
        return Classification(Verdict.OK, row=classification.row)
    return classification


def body_of(answer: Answer) -> Any:
    """Return the body as a JSON value where it is one; a report may bring it as text.

    An error that came as XML to a call in use is an object too. It can raise a doubt there; about a token itself no XML is believed.
    """
    body = answer.body
    if isinstance(body, bytes):
        body = body.decode(errors="replace")
    found = http.parse(body) if isinstance(body, str) else body
    if isinstance(found, str) and answer.call in USED:
        return xml_error(found) or found
    return found


def query_of(body: Any) -> Mapping[str, Any]:
    """Return what a person's browser brought back: an object, a query, or the whole address."""
    if not isinstance(body, str):
        return mapping(body)
    query = body[:4000].rpartition("?")[2].partition("#")[0]
    return dict(parse_qsl(query, keep_blank_values=True))


def lacks(call: Call, body: Any, *, rows: str) -> str:
    """Return what a good answer should hold and does not, or nothing: a token, or the list that is called `rows`."""
    said = mapping(body)
    if call in {"exchange", "refresh"}:
        return "" if words(said.get("access_token")).strip() else "a token"
    if call == "list_accounts":
        return "" if isinstance(said.get(rows), list) else "a list"
    return ""


def way_back(answer: Answer, *, named: bool) -> int:
    """Return the status of an answer; a browser that came back with an error has none of its own, so 0 means no trouble there."""
    return 302 if answer.call == "authorize_callback" and named and answer.status == 0 else answer.status


def evidence(answer: Answer) -> dict[str, Any]:
    """Return what the channel answered, fit to be stored."""
    return scrub.evidence(call=answer.call, status=answer.status, body=answer.body)


def malformed(answer: Answer, what: str, *, channel: str) -> ChannelError:
    """Return the error for a good answer that does not hold what was asked for."""
    row = f"answer without {what}"
    keys = sorted(str(key)[:40] for key in mapping(answer.body))[:20]
    mark = fingerprint(channel, answer.call, answer.status, [what, *keys], "")
    classification = Classification(Verdict.TRANSIENT, Reason.TRANSIENT, row=row, unknown=mark)
    # What a token endpoint gives may hold tokens under names that we do not know: only its keys are kept.
    body = {"keys": keys} if answer.call in {"exchange", "refresh"} else answer.body
    return ChannelError(
        classification, evidence=scrub.evidence(call=answer.call, status=answer.status, body=body)
    )


# Numbers, ids and quoted names differ from answer to answer of one kind.
_VARYING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\b(?=\w*\d)\w{2,}\b|\d+|\"[^\"]*\"|'[^']*'")

_SENTENCE = re.compile(r"[A-Za-z][A-Za-z0-9 ,.:;'\"()/_-]{0,199}")


def fingerprint(channel: str, call: str, status: int, parts: Iterable[object], message: str) -> str:
    """Return 32 hex digits that all answers of one kind share: what varies in the message is left out."""
    plain = _VARYING.sub("#", message.lower())[:300]
    data = [channel, call, status, sorted(str(part) for part in parts if part not in (None, "")), plain]
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()[:32]


def kind_of_text(body: str) -> str:
    """Return what a body that is no JSON object is recognised by: a page is a page, garbage is garbage, and a short sentence is itself."""
    said = body.strip()
    if said.startswith("<"):
        return "a page"
    return said if len(said) <= 200 and _SENTENCE.fullmatch(said) else "text"
