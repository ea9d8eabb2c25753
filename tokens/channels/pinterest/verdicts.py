"""What Pinterest's answers mean: `{"code": number, "message": text}`, the same code with another meaning at another HTTP status.

Sources: "description" is the vendor's OpenAPI description v5/openapi.json (5.23.0) in github.com/pinterest/api-description, its examples;
"sdk 114" and "sdk 110" are issues of github.com/pinterest/pinterest-python-sdk; "quickstart" is github.com/pinterest/api-quickstart;
"seen" is an answer kept by integrations; "unproven" has no source and therefore decides nothing that cannot be undone.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from tokens.channels.classifier import (
    LONGEST_WAIT,
    PASSING,
    Facts,
    Row,
    body_of,
    bounded,
    codes,
    headers_of,
    rule,
    way_back,
)
from tokens.channels.kinds import START_AGAIN, Answer, Call, Classification, Reason, Verdict
from tokens.channels.parse import mapping, number, words
from tokens.channels.spoken import says_account_stopped, says_limited
from users import database_clock

EXCHANGE: frozenset[Call] = frozenset({"exchange"})
REFRESH: frozenset[Call] = frozenset({"refresh"})
WITH_KEYS = EXCHANGE | REFRESH  # the app authenticates by Basic, nobody else does
AS_USER: frozenset[Call] = frozenset({"api", "list_accounts", "introspect"})  # introspect: GET user_account
USED: frozenset[Call] = frozenset({"api", "list_accounts"})
CALLBACK: frozenset[Call] = frozenset({"authorize_callback"})
FORBIDDEN = frozenset({401, 403})
GRANT_REFUSED = frozenset({400, 401})  # documents and answers disagree on the status of 283
SERVER = frozenset(range(500, 600))
# What a good answer must hold where something was asked for.
WANTED: Mapping[Call, str] = {
    "exchange": "access_token", "refresh": "access_token", "introspect": "id", "list_accounts": "items",
}  # fmt: skip

_OF_THE_APP = re.compile(
    r"\byour (app|application|client)\b|\bapplication id\b"
    r"|\b(app|application|client|consumer) (has been|is|was) (not |in)?"
    r"(approved|active|authorized|valid|disabled|suspended|blocked|deactivated|banned)"
    r"|\bclient[_ ](secret|authentication|credentials|id)\b|\b(invalid|unauthorized)_client\b",
    re.IGNORECASE,
)
_BY_THE_PERSON = re.compile(
    r"\b(user|person|pinner)\b.{0,20}\b(revoked|removed|cancell?ed|withdrew)\b", re.IGNORECASE
)
# Of the app beyond doubt, also where the status is that of a bad call.
_SURELY_OF_THE_APP = re.compile(
    r"\bapplication (id|consumer)\b|\bconsumer type\b|\bapps with \w+ access\b", re.IGNORECASE
)
_OTHER_OBJECT = re.compile(
    r"\b(pins?|boards?|section|user|website|catalogs?|feed|product group|integration|processing result|batch|lead|leads export|promotion"
    r"|campaign|ad group|audience|keyword|ad)\b(?! ?account)",
    re.IGNORECASE,
)

_NO_ADDRESS = re.compile(r"\b(method|endpoint|route|path|page|url|version)\b", re.IGNORECASE)


def shapes(*values: str) -> frozenset[str]:
    """Return a set of shapes."""
    return frozenset(values)


ROWS = (
    Row("no answer", Verdict.TRANSIENT, Reason.TRANSIENT, statuses=PASSING, source="RFC 9110; description: 409 of a busy object, 503 4197"),
    Row("server trouble", Verdict.TRANSIENT, Reason.TRANSIENT, statuses=SERVER, source="description: 501 4181"),
    Row("too many requests", Verdict.RATE_LIMITED, Reason.TRANSIENT, statuses=frozenset({429}),
        source="description: 429 with 8 or 30; quickstart: also for what it takes for spam"),
    # Not 30: at 404 it says that there is no such person.
    Row("limit by its code", Verdict.RATE_LIMITED, Reason.TRANSIENT, shapes=shapes("error"), codes=codes(8), source="description"),

    Row("limit by its words", Verdict.RATE_LIMITED, Reason.TRANSIENT, shapes=shapes("limited"), source="description: in those of 8 and 30"),

    # Our app, before anything about a token: these hit all tokens at once and touch none.
    Row("app refused", Verdict.APP_FAULT, Reason.APP_FAULT, shapes=shapes("app"),
        source="seen: 283 with “Invalid Application ID” (pinterest/pinterest-api-demo 16), 401 3 “Your application does not have access"
               " to this restricted feature”, 401 3 “Your application consumer type is not supported” of an app before its trial, 403 29"
               " “Apps with Trial access may not ...” (gitroomhq/postiz-app 1084)"),
    Row("client refused", Verdict.APP_FAULT, Reason.APP_FAULT, calls=WITH_KEYS, codes=codes("invalid_client", "unauthorized_client"),
        source="RFC 6749 5.2; Pinterest is not known to use it"),
    Row("app keys", Verdict.APP_FAULT, Reason.APP_FAULT, calls=REFRESH, statuses=frozenset({401}), codes=codes(2),
        source="description: 401 2 of oauth/token/revoke is “Client authentication error”; a dead refresh token is 283 (sdk 114)"),

    # The handshake. Code 2 may be a bad code, a wrong address or the app's keys; the package asks about the keys.
    Row(START_AGAIN, Verdict.OUR_BUG, calls=EXCHANGE, statuses=GRANT_REFUSED, codes=codes(283, "invalid_grant"),
        source="sdk 114; seen: the code was used, is too old, or the address differs"),
    Row(START_AGAIN, Verdict.OUR_BUG, calls=EXCHANGE, statuses=frozenset({401}), codes=codes(2), source="sdk 110, seen"),
    Row("declined", Verdict.TRANSIENT, Reason.TRANSIENT, calls=CALLBACK, codes=codes("access_denied"),
        source="RFC 6749 4.1.2.1: the person said no; nothing follows from it"),
    Row("app asked wrongly", Verdict.APP_FAULT, Reason.APP_FAULT, calls=CALLBACK,
        codes=codes("invalid_client", "unauthorized_client", "invalid_scope", "invalid_request", "unsupported_response_type"),
        source="RFC 6749 4.1.2.1"),
    Row("consent page in trouble", Verdict.TRANSIENT, Reason.TRANSIENT, calls=CALLBACK,
        codes=codes("server_error", "temporarily_unavailable"), source="RFC 6749 4.1.2.1"),
    Row(START_AGAIN, Verdict.OUR_BUG, calls=CALLBACK, shapes=shapes("nothing"), source="neither a code nor an error came back"),

    # The end of a token: only a refused refresh token says so, and not why. The reason's words leave that open.
    Row("refresh token refused", Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED, calls=REFRESH, shapes=shapes("error"),
        statuses=GRANT_REFUSED, codes=codes(283), source="sdk 114: revoked, password changed, deactivated or too old"),
    Row("refresh token refused, in OAuth's word", Verdict.CONFIRM_FIRST, calls=REFRESH, codes=codes("invalid_grant"),
        source="unproven: RFC 6749; API v1 said so of an app that was not reviewed"),
    Row("refused", Verdict.CONFIRM_FIRST, calls=AS_USER, shapes=shapes("error"), statuses=frozenset({401}), codes=codes(2),
        source="description: expired, revoked or no token; a refresh tells"),
    Row("refused without a code", Verdict.CONFIRM_FIRST, calls=AS_USER, shapes=shapes("message only"), statuses=frozenset({401}),
        source="unproven: RFC 9110; a refresh tells"),
    Row("grant refused", Verdict.CONFIRM_FIRST, calls=AS_USER, shapes=shapes("error"), statuses=FORBIDDEN, codes=codes(283),
        source="unproven: known of refresh tokens only"),

    # The token lives; this ad account is restricted, or out of its reach.
    Row("account restricted", Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED, calls=AS_USER, shapes=shapes("error", "items refused"),
        codes=codes(2625, 2626), source="description, of catalogs: disapproved, or under review"),
    Row("account restricted in words", Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED, calls=USED, shapes=shapes("account stopped"),
        source="unproven: by the answer's own words"),
    Row("permission missing", Verdict.ACCESS_LOST, Reason.SCOPE_MISSING, calls=AS_USER, shapes=shapes("error"), statuses=FORBIDDEN,
        codes=codes(3), source="description"),
    Row("not permitted", Verdict.ACCESS_LOST, Reason.ACCESS_LOST, calls=AS_USER, shapes=shapes("error"), statuses=FORBIDDEN,
        codes=codes(29, 7, 403), source="description"),
    Row("no such object", Verdict.OUR_BUG, calls=USED, shapes=shapes("other object"), statuses=frozenset({404}),
        source="description: 404 of pins, boards, catalogs and others, with 30, 40, 50, 404, 4161 and more"),
    # Else a version of the API that Pinterest took away would look as if everybody had lost everything.
    Row("no such address", Verdict.OUR_BUG, calls=AS_USER, shapes=shapes("no address"), statuses=frozenset({404}), source="unproven"),
    Row("ad account not found", Verdict.ACCESS_LOST, Reason.ACCESS_LOST, calls=USED, shapes=shapes("error"), statuses=frozenset({404}),
        source="description: 404 “AdAccount not found.”, with code 2"),

    # 1104 is about the token of a report, not of a person.
    Row("bad request", Verdict.OUR_BUG, shapes=shapes("error"), statuses=frozenset({400}),
        codes=codes(1, 15, 400, 1104, 4196, 6126, 6136, 6137), source="description"),
    Row("bad request", Verdict.OUR_BUG, shapes=shapes("error"), statuses=frozenset({405, 422}), source="description"),
    Row("items refused", Verdict.OUR_BUG, calls=USED, shapes=shapes("items refused"), source="description: `exceptions` of each item"),
)  # fmt: skip


def classify(answer: Answer) -> Classification:
    """Return what an answer of Pinterest means. Total; what is not in the table never kills."""
    facts = facts_of(answer, body_of(answer))
    if facts.fine:
        return Classification(Verdict.OK)
    return rule(ROWS, facts, channel="pinterest", retry_after=retry_after(answer, database_clock.seconds()))


def keys_in_doubt(answer: Answer) -> bool:
    """Return whether the token endpoint answered with 401 and code 2, which may be about the app's keys."""
    facts = facts_of(answer, body_of(answer))
    return facts.call in WITH_KEYS and facts.status == 401 and facts.shape == "error" and 2 in facts.codes


def facts_of(answer: Answer, body: Any) -> Facts:
    """Take the facts out of a body of any shape."""
    if answer.call == "authorize_callback":
        return _of_the_callback(answer, body)
    if isinstance(body, str):
        empty = not body.strip() and answer.call not in WANTED
        limited = 400 <= answer.status < 500 and says_limited(words(body))
        shape = "fine" if empty else "limited" if limited else "text"
        return Facts(answer.call, answer.status, message=words(body), shape=shape)
    if body is None and answer.call not in WANTED:
        return Facts(answer.call, answer.status, shape="fine")
    data = mapping(body)
    if (code := number(data.get("code"))) is not None or data.get("status") == "failure" or data.get("error"):
        return _of_an_error(answer, data, code)
    if exceptions := _of_items(data):
        found = {number(row.get("code")) for row in exceptions} - {None}
        message = words(exceptions[0].get("message"))
        return Facts(answer.call, answer.status, frozenset(code for code in found if code is not None), message=message,
                     shape="items refused")  # fmt: skip
    if answer.status >= 400 and words(data.get("message")):
        return _of_an_error(answer, data, None)
    wanted = WANTED.get(answer.call)
    return Facts(answer.call, answer.status, shape="fine" if wanted is None or wanted in data else "other")


def _of_an_error(answer: Answer, data: Mapping[str, Any], code: int | None) -> Facts:
    name = words(data.get("error"), 100)
    said = [words(data.get(key)) for key in ("message", "message_detail", "data", "error_description")]
    message = " ".join(text for text in said if text)[:500]
    found: set[int | str] = {*([] if code is None else [code]), *([name] if name else [])}
    shape = "error" if found or data.get("status") == "failure" else "message only"
    if answer.status < 500 and says_limited(message):
        shape = "limited"
    elif _speaks_of_the_app(answer, message):
        shape = "app"
    elif answer.status in FORBIDDEN | GRANT_REFUSED and says_account_stopped(message):
        shape = "account stopped"
    elif answer.status == 404 and _NO_ADDRESS.search(message):
        shape = "no address"
    elif answer.status == 404 and _OTHER_OBJECT.search(message):
        shape = "other object"
    return Facts(answer.call, answer.status, frozenset(found), message=message, shape=shape)


def _speaks_of_the_app(answer: Answer, message: str) -> bool:
    if answer.call == "refresh" and _BY_THE_PERSON.search(message):
        return False
    if answer.status in {200, 400} and _SURELY_OF_THE_APP.search(message):
        return True
    refusing = FORBIDDEN | GRANT_REFUSED if answer.call in WITH_KEYS else FORBIDDEN
    spoken = _OF_THE_APP.search(message) or _SURELY_OF_THE_APP.search(message)
    return answer.status in refusing and spoken is not None


def _of_items(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the first exception of each item of a bulk answer where every item has one; else none."""
    items = data.get("items")
    rows = [mapping(item).get("exceptions") for item in items[:50]] if isinstance(items, list) else []
    found = [mapping(row[0]) for row in rows if isinstance(row, list) and row]
    return found if rows and len(found) == len(rows) else []


def _of_the_callback(answer: Answer, body: Any) -> Facts:
    data = mapping(dict(parse_qsl(body[:2000].lstrip("?")))) if isinstance(body, str) else mapping(body)
    name = words(data.get("error"), 100)
    if not name:
        return Facts(answer.call, answer.status, shape="fine" if words(data.get("code")) else "nothing")
    return Facts(
        answer.call,
        way_back(answer, named=True),
        codes(name),
        message=words(data.get("error_description")),
        shape="error",
    )


def retry_after(answer: Answer, now: float) -> int | None:
    """Return in how many seconds the limit ends, where the headers say so: seconds, or a moment since 1970."""
    headers = headers_of(answer)
    wait = number(headers.get("retry-after"))
    if wait is None:
        wait = number(headers.get("x-ratelimit-reset"))
        if wait is not None and wait > now - LONGEST_WAIT:
            wait = int(wait - now) + 1
    return bounded(wait)
