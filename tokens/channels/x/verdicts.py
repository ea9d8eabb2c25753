"""What X's answers mean. Codes are numbers in API 1.1 and OAuth, names in the Ads API, and the last part of `type` in API 2.

Sources: "ads" is docs.x.com/x-ads-api/fundamentals/error-codes-and-responses; "oauth" is
docs.x.com/fundamentals/authentication/api-reference; "old table" is X's former developer.x.com/docs/basics/response-codes; "seen" is an
answer kept by integrations; "by name" is a documented code without prose.
"""

import re
import time
from collections.abc import Iterable
from typing import Any

from tokens.channels.base import START_AGAIN, Answer, Call, Reason, Ruling, Verdict
from tokens.channels.table import PASSING, REFUSING, Codes, Facts, Row, body_of, mapping, number, rule, words

HANDSHAKE: frozenset[Call] = frozenset({"exchange"})
ASKED: frozenset[Call] = frozenset({"introspect"})  # verify_credentials
USED: frozenset[Call] = frozenset({"api", "list_accounts"})
AS_USER = ASKED | USED
LONGEST_WAIT = 86_400  # seconds
GONE_OR_MOVED = "gone, or no such address"
PERMITS_TOO_LITTLE = "permits too little"
_XML_CODE = re.compile(r"<error code=[\"'](\d{1,5})[\"']")


def codes(*values: int | str) -> Codes:
    """Return a set of codes: numbers, names, or both."""
    return frozenset(values)


ROWS = (
    Row("no answer", Verdict.TRANSIENT, Reason.TRANSIENT, statuses=PASSING, source="RFC 9110; ads: 408, 423, 500, 503"),
    Row("too many requests", Verdict.RATE_LIMITED, Reason.TRANSIENT, statuses=frozenset({420, 429}), source="ads"),
    Row("limit by its code", Verdict.RATE_LIMITED, Reason.TRANSIENT, codes=codes(88, "TOO_MANY_REQUESTS"), source="ads; old table"),
    Row("passing by its code", Verdict.TRANSIENT, Reason.TRANSIENT,
        codes=codes(130, 131, "INTERNAL_ERROR", "OVER_CAPACITY", "SERVICE_UNAVAILABLE", "CANCELLED_REQUEST", "LOCK_ACQUISITION_TIMEOUT"),
        source="ads; old table"),

    # Our app: these hit all tokens at once and touch none.
    Row("app suspended", Verdict.APP_FAULT, Reason.APP_FAULT, codes=codes(416), source="old table"),
    Row("app not approved", Verdict.APP_FAULT, Reason.APP_FAULT,
        codes=codes("UNAUTHORIZED_CLIENT_APPLICATION", "READONLY_CLIENT_APPLICATION"), source="ads"),
    Row("app read-only", Verdict.APP_FAULT, Reason.APP_FAULT, codes=codes(261), source="old table"),
    Row("app not enrolled", Verdict.APP_FAULT, Reason.APP_FAULT, codes=codes("client-forbidden"), source="docs.x.com, API 2"),
    Row("callback address", Verdict.APP_FAULT, Reason.APP_FAULT, calls=HANDSHAKE, codes=codes(415), source="old table; also as XML"),
    Row("app keys", Verdict.APP_FAULT, Reason.APP_FAULT, calls=HANDSHAKE, codes=codes(32, 215),
        source="oauth: nothing but the app's keys signs the first step"),

    # The handshake.
    Row(START_AGAIN, Verdict.OUR_BUG, calls=HANDSHAKE, codes=codes(89), source="oauth: the request token was used, or is too old"),
    Row(START_AGAIN, Verdict.OUR_BUG, calls=HANDSHAKE, statuses=frozenset({401}), shapes=frozenset({"text"}), text="request token",
        source="seen: X says this in plain text"),

    # We signed badly. A job's 32 may be a token that we do not know well; when we ask ourselves it is our signature.
    Row("clock", Verdict.OUR_BUG, codes=codes(135), source="old table: timestamp out of bounds"),
    Row("no header", Verdict.OUR_BUG, codes=codes(215), source="old table"),
    Row("wrong kind of token", Verdict.OUR_BUG, codes=codes("unsupported-authentication"), source="docs.x.com, API 2"),
    Row("signature", Verdict.OUR_BUG, calls=ASKED, codes=codes(32), source="old table"),
    Row("signature or token", Verdict.CONFIRM_FIRST, calls=USED, codes=codes(32), source="old table"),

    # The end of a token. X does not tell who ended it; that the person removed the app is the best known cause of 89. The code
    # decides: documents and answers disagree on the status.
    Row("revoked", Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED, calls=AS_USER, statuses=REFUSING, codes=codes(89), source="oauth"),
    Row("suspended", Verdict.TOKEN_DEAD, Reason.SUSPENDED, calls=AS_USER, statuses=REFUSING, codes=codes(64, "CURRENT_USER_SUSPENDED"),
        source="old table; ads"),
    Row("locked", Verdict.TOKEN_DEAD, Reason.SECURITY_CHECKPOINT, calls=AS_USER, statuses=REFUSING, codes=codes(326),
        source="old table: log in at x.com to unlock"),
    Row("gone", Verdict.TOKEN_DEAD, Reason.UNKNOWN, calls=ASKED, statuses=frozenset({404}), codes=codes(50), source="old table; seen"),
    # 34 is also what X says of an address that does not exist, so inspect asks once more elsewhere.
    Row(GONE_OR_MOVED, Verdict.CONFIRM_FIRST, Reason.UNKNOWN, calls=ASKED, statuses=frozenset({404}), codes=codes(34),
        source="old table; seen"),
    Row("locked out", Verdict.CONFIRM_FIRST, Reason.SECURITY_CHECKPOINT, codes=codes("ACCOUNT_LOCKED_OUT"), source="ads, by name"),
    Row("refused", Verdict.CONFIRM_FIRST, codes=codes("UNAUTHORIZED_ACCESS"), source="ads: the signature or the token"),

    # The token lives; this ad account, or writing to it, is out of its reach.
    Row("not visible", Verdict.ACCESS_LOST, Reason.ACCESS_LOST, calls=USED, statuses=REFUSING,
        codes=codes("ACCOUNT_NOT_FOUND", "USER_NOT_FOUND"), source="ads"),
    Row(PERMITS_TOO_LITTLE, Verdict.ACCESS_LOST, Reason.PUBLISHING_LOST, calls=USED, statuses=REFUSING,
        codes=codes("INSUFFICIENT_USER_AUTHORIZED_PERMISSION"),
        source="seen: of a role that may not write, and of a token given before our app might"),

    Row("no such address", Verdict.OUR_BUG, calls=USED, codes=codes("ROUTE_NOT_FOUND"), source="ads"),
    Row("bad request", Verdict.OUR_BUG, calls=USED, statuses=frozenset({400}), shapes=frozenset({"errors"}), source="ads"),
)  # fmt: skip


def classify(answer: Answer) -> Ruling:
    """Return what an answer of X means. Total; what is not in the table never kills."""
    facts = facts_of(answer, body_of(answer))
    if facts.shape == "fine" and 200 <= answer.status < 300:
        return Ruling(Verdict.OK)
    return rule(ROWS, facts, channel="x", retry_after=retry_after(answer, time.time()))


def facts_of(answer: Answer, body: Any) -> Facts:
    """Take the facts out of a body of any shape. Only a handshake is answered by text or XML; elsewhere text is a gateway's page."""
    if isinstance(body, str):
        told = _XML_CODE.findall(body[:2000]) if answer.call == "exchange" else ()
        fine = (answer.call == "exchange" and body.startswith("oauth_token=")) or not body.strip()
        shape = "fine" if fine else "text"
        return Facts(answer.call, answer.status, frozenset(_codes(told)), message=words(body), shape=shape)
    data = mapping(body)
    errors = data.get("errors") or data.get("error")
    kind = words(data.get("type")).rpartition("/")[2]
    if not errors and not (kind and "title" in data):
        return Facts(answer.call, answer.status, shape="fine")
    rows = [mapping(row) for row in (errors if isinstance(errors, list) else [errors])[:20]]
    said = [words(row.get("message")) for row in rows] + [words(data.get("detail"))]
    found = {*_codes(row.get("code") for row in rows), *([kind] if kind else [])}
    message = " ".join(text for text in said if text)
    return Facts(answer.call, answer.status, codes=frozenset(found), message=message[:500], shape="errors")


def _codes(values: Iterable[Any]) -> Iterable[int | str]:
    for value in values:
        found = number(value)
        if found is not None:
            yield found
        elif isinstance(value, str):
            yield value[:100]


def retry_after(answer: Answer, now: float) -> int | None:
    """Return in how many seconds the limit ends, where the headers say so. An ad account's own limit goes before the token's."""
    headers = {str(name).lower(): str(value) for name, value in answer.headers.items()}
    wait = number(headers.get("retry-after"))
    if wait is None:
        account_is_over = headers.get("x-account-rate-limit-remaining") == "0"
        name = "x-account-rate-limit-reset" if account_is_over else "x-rate-limit-reset"
        reset = number(headers.get(name))
        wait = None if reset is None else int(reset - now) + 1
    return None if wait is None else min(max(wait, 1), LONGEST_WAIT)
