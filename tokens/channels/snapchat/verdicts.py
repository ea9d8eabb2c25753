"""What Snapchat's answers mean. The HTTP status decides: what third parties write about its E-codes contradicts itself.

Sources: "snap" is developers.snap.com/api/marketing-api/Ads-API; "RFC 6749" is the OAuth 2 standard, whose names Snapchat's token
endpoint uses; "seen" is an answer kept in test suites of integrations; "told" is a third party's page; "unproven" has no source and
therefore decides nothing that cannot be undone.
"""

import re
from typing import Any
from urllib.parse import parse_qsl

from tokens.channels.classifier import (
    PASSING,
    Facts,
    Row,
    body_of,
    bounded,
    codes,
    headers_of,
    malformed,
    rule,
    way_back,
)
from tokens.channels.kinds import START_AGAIN, Answer, Call, Classification, Reason, Verdict
from tokens.channels.parse import mapping, number, words
from tokens.channels.snapchat.reading import SUCCESS, failed
from tokens.channels.spoken import says_account_stopped, says_limited
from users import database_clock

ITEM_FAILED = "an item failed"
# Not codes of Snapchat's: what the words of an answer speak of, our app, an ad account that was stopped, a limit, or the token.
ABOUT_APP, STOPPED, LIMITED, ABOUT_TOKEN = "about the app", "account stopped", "limited", "about the token"

TOKEN_HOST: frozenset[Call] = frozenset({"exchange", "refresh"})
EXCHANGE: frozenset[Call] = frozenset({"exchange"})
REFRESH: frozenset[Call] = frozenset({"refresh"})
CALLBACK: frozenset[Call] = frozenset({"authorize_callback"})
USED: frozenset[Call] = frozenset({"api", "list_accounts"})
AS_USER: frozenset[Call] = USED | {"introspect"}
GENERAL = frozenset({"general"})
_APP_WORDS = re.compile(
    r"client[ _](?:secret|credentials|authentication)|\b(?:unknown|invalid) (?:client|app|application)\b"
    r"|\b(?:oauth app|app|application|client)\b(?:(?!account).){0,40}"
    r"\b(?:suspended|blocked|disabled|deactivated|banned|inactive|not (?:active|approved|allowed|authori[sz]ed))\b"
)
_TOKEN_WORDS = re.compile(
    r"\btoken\b.{0,30}\b(?:expired|invalid|revoked|not valid)\b|\b(?:expired|invalid|revoked) (?:access )?token\b|^unauthori[sz]ed\.?$"
)
# What each call is asked for: a good status without it is no good answer.
ASKED_FOR: dict[Call, tuple[str, tuple[str, ...]]] = {
    "introspect": ("who it is", ("me",)),
    "exchange": ("a token", ("access_token",)),
    "refresh": ("a token", ("access_token",)),
    "list_accounts": ("a list", ("organizations", "adaccounts", "roles")),
}


ROWS = (
    Row("no answer", Verdict.TRANSIENT, Reason.TRANSIENT, statuses=PASSING, source="RFC 9110; seen: integrations try 429 and 5xx again"),
    Row("trouble at Snapchat", Verdict.TRANSIENT, Reason.TRANSIENT, statuses=frozenset(range(500, 600)), source="seen"),
    Row("too many requests", Verdict.RATE_LIMITED, Reason.TRANSIENT, statuses=frozenset({429}), source="snap, rate-limits"),
    Row("limit by its words", Verdict.RATE_LIMITED, Reason.TRANSIENT, codes=codes(LIMITED), source="seen"),

    # Our app: these hit all tokens at once and touch none.
    Row("app keys", Verdict.APP_FAULT, Reason.APP_FAULT, codes=codes("invalid_client"), source="RFC 6749; told: 401 of the token host"),
    Row("app not allowed", Verdict.APP_FAULT, Reason.APP_FAULT, codes=codes("unauthorized_client"), source="RFC 6749"),
    Row("app scope", Verdict.APP_FAULT, Reason.APP_FAULT, calls=TOKEN_HOST | CALLBACK, codes=codes("invalid_scope"),
        source="RFC 6749; snap: some scopes need a place on a list"),
    Row("app in words", Verdict.APP_FAULT, Reason.APP_FAULT, codes=codes(ABOUT_APP), source="unproven"),
    Row("redirect address", Verdict.APP_FAULT, Reason.APP_FAULT, calls=EXCHANGE, codes=codes("invalid_grant", "invalid_request"),
        text="redirect_uri", source="snap: it must equal the registered one; RFC 6749's sentence on any bad code says “redirection URI”"),

    # The handshake.
    Row(START_AGAIN, Verdict.OUR_BUG, calls=EXCHANGE, codes=codes("invalid_grant"),
        source="RFC 6749: the code is unknown, was used, or is too old"),
    Row("refused by the person", Verdict.TRANSIENT, Reason.TRANSIENT, calls=CALLBACK, codes=codes("access_denied"), source="RFC 6749"),
    Row("trouble in OAuth's word", Verdict.TRANSIENT, Reason.TRANSIENT, calls=CALLBACK | TOKEN_HOST,
        codes=codes("server_error", "temporarily_unavailable"), source="RFC 6749"),
    Row("consent request", Verdict.OUR_BUG, calls=CALLBACK, codes=codes("invalid_request", "unsupported_response_type"),
        source="RFC 6749"),
    Row(START_AGAIN, Verdict.OUR_BUG, calls=CALLBACK, shapes=frozenset({"fine"}), source="a way back without a code"),
    # The address of the way back is the browser's to write, so nothing in it is kept as an answer to be classified.
    Row("error of the consent page", Verdict.TRANSIENT, Reason.TRANSIENT, calls=CALLBACK, source="RFC 6749: more may be added"),

    # The end of an authorisation. Snapchat does not tell who ended it; that the person removed AdToken is the best known cause.
    Row("refresh refused", Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED, calls=REFRESH, statuses=frozenset({400, 401, 403}),
        codes=codes("invalid_grant"), source="told: invalid, expired or revoked; RFC 6749"),
    Row("token request", Verdict.OUR_BUG, calls=TOKEN_HOST, codes=codes("invalid_request", "unsupported_grant_type"), source="RFC 6749"),

    # An access token that ran out or was revoked: one refresh decides. No source has the body of this answer for certain.
    Row("access refused", Verdict.CONFIRM_FIRST, calls=AS_USER, statuses=frozenset({401}), source="seen; told: E3002"),

    # The token lives; this ad account is stopped, or out of its reach.
    Row("ad account stopped", Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED, calls=USED, statuses=frozenset({200, 400, 403}),
        codes=codes(STOPPED), source="unproven: by the answer's own words"),
    Row("scope missing", Verdict.ACCESS_LOST, Reason.SCOPE_MISSING, calls=USED, statuses=frozenset({403}),
        codes=codes("insufficient_scope"), source="RFC 6750"),
    Row("not permitted by scope", Verdict.ACCESS_LOST, Reason.SCOPE_MISSING, calls=USED, shapes=GENERAL, statuses=frozenset({403}),
        text="scope", source="unproven"),
    Row("access refused in words", Verdict.CONFIRM_FIRST, calls=AS_USER, shapes=GENERAL, statuses=frozenset({400, 403}),
        codes=codes(ABOUT_TOKEN), source="told: 400 with words about an invalid token, segmentio/segment-docs 5173; unproven here"),
    Row("not permitted", Verdict.ACCESS_LOST, Reason.ACCESS_LOST, calls=USED, shapes=GENERAL, statuses=frozenset({403}),
        source="seen: given up for this account only"),
    # Statuses of E3002 disagree, its words do not.
    Row("not permitted in words", Verdict.ACCESS_LOST, Reason.ACCESS_LOST, calls=USED, shapes=GENERAL, statuses=frozenset({200, 400}),
        text="caller does not have permission", source="seen with 403, E3002; unproven with these"),
    Row("not visible", Verdict.ACCESS_LOST, Reason.ACCESS_LOST, calls=USED, shapes=GENERAL, statuses=frozenset({404}),
        source="seen: E3003"),

    Row(ITEM_FAILED, Verdict.TRANSIENT, Reason.TRANSIENT, shapes=frozenset({"items"}), statuses=frozenset(range(200, 300)),
        source="told: HTTP 200 may hold items in error"),
    Row("bad request", Verdict.OUR_BUG, calls=USED, shapes=GENERAL, statuses=frozenset({400}), source="snap"),
    Row("no such call", Verdict.OUR_BUG, calls=AS_USER, statuses=frozenset({405, 406, 410, 418}), source="told: about the request"),
)  # fmt: skip


def classify(answer: Answer) -> Classification:
    """Return what an answer of Snapchat means. Total; what is not in the table never kills."""
    body = body_of(answer)
    if answer.call == "authorize_callback":
        body = dict(parse_qsl(body.rpartition("?")[2])) if isinstance(body, str) else body
        if words(mapping(body).get("code")) and not mapping(body).get("error"):
            return Classification(Verdict.OK)
    facts = facts_of(answer, body)
    if facts.fine and answer.call != "authorize_callback":
        what = lacks(answer.call, body)
        return (
            malformed(answer, what, channel="snapchat").classification if what else Classification(Verdict.OK)
        )
    return rule(ROWS, facts, channel="snapchat", retry_after=retry_after(answer, database_clock.seconds()))


def lacks(call: Call, body: Any) -> str:
    """Return what a good answer should hold and does not, or nothing."""
    what, keys = ASKED_FOR.get(call, ("an object", ()))
    said = mapping(body)
    if not keys:
        return "" if said or call == "api" else what
    wanted = list if call == "list_accounts" else dict if call == "introspect" else str
    return "" if any(isinstance(said.get(key), wanted) for key in keys) else what


def facts_of(answer: Answer, body: Any) -> Facts:
    """Take the facts out of a body of any shape.

    The token endpoint answers `{error, error_description}`, the API `{request_status: ERROR, debug_message, display_message,
    error_code}` or `msg`; HTTP 200 may hold items that failed.
    """
    if isinstance(body, str):
        return _facts(answer, "text" if body.strip() else "fine", words(body))
    said = mapping(body)
    status = words(said.get("request_status"), 40).lower()
    found = [words(said.get(name), 100) for name in ("error", "error_code")]
    text = [
        words(said.get(name)) for name in ("error_description", "debug_message", "display_message", "msg")
    ]
    message = " ".join(part for part in text if part)[:500]
    if found[0]:
        shape = "oauth"
    elif found[1] or status not in {"", SUCCESS} or any(text):
        shape = "general"
    else:
        reasons = _failures(said)
        shape, message = ("items", " ".join(reasons)[:500]) if reasons else ("fine", "")
        if not isinstance(body, dict) and body is not None:
            shape = "strange"
    return _facts(answer, shape, message, *(code for code in found if code))


def _facts(answer: Answer, shape: str, message: str, *found: str) -> Facts:
    spoken = {LIMITED} if shape != "items" and says_limited(message) else set()
    if shape in {"oauth", "general"}:
        spoken |= {ABOUT_APP} if _APP_WORDS.search(message.lower()) else set()
        spoken |= {STOPPED} if says_account_stopped(message) else set()
        spoken |= {ABOUT_TOKEN} if _TOKEN_WORDS.search(message.lower()) else set()
    status = way_back(answer, named=bool(found))
    return Facts(answer.call, status, codes=frozenset({*found, *spoken}), message=message, shape=shape)


def _failures(said: Any) -> list[str]:
    """Return what items that failed say of themselves; every one says something."""
    lists = [rows for rows in said.values() if isinstance(rows, list)]
    bad = [mapping(row) for rows in lists for row in rows[:1000] if isinstance(row, dict) and failed(row)]
    return [words(row.get("sub_request_error_reason"), 200) or "failed" for row in bad]


def retry_after(answer: Answer, now: float) -> int | None:
    """Return in how many seconds the limit ends, where headers say so. Snapchat documents none; some integrations read these."""
    headers = headers_of(answer)
    wait = number(headers.get("retry-after"))
    if wait is None:
        reset = number(headers.get("x-rate-limit-reset"))
        wait = None if reset is None or reset <= now else int(reset - now) + 1
    return bounded(wait)
