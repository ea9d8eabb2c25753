"""What Pinterest's answers mean: `{"code": number, "message": text}`, the same code with another meaning at another HTTP status.

Sources: "description" is the vendor's OpenAPI description v5/openapi.json (5.23.0) in github.com/pinterest/api-description, its examples;
"sdk 114" and "sdk 110" are issues of github.com/pinterest/pinterest-python-sdk; "quickstart" is github.com/pinterest/api-quickstart;
"seen" is an answer kept by integrations; "unproven" has no source and therefore decides nothing that cannot be undone.
"""

import re
from collections.abc import Mapping
from typing import Any

from tokens.channels.classifier import (
    USED,
    Facts,
    app_fault,
    body_of,
    dead,
    in_doubt,
    limited,
    our_bug,
    out_of_reach,
    restricted,
    until,
)
from tokens.channels.kinds import START_AGAIN, Answer, Reason
from tokens.channels.parse import mapping, message_in, number, present, words
from tokens.channels.spoken import says_account_stopped
from tokens.channels.verdict_table import AS_USER, EXCHANGE, FOR_TOKENS, REFRESH, VerdictTable

FORBIDDEN = frozenset({401, 403})
GRANT_REFUSED = frozenset({400, 401})  # documents and answers disagree on the status of 283
# What was seen of our app beside codes that say other things; the words of all channels: `spoken`.
_OF_THE_APP = re.compile(
    r"\byour app(lication)? does not\b|\bapplication (id|consumer)\b|\bconsumer type\b|\bapps with \w+ access\b",
    re.IGNORECASE,
)
_OTHER_OBJECT = re.compile(
    r"\b(pins?|boards?|section|user|website|catalogs?|feed|product group|integration|processing result|batch|lead|leads export|promotion"
    r"|campaign|ad group|audience|keyword|ad)\b(?! ?account)",
    re.IGNORECASE,
)
_NO_ADDRESS = re.compile(r"\b(method|endpoint|route|path|page|url|version)\b", re.IGNORECASE)


ROWS = (
    # Not 30: at 404 it says that there is no such person.
    limited("limit by its code", shapes={"error"}, codes={8}, source="description"),

    # Our app, before anything about a token: these hit all tokens at once and touch none.
    app_fault("app refused", shapes={"app"},
        source="seen: 283 with “Invalid Application ID” (pinterest/pinterest-api-demo 16), 401 3 “Your application does not have access to"
               " this restricted feature”, 401 3 “Your application consumer type is not supported” of an app before its trial, 403 29"
               " “Apps with Trial access may not ...” (gitroomhq/postiz-app 1084)"),
    app_fault("app keys", calls=REFRESH, statuses={401}, codes={2},
        source="description: 401 2 of oauth/token/revoke is “Client authentication error”; a dead refresh token is 283 (sdk 114)"),

    # The handshake. Code 2 may be a bad code, a wrong address or the app's keys; the package asks about the keys.
    our_bug(START_AGAIN, calls=EXCHANGE, statuses=GRANT_REFUSED, codes={283, "invalid_grant"},
        source="sdk 114; seen: the code was used, is too old, or the address differs"),
    our_bug(START_AGAIN, calls=EXCHANGE, statuses={401}, codes={2}, source="sdk 110, seen"),

    # The end of a token: only a refused refresh token says so, and not why. The reason's words leave that open.
    dead("refresh token refused", Reason.AUTHORISATION_CANCELLED, calls=REFRESH, shapes={"error"}, statuses=GRANT_REFUSED, codes={283},
        source="sdk 114: revoked, password changed, deactivated or too old"),
    in_doubt("refresh token refused, in OAuth's word", calls=REFRESH, codes={"invalid_grant"},
        source="unproven: RFC 6749; API v1 said so of an app that was not reviewed"),
    in_doubt("refused", calls=AS_USER, shapes={"error"}, statuses={401}, codes={2},
        source="description: expired, revoked or no token; a refresh tells"),
    in_doubt("refused without a code", calls=AS_USER, shapes={"message only"}, statuses={401},
        source="unproven: RFC 9110; a refresh tells"),
    in_doubt("grant refused", calls=AS_USER, shapes={"error"}, statuses=FORBIDDEN, codes={283},
        source="unproven: known of refresh tokens only"),

    # The token lives; this ad account is restricted, or out of its reach.
    restricted("account restricted", calls=AS_USER, shapes={"error", "items refused"}, codes={2625, 2626},
        source="description, of catalogs: disapproved, or under review"),
    restricted("account restricted in words", calls=USED, shapes={"account stopped"}, source="unproven: by the answer's own words"),
    out_of_reach("permission missing", reason=Reason.SCOPE_MISSING, calls=AS_USER, shapes={"error"}, statuses=FORBIDDEN, codes={3},
        source="description"),
    out_of_reach("not permitted", calls=AS_USER, shapes={"error"}, statuses=FORBIDDEN, codes={29, 7, 403}, source="description"),
    our_bug("no such object", calls=USED, shapes={"other object"}, statuses={404},
        source="description: 404 of pins, boards, catalogs and others, with 30, 40, 50, 404, 4161 and more"),
    # Else a version of the API that Pinterest took away would look as if everybody had lost everything.
    our_bug("no such address", calls=AS_USER, shapes={"no address"}, statuses={404}, source="unproven"),
    out_of_reach("ad account not found", calls=USED, shapes={"error"}, statuses={404},
        source="description: 404 “AdAccount not found.”, with code 2"),

    # 1104 is about the token of a report, not of a person.
    our_bug("bad request", shapes={"error"}, statuses={400}, codes={1, 15, 400, 1104, 4196, 6126, 6136, 6137}, source="description"),
    our_bug("bad request", shapes={"error"}, statuses={405, 422}, source="description"),
    our_bug("items refused", calls=USED, shapes={"items refused"}, source="description: `exceptions` of each item"),
)  # fmt: skip


def facts_of(answer: Answer, body: Any) -> Facts:
    """Take the facts out of a body of any shape."""
    if isinstance(body, str):
        return Facts(
            answer.call, answer.status, message=words(body), shape="text" if body.strip() else "fine"
        )
    data = mapping(body)
    if (code := number(data.get("code"))) is not None or data.get("status") == "failure" or data.get("error"):
        return _of_an_error(answer, data, code)
    if rows := _exceptions(data):
        codes = present(*(number(row.get("code")) for row in rows))
        return Facts(
            answer.call, answer.status, codes, message=words(rows[0].get("message")), shape="items refused"
        )
    if answer.status >= 400 and words(data.get("message")):
        return _of_an_error(answer, data, None)
    return Facts(answer.call, answer.status, shape="fine")


def _of_an_error(answer: Answer, data: Mapping[str, Any], code: int | None) -> Facts:
    codes = present(code, words(data.get("error"), 100))
    message = message_in(data, "message", "message_detail", "data", "error_description")[:500]
    shape = "error" if codes or data.get("status") == "failure" else "message only"
    if answer.status in {200, *FORBIDDEN, *GRANT_REFUSED} and _OF_THE_APP.search(message):
        shape = "app"
    elif answer.status in FORBIDDEN | GRANT_REFUSED and says_account_stopped(message):
        shape = "account stopped"
    elif answer.status == 404 and _NO_ADDRESS.search(message):
        shape = "no address"
    elif answer.status == 404 and _OTHER_OBJECT.search(message):
        shape = "other object"
    return Facts(answer.call, answer.status, codes, message=message, shape=shape)


def _exceptions(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the first exception of each item of a bulk answer where every item has one; else none."""
    items = data.get("items")
    rows = [mapping(item).get("exceptions") for item in items[:50]] if isinstance(items, list) else []
    found = [mapping(row[0]) for row in rows if isinstance(row, list) and row]
    return found if rows and len(found) == len(rows) else []


def keys_in_doubt(answer: Answer) -> bool:
    """Return whether the token endpoint answered with 401 and code 2, which may be about the app's keys."""
    facts = facts_of(answer, body_of(answer))
    return facts.call in FOR_TOKENS and facts.status == 401 and facts.shape == "error" and 2 in facts.codes


def _wait(headers: Mapping[str, str], _of: Facts, now: float) -> int | None:
    return until(headers.get("x-ratelimit-reset"), now)


TABLE = VerdictTable("pinterest", ROWS, facts_of, lists=("items",), wait=_wait)
