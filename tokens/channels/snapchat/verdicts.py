"""What Snapchat's answers mean. The HTTP status decides: what third parties write about its E-codes contradicts itself.

Sources: "snap" is developers.snap.com/api/marketing-api/Ads-API; "RFC 6749" is the OAuth 2 standard, whose names Snapchat's token
endpoint uses; "seen" is an answer kept in test suites of integrations; "told" is a third party's page; "unproven" has no source and
therefore decides nothing that cannot be undone.
"""

import re
from collections.abc import Mapping
from typing import Any

from tokens.channels.classifier import (
    USED,
    Facts,
    app_fault,
    dead,
    in_doubt,
    our_bug,
    out_of_reach,
    passing,
    restricted,
    until,
)
from tokens.channels.kinds import START_AGAIN, Answer, Reason
from tokens.channels.parse import mapping, message_in, present, words
from tokens.channels.snapchat.reading import SUCCESS, failed
from tokens.channels.spoken import says_account_stopped
from tokens.channels.verdict_table import AS_USER, EXCHANGE, FOR_TOKENS, REFRESH, VerdictTable

ITEM_FAILED = "an item failed"
# Not codes of Snapchat's: what the words of an answer speak of, an ad account that was stopped, or the token.
STOPPED, ABOUT_TOKEN = "account stopped", "about the token"
GENERAL = frozenset({"general"})
ITS_OWN = GENERAL | {"oauth", "items", "fine"}  # "text" may be a gateway's page
_TOKEN_WORDS = re.compile(
    r"\btoken\b.{0,30}\b(?:expired|invalid|revoked|not valid)\b|\b(?:expired|invalid|revoked) (?:access )?token\b|^unauthori[sz]ed\.?$"
)


ROWS = (
    # Our app: these hit all tokens at once and touch none.
    app_fault("app scope", calls=FOR_TOKENS, codes={"invalid_scope"},
        source="RFC 6749; snap: some scopes need a place on a list"),
    app_fault("redirect address", calls=EXCHANGE, codes={"invalid_grant", "invalid_request"}, text="redirect_uri",
        source="snap: it must equal the registered one; RFC 6749's sentence on any bad code says “redirection URI”"),

    # The handshake.
    our_bug(START_AGAIN, calls=EXCHANGE, codes={"invalid_grant"}, source="RFC 6749: the code is unknown, was used, or is too old"),

    # The end of an authorisation. Snapchat does not tell who ended it; that the person removed AdToken is the best known cause.
    dead("refresh refused", Reason.AUTHORISATION_CANCELLED, calls=REFRESH, statuses={400, 401, 403}, codes={"invalid_grant"},
        source="told: invalid, expired or revoked; RFC 6749"),
    our_bug("token request", calls=FOR_TOKENS, codes={"invalid_request", "unsupported_grant_type"}, source="RFC 6749"),

    # An access token that ran out or was revoked: one refresh decides. No source has the body of this answer for certain.
    in_doubt("access refused", calls=AS_USER, shapes=ITS_OWN, statuses={401}, source="seen; told: E3002"),

    # The token lives; this ad account is stopped, or out of its reach.
    restricted("ad account stopped", calls=USED, statuses={200, 400, 403}, codes={STOPPED},
        source="unproven: by the answer's own words"),
    out_of_reach("scope missing", reason=Reason.SCOPE_MISSING, calls=USED, statuses={403}, codes={"insufficient_scope"}, source="RFC 6750"),
    out_of_reach("not permitted by scope", reason=Reason.SCOPE_MISSING, calls=USED, shapes=GENERAL, statuses={403}, text="scope",
        source="unproven"),
    in_doubt("access refused in words", calls=AS_USER, shapes=GENERAL, statuses={400, 403}, codes={ABOUT_TOKEN},
        source="told: 400 with words about an invalid token, segmentio/segment-docs 5173; unproven here"),
    out_of_reach("not permitted", calls=USED, shapes=GENERAL, statuses={403}, source="seen: given up for this account only"),
    # Statuses of E3002 disagree, its words do not.
    out_of_reach("not permitted in words", calls=USED, shapes=GENERAL, statuses={200, 400}, text="caller does not have permission",
        source="seen with 403, E3002; unproven with these"),
    out_of_reach("not visible", calls=USED, shapes=GENERAL, statuses={404}, source="seen: E3003"),

    passing(ITEM_FAILED, shapes={"items"}, statuses=range(200, 300), source="told: HTTP 200 may hold items in error"),
    our_bug("bad request", calls=USED, shapes=GENERAL, statuses={400}, source="snap"),
    our_bug("no such call", calls=AS_USER, statuses={405, 406, 410, 418}, source="told: about the request"),
)  # fmt: skip


def facts_of(answer: Answer, body: Any) -> Facts:
    """Take the facts out of a body of any shape.

    The token endpoint answers `{error, error_description}`, the API `{request_status: ERROR, debug_message, display_message,
    error_code}` or `msg`; HTTP 200 may hold items that failed. `ERROR` counts as a code: no gateway says it.
    """
    if isinstance(body, str):
        return _facts(answer, "text" if body.strip() else "fine", words(body))
    said = mapping(body)
    status = words(said.get("request_status"), 40).lower().removeprefix(SUCCESS)
    error, code = (words(said.get(name), 100) for name in ("error", "error_code"))
    message = message_in(said, "error_description", "debug_message", "display_message", "msg")[:500]
    if error:
        shape = "oauth"
    elif code or status or message:
        shape = "general"
    elif reasons := _failures(said):
        shape, message = "items", " ".join(reasons)[:500]
    elif not isinstance(body, dict) and body is not None:
        shape = "strange"
    else:
        shape = "fine"
    return _facts(answer, shape, message, *present(error, code, status))


def _facts(answer: Answer, shape: str, message: str, *named: int | str) -> Facts:
    spoken: set[str] = set()
    if shape in {"oauth", "general"}:
        spoken |= {STOPPED} if says_account_stopped(message) else set()
        spoken |= {ABOUT_TOKEN} if _TOKEN_WORDS.search(message.lower()) else set()
    return Facts(answer.call, answer.status, codes=frozenset({*named, *spoken}), message=message, shape=shape)


def _failures(said: Any) -> list[str]:
    """Return what items that failed say of themselves; every one says something."""
    lists = [rows for rows in said.values() if isinstance(rows, list)]
    bad = [mapping(row) for rows in lists for row in rows[:1000] if isinstance(row, dict) and failed(row)]
    return [words(row.get("sub_request_error_reason"), 200) or "failed" for row in bad]


def _wait(headers: Mapping[str, str], _of: Facts, now: float) -> int | None:
    """Read a header that some integrations read. Snapchat documents none."""
    return until(headers.get("x-rate-limit-reset"), now)


TABLE = VerdictTable(
    "snapchat", ROWS, facts_of, lists=("organizations", "adaccounts", "roles"), partly=ITEM_FAILED, wait=_wait
)
