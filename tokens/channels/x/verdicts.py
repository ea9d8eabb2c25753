"""What X's answers mean. Codes are numbers in API 1.1 and OAuth, names in the Ads API, and the last part of `type` in API 2.

Sources: "ads" is docs.x.com/x-ads-api/fundamentals/error-codes-and-responses; "oauth" is
docs.x.com/fundamentals/authentication/api-reference; "old table" is X's former developer.x.com/docs/basics/response-codes; "seen" is an
answer kept by integrations; "by name" is a documented code without prose; "mcp" is docs.x.com/x-ads-api/mcp, whose OAuth 2 we do not use
ourselves: its rows are there for whoever pastes such an answer.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tokens.channels import batch
from tokens.channels.classifier import (
    PASSING,
    REFUSING,
    Codes,
    Facts,
    Row,
    body_of,
    bounded,
    codes,
    headers_of,
    lacks,
    malformed,
    query_of,
    rule,
)
from tokens.channels.kinds import START_AGAIN, Answer, Call, Classification, Reason, Verdict
from tokens.channels.parse import mapping, number, words
from tokens.channels.x.reading import user_id
from users import database_clock

HANDSHAKE: frozenset[Call] = frozenset({"exchange"})
CALLBACK: frozenset[Call] = frozenset({"authorize_callback"})
REFRESH: frozenset[Call] = frozenset({"refresh"})
ASKED: frozenset[Call] = frozenset({"introspect"})  # verify_credentials
USED: frozenset[Call] = frozenset({"api", "list_accounts"})
AS_USER = ASKED | USED
GONE_OR_MOVED = "gone, or no such address"
PERMITS_TOO_LITTLE = "permits too little"
ACCESS_LEVEL = "app's access level"
SIGNATURE = "signature"
NOT_TOLD = "refused, no cause told"  # by API 2
# The words speak of our app, whatever the code.
_APP_WORDS = re.compile(
    r"\b(?:app|application|developer account)\b[^.]{0,60}\b(?:suspended|blocked|banned|disabled|deactivated|not approved)\b"
    r"|\b(?:suspended|blocked|banned|disabled|deactivated)\b[^.]{0,20}\b(?:app|application|developer account)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[a-z_]{1,60}")
_XML_CODE = re.compile(r"<error code=[\"'](\d{1,5})[\"']")


# Documented codes about what a request asked for: never about who asked.
OF_THE_REQUEST: Codes = frozenset(
    {
        "ACCOUNT_MEDIA_NOT_FOUND", "APP_EVENT_PROVIDER_CONFIGURATION_NOT_FOUND", "APP_EVENT_TAG_NOT_FOUND",
        "BEHAVIOR_OR_BEHAVIOR_EXPANDED_NOT_FOUND", "CAMPAIGN_NOT_FOUND", "CARD_NOT_FOUND",
        "FUNDING_INSTRUMENT_EXCEEDS_AVAILABLE_CREDIT_LIMIT", "FUNDING_INSTRUMENT_NOT_FOUND", "GENERIC_TWEET_ERROR", "INVALID_APP_ID",
        "INVALID_APP_STORE", "INVALID_IAB_CATEGORY", "INVALID_ID_ILLEGAL_CHARACTERS", "LINE_ITEM_APP_NOT_FOUND", "LINE_ITEM_NOT_FOUND",
        "MACT_APP_NOT_FOUND", "MALWARE_STATUS", "MEDIA_CREATIVE_NOT_FOUND", "MEDIA_NOT_FOUND", "METHOD_NOT_ALLOWED",
        "NO_PROVIDER_AVAILABLE_FOR_THIS_CLIENT_APPLICATION", "NOT_FOUND", "PROMOTABLE_USER_NOT_FOUND", "PROMOTED_ACCOUNT_NOT_FOUND",
        "PROMOTED_TWEET_NOT_FOUND", "TAILORED_AUDIENCE_CHANGE_FILE_NOT_FOUND", "TAILORED_AUDIENCE_NOT_FOUND",
        "TAILORED_AUDIENCE_OR_TAILORED_AUDIENCE_EXPANDED_NOT_FOUND", "TARGETING_CRITERION_NOT_FOUND", "TWEET_IS_SPAM", "TWEET_NOT_FOUND",
        "WEB_EVENT_TAG_NOT_FOUND",
    }
)  # fmt: skip
ROWS = (
    Row("no answer", Verdict.TRANSIENT, Reason.TRANSIENT, statuses=PASSING, source="RFC 9110; ads: 408, 423, 500, 503"),
    Row("too many requests", Verdict.RATE_LIMITED, Reason.TRANSIENT, statuses=frozenset({420, 429}), source="ads"),
    Row("limit by its code", Verdict.RATE_LIMITED, Reason.TRANSIENT,
        codes=codes(88, "TOO_MANY_REQUESTS", "TWEET_RATE_LIMIT_EXCEEDED", "usage-capped"), source="ads; old table; seen: a monthly cap"),
    Row("passing by its code", Verdict.TRANSIENT, Reason.TRANSIENT,
        codes=codes(130, 131, "INTERNAL_ERROR", "OVER_CAPACITY", "SERVICE_UNAVAILABLE", "CANCELLED_REQUEST", "LOCK_ACQUISITION_TIMEOUT"),
        source="ads; old table"),

    # Our app: these hit all tokens at once and touch none.
    Row("app suspended", Verdict.APP_FAULT, Reason.APP_FAULT, codes=codes(416), source="old table"),
    Row("speaks of the app", Verdict.APP_FAULT, Reason.APP_FAULT, statuses=REFUSING, shapes=frozenset({"app"}),
        source="unproven: whatever the code, such words are about our app"),
    Row("app's credits", Verdict.APP_FAULT, Reason.APP_FAULT, codes=codes("credits"), source="seen: CreditsDepleted of API 2"),
    Row(ACCESS_LEVEL, Verdict.APP_FAULT, Reason.APP_FAULT, codes=codes(87, 453),
        source="old table: 87; seen: 453, access to a subset of endpoints only"),
    Row("app not approved", Verdict.APP_FAULT, Reason.APP_FAULT,
        codes=codes("UNAUTHORIZED_CLIENT_APPLICATION", "READONLY_CLIENT_APPLICATION"), source="ads"),
    Row("app read-only", Verdict.APP_FAULT, Reason.APP_FAULT, codes=codes(261, "oauth1-permissions"),
        source="old table; docs.x.com, API 2"),
    Row("app not enrolled", Verdict.APP_FAULT, Reason.APP_FAULT, codes=codes("client-forbidden"), source="docs.x.com, API 2"),
    Row("callback address", Verdict.APP_FAULT, Reason.APP_FAULT, calls=HANDSHAKE, codes=codes(415, 417),
        source="old table; also as XML; 417 seen: the app has no callback address, so only “oob” is taken"),
    Row("app keys", Verdict.APP_FAULT, Reason.APP_FAULT, calls=HANDSHAKE, codes=codes(32, 215),
        source="oauth: nothing but the app's keys signs the first step"),

    Row("app keys", Verdict.APP_FAULT, Reason.APP_FAULT, calls=HANDSHAKE, statuses=frozenset({401}), shapes=frozenset({"text"}),
        text="validate oauth signature", source="seen: the same in plain text"),
    Row("app keys", Verdict.APP_FAULT, Reason.APP_FAULT, calls=HANDSHAKE | REFRESH, codes=codes("invalid_client", "unauthorized_client"),
        source="RFC 6749; seen: missing valid authorization header"),

    # The handshake.
    Row("declined by the person", Verdict.TRANSIENT, Reason.TRANSIENT, calls=CALLBACK, codes=codes("denied", "access_denied"),
        source="allauth; RFC 6749"),
    Row(START_AGAIN, Verdict.OUR_BUG, calls=CALLBACK, shapes=frozenset({"no verifier"}), source="oauth: the way back brought no verifier"),
    Row(START_AGAIN, Verdict.OUR_BUG, calls=HANDSHAKE, codes=codes(89), source="oauth: the request token was used, or is too old"),
    Row(START_AGAIN, Verdict.OUR_BUG, calls=HANDSHAKE, statuses=frozenset({401}), shapes=frozenset({"text"}), text="request token",
        source="seen: X says this in plain text"),
    Row(START_AGAIN, Verdict.OUR_BUG, calls=HANDSHAKE, statuses=frozenset({401}), shapes=frozenset({"text"}), text="oauth_verifier",
        source="seen: as above"),
    Row(START_AGAIN, Verdict.OUR_BUG, calls=HANDSHAKE, codes=codes("invalid_grant"), source="RFC 6749"),
    Row(START_AGAIN, Verdict.OUR_BUG, calls=HANDSHAKE, codes=codes("invalid_request"), text="authorization code",
        source="seen: its name for a code that is used or too old"),

    # We signed badly. A job's 32 may be a token that we do not know well; when we ask ourselves it is our signature.
    Row("clock", Verdict.OUR_BUG, codes=codes(135), source="old table: timestamp out of bounds"),
    Row("no header", Verdict.OUR_BUG, codes=codes(215), source="old table"),
    Row("wrong kind of token", Verdict.OUR_BUG, codes=codes("unsupported-authentication"), source="docs.x.com, API 2"),
    Row(SIGNATURE, Verdict.OUR_BUG, calls=ASKED, codes=codes(32), source="old table"),
    Row("signature or token", Verdict.CONFIRM_FIRST, calls=USED, codes=codes(32), source="old table"),

    # The end of a token. X does not tell who ended it; that the person removed the app is the best known cause of 89. The code
    # decides: documents and answers disagree on the status.
    Row("revoked", Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED, calls=AS_USER, statuses=REFUSING, codes=codes(89), source="oauth"),
    Row("suspended", Verdict.TOKEN_DEAD, Reason.SUSPENDED, calls=AS_USER, statuses=REFUSING, codes=codes(64, "CURRENT_USER_SUSPENDED"),
        source="old table; ads"),
    Row("locked", Verdict.TOKEN_DEAD, Reason.SECURITY_CHECKPOINT, calls=AS_USER, statuses=REFUSING, codes=codes(326),
        source="old table: log in at x.com to unlock"),
    Row("gone", Verdict.TOKEN_DEAD, Reason.UNKNOWN, calls=ASKED, statuses=frozenset({404}), codes=codes(50), source="old table; seen"),
    # X says invalid_request where the standard says invalid_grant. Only with these words: any other is about the request.
    Row("refresh token refused", Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED, calls=REFRESH, statuses=frozenset({400, 401}),
        codes=codes("invalid_request"), text="value passed for the token was invalid", source="seen: spent or revoked"),
    Row("refresh token refused", Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED, calls=REFRESH, statuses=frozenset({400, 401}),
        codes=codes("invalid_grant"), source="RFC 6749"),
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

    Row("permits too little for this call", Verdict.ACCESS_LOST, Reason.SCOPE_MISSING, calls=USED, statuses=frozenset({403}),
        codes=codes(220), source="old table: the credentials do not allow access to this resource"),
    Row("not verified", Verdict.CONFIRM_FIRST, calls=USED, codes=codes(99), source="old table: also of somebody who asks too often"),
    Row("not verified", Verdict.TRANSIENT, Reason.TRANSIENT, calls=ASKED, codes=codes(99), source="old table: as above"),
    # It may be the role or the ad account: reading the ad account tells.
    Row("action not allowed", Verdict.CONFIRM_FIRST, calls=USED, statuses=frozenset({403}),
        codes=codes("ACTION_NOT_ALLOWED", "FUNDING_INSTRUMENT_ACCESS_NOT_ALLOWED"), source="ads, by name"),

    Row("no such address", Verdict.OUR_BUG, calls=USED, codes=codes("ROUTE_NOT_FOUND"), source="ads"),
    Row("bad request", Verdict.OUR_BUG, calls=USED, statuses=frozenset({400}), shapes=frozenset({"errors"}), source="ads"),
    Row("bad request", Verdict.OUR_BUG, calls=REFRESH, codes=codes("invalid_request", "unsupported_grant_type"), source="RFC 6749"),
    Row("bad request, by its name", Verdict.OUR_BUG, calls=USED, statuses=frozenset({403, 404, 405}), codes=OF_THE_REQUEST, source="ads"),
)  # fmt: skip


def classify(answer: Answer) -> Classification:
    """Return what an answer of X means. Total; what is not in the table never kills."""
    body = body_of(answer)
    if answer.call == "api" and (items := _of_batch(answer, body)):
        return batch.gravest(classify(item) for item in items)
    facts = (
        _of_the_way_back(answer, query_of(body))
        if answer.call == "authorize_callback"
        else facts_of(answer, body)
    )
    if facts.shape == "verifier":
        return Classification(Verdict.OK)
    if facts.fine:
        what = _lacks(answer.call, body)
        return malformed(answer, what, channel="x").classification if what else Classification(Verdict.OK)
    return rule(ROWS, facts, channel="x", retry_after=retry_after(answer, database_clock.seconds()))


def _of_batch(answer: Answer, body: Any) -> list[Answer]:
    """Return the answers in one to a batch that failed: what is wrong with each operation is in `operation_errors`.

    https://docs.x.com/x-ads-api/campaign-management, batch requests: one that fails fails them all.
    """
    rows = mapping(body).get("operation_errors")
    errors = [row for row in rows[: batch.MOST] if row] if isinstance(rows, list) else []
    status = answer.status if answer.status >= 400 else 400
    found = [row if isinstance(row, list) else [row] for row in errors]
    return [Answer(answer.call, status, answer.headers, {"errors": row}) for row in found]


def _lacks(call: Call, body: Any) -> str:
    """Return what a good answer should hold and does not, or nothing."""
    if call == "introspect":
        return "" if user_id(body) else "an id"
    return "" if _is_form(body) else lacks(call, body, rows="data")


def facts_of(answer: Answer, body: Any) -> Facts:
    """Take the facts out of a body of any shape. Only a handshake is answered by text or XML; elsewhere text is a gateway's page."""
    if isinstance(body, str):
        return _of_text(answer, body)
    data = mapping(body)
    errors = data.get("errors") or data.get("error")
    kind = words(data.get("type")).rpartition("/")[2]
    if not errors and not (kind and "title" in data):
        return Facts(answer.call, answer.status, shape="fine")
    rows = [mapping(row) for row in (errors if isinstance(errors, list) else [errors])[:20]]
    said = [words(row.get("message")) for row in rows]
    said += [words(data.get(name)) for name in ("detail", "error_description")]
    name = words(errors, 60)  # OAuth 2 has one word here
    beside = [kind, words(data.get("reason"), 60)]
    found = {*_codes(row.get("code") for row in rows), *(one for one in beside if one)}
    found |= {name} if _WORD.fullmatch(name) else set()
    message = " ".join(text for text in said if text)
    shape = "app" if _APP_WORDS.search(message) else "errors"
    return Facts(answer.call, answer.status, codes=frozenset(found), message=message[:500], shape=shape)


def _of_text(answer: Answer, body: str) -> Facts:
    if answer.call != "exchange":
        return Facts(
            answer.call, answer.status, message=words(body), shape="text" if body.strip() else "fine"
        )
    told = frozenset(_codes(_XML_CODE.findall(body[:2000])))
    shape = "fine" if _is_form(body) else "app" if _APP_WORDS.search(body[:500]) else "text"
    return Facts(answer.call, answer.status, told, message=words(body), shape=shape)


def _is_form(body: Any) -> bool:
    return isinstance(body, str) and body.startswith("oauth_token=")


def _of_the_way_back(answer: Answer, said: Mapping[str, Any]) -> Facts:
    """Take the facts out of the parameters that the browser brought."""
    code = "denied" if said.get("denied") else words(said.get("error"), 60)
    if not code:
        pair = words(said.get("oauth_token")) and words(said.get("oauth_verifier"))
        given = pair or words(said.get("code"))
        return Facts(answer.call, answer.status, shape="verifier" if given else "no verifier")
    return Facts(
        answer.call, answer.status, codes(code), message=words(said.get("error_description")), shape="errors"
    )


def _codes(values: Iterable[Any]) -> Iterable[int | str]:
    for value in values:
        found = number(value)
        if found is not None:
            yield found
        elif isinstance(value, str):
            yield value[:100]


def retry_after(answer: Answer, now: float) -> int | None:
    """Return in how many seconds the limit ends, where the headers say so. An ad account's own limit goes before the token's."""
    headers = headers_of(answer)
    wait = number(headers.get("retry-after"))
    if wait is None:
        account_is_over = headers.get("x-account-rate-limit-remaining") == "0"
        name = "x-account-rate-limit-reset" if account_is_over else "x-rate-limit-reset"
        reset = number(headers.get(name))
        wait = None if reset is None else int(reset - now) + 1
    return bounded(wait)
