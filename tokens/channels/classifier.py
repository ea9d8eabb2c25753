"""Verdict tables: rows that a person can read, tried in order. The first that fits decides."""

import hashlib
import json
import re
from collections.abc import Container, Iterable, Set
from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from typing import Any

from infra import scrub
from tokens.channels import http
from tokens.channels.kinds import (
    DOUBTFUL,
    HARMLESS,
    START_AGAIN,
    WRITE_REFUSALS,
    Answer,
    Call,
    Classification,
    Reason,
    Verdict,
)
from tokens.channels.parse import number
from tokens.channels.spoken import (
    reason_by_words,
    says_app_refused,
    says_in_trouble,
    says_limited,
    says_not_permitted,
)

# Passing trouble by HTTP alone, at any channel: https://www.rfc-editor.org/rfc/rfc9110#section-15
PASSING = frozenset({0, 408, 409, 423, 425, *range(500, 600)})
LONGEST_WAIT = 86_400  # seconds: a day
PAYMENT_REQUIRED = 402  # speaks of our app's standing, whatever the body says; no token is touched
UNREAD = frozenset({"text", "gateway", "strange"})  # shapes of bodies that are no object of the channel's
REFUSING = frozenset({200, 400, 401, 403, 404})  # statuses with which channels say that something is wrong
USED: frozenset[Call] = frozenset({"api", "list_accounts"})  # calls with a token that is in use

Codes = frozenset[int | str]


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


@dataclass(frozen=True)
class Row:
    """One row. What is left out fits everything; `text` is looked for in the message, without regard to case."""

    name: str
    reason: Reason | None = None
    _: KW_ONLY
    verdict: Verdict
    calls: Set[Call] | None = None
    shapes: Set[str] | None = None
    statuses: Container[int] | None = None
    codes: Container[int | str] | None = None
    subcodes: Set[int] | None = None
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
            and (self.codes is None or any(code in self.codes for code in facts.codes))
            and (self.subcodes is None or facts.subcode in self.subcodes)
            and (self.has_subcode is None or self.has_subcode == (facts.subcode is not None))
            and self.text in facts.message.lower()
        )


served = partial(Row, verdict=Verdict.OK)
passing = partial(Row, verdict=Verdict.TRANSIENT, reason=Reason.TRANSIENT)  # trouble that passes by itself
limited = partial(Row, verdict=Verdict.RATE_LIMITED, reason=Reason.TRANSIENT)  # too many calls
# Our app is refused: this hits all tokens at once and touches none.
app_fault = partial(Row, verdict=Verdict.APP_FAULT, reason=Reason.APP_FAULT)
our_bug = partial(Row, verdict=Verdict.OUR_BUG)  # we asked wrongly
dead = partial(Row, verdict=Verdict.TOKEN_DEAD)  # the token has ended; takes the reason
# It looks like the end of the token; this answer alone does not prove it.
in_doubt = partial(Row, verdict=Verdict.CONFIRM_FIRST)
# The token lives; this ad account is out of its reach, for everything or, with another reason, for publishing.
out_of_reach = partial(Row, verdict=Verdict.ACCESS_LOST, reason=Reason.ACCESS_LOST)
restricted = partial(Row, verdict=Verdict.ACCOUNT_RESTRICTED, reason=Reason.RESTRICTED)

# What standards say, at every channel, before its own rows.
STANDARD = (
    passing("no answer", statuses=PASSING, source="RFC 9110"),
    limited("too many requests", statuses={429}, source="RFC 6585"),
    passing("passing by its name", codes={"server_error", "temporarily_unavailable"}, source="RFC 6749"),
    app_fault("client", codes={"invalid_client", "unauthorized_client"}, source="RFC 6749, section 5.2"),
)
# What a consent page of OAuth 2 says in place of a code: RFC 6749, section 4.1.2.1.
# The address of the way back is the browser's to write, so nothing in it is kept as an answer that no table knows.
WAY_BACK = (
    app_fault(
        "app refused at the consent page",
        codes={"invalid_scope", "invalid_request", "unsupported_response_type"}, source="RFC 6749",
    ),
    our_bug(START_AGAIN, shapes={"nothing"}, source="neither a code nor an error came back"),
    our_bug("error of the consent page", source="RFC 6749: more may be added"),
)  # fmt: skip


def rule(
    rows: tuple[Row, ...], facts: Facts, *, channel: str, retry_after: int | None = None
) -> Classification:
    """Return the first fitting row's classification, else the fallback: refusals of a call are doubtful, all else passes.

    The rows of `STANDARD` are tried before these.
    """
    if facts.status == PAYMENT_REQUIRED:
        return Classification(Verdict.APP_FAULT, Reason.APP_FAULT, row="payment required", note=_note(facts))
    rows = (*STANDARD, *rows)
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
    note = classification.note
    if says_limited(facts.message):
        row = "limit by its words"
        return Classification(
            Verdict.RATE_LIMITED, Reason.TRANSIENT, row=row, retry_after=retry_after, note=note
        )
    # Without a code of the channel's it may be a firewall or a proxy that speaks: such words refuse nobody.
    if not facts.codes or facts.status not in REFUSING:
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
    note, mark = _note(facts), _mark(facts, channel)
    if facts.status in {400, 401, 403, 404} and facts.call != "introspect":
        return Classification(
            Verdict.CONFIRM_FIRST, row=f"unknown answer {facts.status}", note=note, unknown=mark
        )
    return Classification(
        Verdict.TRANSIENT, Reason.TRANSIENT, row=f"unknown answer {facts.status}", note=note, unknown=mark
    )


def until_midnight(now: float) -> int:
    """Return the seconds until the next day of UTC begins, where limits by day end."""
    return LONGEST_WAIT - int(now) % LONGEST_WAIT


def until(reset: Any, now: float) -> int | None:
    """Return the seconds until a limit ends, by a header with them or with the moment (since 1970); None where it holds neither."""
    told = number(reset)
    return told if told is None or told < now - LONGEST_WAIT else int(told - now) + 1


def keys_taken(classification: Classification) -> Classification:
    """Return what a channel's answer about nonsense says of our app's keys: where it refuses the nonsense, it took the keys."""
    refused = classification.verdict in DOUBTFUL and classification.reason is not None
    if refused or classification.row == START_AGAIN:
        return Classification(Verdict.OK, row=classification.row)
    return classification


def body_of(answer: Answer) -> Any:
    """Return the body as a JSON value where it is one; a report may bring it as text."""
    body = answer.body
    if isinstance(body, bytes):
        body = body.decode(errors="replace")
    return http.parse(body) if isinstance(body, str) else body


def evidence(answer: Answer) -> dict[str, Any]:
    """Return what the channel answered, fit to be stored."""
    return scrub.evidence(call=answer.call, status=answer.status, body=answer.body)


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
