"""What LinkedIn's answers mean.

Sources: "errors" is learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling; "flow" is the table of API errors in
.../shared/authentication/authorization-code-flow; "introspection" is .../authentication/token-introspection; "refresh" is
.../authentication/programmatic-refresh-tokens; "marketing" is .../linkedin/marketing/error-responses and /versioning; "limits" is
.../api-guide/concepts/rate-limits; "seen" is an answer kept in public repositories; "unproven" has no source and therefore decides
nothing that cannot be undone.
"""

import re
from typing import Any

from tokens.channels import batch
from tokens.channels.classifier import (
    PASSING,
    REFUSING,
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
    until_midnight,
)
from tokens.channels.kinds import START_AGAIN, Answer, Call, Classification, Reason, Verdict
from tokens.channels.parse import mapping, number, words
from users import database_clock

CANCELLED = frozenset({"user_cancelled_login", "user_cancelled_authorize", "access_denied"})
REVOKED = "revoked"  # the row of 65601, which is also said of a token that is too fresh

USED: frozenset[Call] = frozenset({"api", "list_accounts"})
ASKED: frozenset[Call] = frozenset({"introspect"})
CODE: frozenset[Call] = frozenset({"exchange"})
REFRESH: frozenset[Call] = frozenset({"refresh"})
CALLBACK: frozenset[Call] = frozenset({"authorize_callback"})
AS_APP: frozenset[Call] = ASKED | CODE | REFRESH  # calls with the app's secret
ERROR, OAUTH = frozenset({"error"}), frozenset({"oauth"})
REFUSED, NO_TOKEN = frozenset({400, 401}), frozenset({401})
# Said of our app itself, whatever the code: no token is touched.
_ABOUT_APP = re.compile(
    r"\b(?:app|application|client)\b(?! id)[^.]{0,60}\b(?:suspended|blocked|disabled|deactivated|inactive|not approved|not allowed)\b"
)
APP_REFUSED = "app refused"  # the code used for such words


ROWS = (
    Row("no answer", Verdict.TRANSIENT, Reason.TRANSIENT, statuses=PASSING,
        source="RFC 9110; errors: failures to verify a token downstream are 500"),

    # Our app, before anything about a token: these hit all tokens at once and touch none.
    Row("app refused", Verdict.APP_FAULT, Reason.APP_FAULT, codes=codes(APP_REFUSED), source="unproven, and of no harm: by its words"),
    Row("client", Verdict.APP_FAULT, Reason.APP_FAULT, codes=codes("invalid_client", "invalid_client_id", "unauthorized_client"),
        source="flow and client-credentials: wrong secret, unknown client id"),
    Row("client secret", Verdict.APP_FAULT, Reason.APP_FAULT, calls=ASKED, statuses=NO_TOKEN, shapes=ERROR | OAUTH,
        source="introspection: 401 is an invalid client secret"),
    Row("client", Verdict.APP_FAULT, Reason.APP_FAULT, calls=AS_APP, statuses=REFUSED, text="client_id", source="flow: missing or unknown"),
    Row("client secret", Verdict.APP_FAULT, Reason.APP_FAULT, calls=AS_APP, statuses=REFUSED, text="client_secret", source="flow: missing"),
    Row("scopes", Verdict.APP_FAULT, Reason.APP_FAULT, calls=CALLBACK | CODE, codes=codes("unauthorized_scope_error", "invalid_scope"),
        source="flow: a permission that the app does not have"),
    Row("redirect address", Verdict.APP_FAULT, Reason.APP_FAULT, calls=CALLBACK, codes=codes("invalid_redirect_uri"), source="flow"),
    # Operators raise LINKEDIN_VERSION. It arrives as 426, and was seen in other statuses too.
    Row("version retired", Verdict.APP_FAULT, Reason.APP_FAULT, calls=USED, codes=codes("NONEXISTENT_VERSION"),
        source="marketing; errors: 426"),
    Row("version retired", Verdict.APP_FAULT, Reason.APP_FAULT, calls=USED, shapes=ERROR, text="requested version",
        source="seen: without its code"),

    # The handshake. One answer for a code that is too old, was used, or belongs to another address.
    Row("person said no", Verdict.TRANSIENT, calls=CALLBACK, codes=frozenset(CANCELLED), source="flow; access_denied: RFC 6749, not seen"),
    Row("code", Verdict.OK, calls=CALLBACK, shapes=frozenset({"code"}), source="flow: the way back with a code"),
    Row(START_AGAIN, Verdict.OUR_BUG, calls=CALLBACK, shapes=frozenset({"nothing"}), source="flow: neither a code nor an error"),
    Row("passing by its name", Verdict.TRANSIENT, Reason.TRANSIENT, calls=AS_APP, codes=codes("server_error", "temporarily_unavailable"),
        source="RFC 6749"),
    Row("consent page in trouble", Verdict.TRANSIENT, Reason.TRANSIENT, calls=CALLBACK,
        codes=codes("server_error", "temporarily_unavailable"), source="RFC 6749"),
    Row(START_AGAIN, Verdict.OUR_BUG, calls=CODE, statuses=REFUSED, shapes=OAUTH, text="unable to retrieve access token",
        source="flow; seen as invalid_request and as invalid_redirect_uri"),
    Row(START_AGAIN, Verdict.OUR_BUG, calls=CODE, statuses=REFUSED, codes=codes("invalid_grant", "invalid_redirect_uri"),
        source="RFC 6749; flow"),
    Row("bad token request", Verdict.OUR_BUG, calls=CODE | REFRESH, statuses=REFUSED, shapes=OAUTH, text="a required parameter",
        source="flow"),
    Row("bad token request", Verdict.OUR_BUG, calls=CODE | REFRESH, statuses=REFUSED, codes=codes("unsupported_grant_type"),
        source="RFC 6749"),

    # Passing.
    Row("too many requests", Verdict.RATE_LIMITED, Reason.TRANSIENT, statuses=frozenset({429}), source="limits"),
    Row("too many requests", Verdict.RATE_LIMITED, Reason.TRANSIENT, calls=USED, statuses=REFUSING, codes=codes("TOO_MANY_REQUESTS"),
        source="limits: the same by its name, in whatever status"),

    # Introspection decides: it tells expired from taken back.
    Row("valid", Verdict.OK, calls=ASKED, shapes=frozenset({"active"}), statuses=frozenset({200}), source="introspection"),
    Row("taken back", Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED, calls=ASKED, shapes=frozenset({"revoked"}),
        statuses=frozenset({200}), source="introspection: status; by the person or by LinkedIn"),
    Row("expired", Verdict.TOKEN_DEAD, Reason.EXPIRED, calls=ASKED, shapes=frozenset({"expired"}), statuses=frozenset({200}),
        source="introspection: status"),
    Row("not active, no cause", Verdict.CONFIRM_FIRST, Reason.UNKNOWN, calls=ASKED, shapes=frozenset({"not active"}),
        statuses=frozenset({200}), source="introspection: also said of a token of another app"),
    Row("contradiction", Verdict.CONFIRM_FIRST, Reason.UNKNOWN, calls=ASKED, shapes=frozenset({"contradiction"}),
        statuses=frozenset({200}), source="unproven"),
    Row("token not known", Verdict.CONFIRM_FIRST, Reason.UNKNOWN, calls=ASKED, statuses=frozenset({400}), shapes=ERROR | OAUTH,
        source="introspection: 400 is an invalid client id or token"),

    # The refresh token. LinkedIn says the same of one that is too old, taken back or wrong, so the reason stays open.
    Row("refresh refused", Verdict.TOKEN_DEAD, Reason.UNKNOWN, calls=REFRESH, statuses=REFUSED,
        codes=codes("invalid_request", "invalid_grant"), text="expired or revoked", source="seen, in several projects"),
    Row("refresh refused", Verdict.TOKEN_DEAD, Reason.UNKNOWN, calls=REFRESH, statuses=REFUSED, codes=codes("invalid_grant"),
        source="RFC 6749"),

    # The access token in use. Number and name are of one list; either decides.
    Row("no token sent", Verdict.OUR_BUG, calls=USED, statuses=NO_TOKEN, codes=codes("EMPTY_ACCESS_TOKEN"), source="seen"),
    Row("no token sent", Verdict.OUR_BUG, calls=USED, statuses=NO_TOKEN, text="empty oauth2", source="errors"),
    Row("no token sent", Verdict.OUR_BUG, calls=USED, statuses=NO_TOKEN, text="unknown authentication schem", source="errors"),
    Row(REVOKED, Verdict.CONFIRM_FIRST, Reason.AUTHORISATION_CANCELLED, calls=USED, statuses=NO_TOKEN,
        codes=codes(65601, "REVOKED_ACCESS_TOKEN"), source="errors, numbers seen; also said of a token of the last seconds"),
    Row("expired", Verdict.TOKEN_DEAD, Reason.EXPIRED, calls=USED, statuses=NO_TOKEN, codes=codes(65602, "EXPIRED_ACCESS_TOKEN"),
        source="errors, numbers seen"),
    Row("not a token", Verdict.TOKEN_DEAD, Reason.SESSION_INVALID, calls=USED, statuses=NO_TOKEN,
        codes=codes(65600, "INVALID_ACCESS_TOKEN"), source="errors, numbers seen"),
    Row("about the log-in", Verdict.CONFIRM_FIRST, Reason.UNKNOWN, calls=USED, statuses=REFUSING, codes=frozenset(range(65600, 65700)),
        source="seen: the numbers around; in another status they prove less"),

    # The token lives; this ad account is out of its reach.
    Row("bad request", Verdict.OUR_BUG, calls=USED, statuses=frozenset({403}), text="unpermitted fields", source="seen"),
    Row("not visible", Verdict.ACCESS_LOST, Reason.ACCESS_LOST, calls=USED, statuses=frozenset({403}), codes=codes(100, "ACCESS_DENIED"),
        text="adaccounts/", source="errors: permission or role, it does not say which"),
    Row("permission missing", Verdict.ACCESS_LOST, Reason.SCOPE_MISSING, calls=frozenset({"list_accounts"}), statuses=frozenset({403}),
        codes=codes(100, "ACCESS_DENIED"), source="errors: no account is named there, so the permission is missing"),
    Row("permission missing", Verdict.ACCESS_LOST, Reason.SCOPE_MISSING, calls=USED, statuses=frozenset({403}),
        codes=codes(100, "ACCESS_DENIED"), text="userinfo", source="errors"),
    Row("not visible", Verdict.ACCESS_LOST, Reason.ACCESS_LOST, calls=USED, statuses=frozenset({403}), codes=codes(100, "ACCESS_DENIED"),
        source="errors: permission or role, it does not say which"),
    Row("no such address", Verdict.OUR_BUG, calls=USED, statuses=frozenset({404}), text="no virtual resource found", source="seen"),
    Row("not visible", Verdict.ACCESS_LOST, Reason.ACCESS_LOST, calls=USED, statuses=frozenset({404}), shapes=ERROR,
        source="errors: of Ads also said of what one may not see"),

    Row("version missing", Verdict.OUR_BUG, calls=USED, codes=codes("VERSION_MISSING"), source="marketing"),
    Row("bad request", Verdict.OUR_BUG, calls=USED, statuses=frozenset({400, 405, 406, 411, 413, 414, 415, 422}), shapes=ERROR,
        source="errors; marketing"),
)  # fmt: skip


def classify(answer: Answer) -> Classification:
    """Return what an answer of LinkedIn means. Total; what is not in the table never kills."""
    body = body_of(answer)
    if 200 <= answer.status < 300 and answer.call == "api" and (items := _of_batch(answer, body)):
        return batch.gravest(classify(item) for item in items)
    facts = facts_of(answer, body)
    if _good(facts):
        what = lacks(answer.call, body, rows="elements")
        return (
            malformed(answer, what, channel="linkedin").classification if what else Classification(Verdict.OK)
        )
    return rule(
        ROWS,
        facts,
        channel="linkedin",
        retry_after=retry_after(answer, facts.message, database_clock.seconds()),
    )


def _of_batch(answer: Answer, body: Any) -> list[Answer]:
    """Return the answers in one to a batch where one of them is an error: by key in `errors`, or in `elements` with a status each.

    https://linkedin.github.io/rest.li/spec/protocol, BATCH_GET and BATCH_CREATE
    """
    data = mapping(body)
    errors = list(mapping(data.get("errors")).values())
    rows = data.get("elements")
    made = [mapping(row) for row in rows if "status" in mapping(row)] if isinstance(rows, list) else []
    errors += [{**mapping(row.get("error")), "status": row["status"]} for row in made if row.get("error")]
    items = [
        Answer(answer.call, number(row.get("status")) or 400, body=dict(row))
        for row in map(mapping, errors[: batch.MOST])
        if row
    ]
    served = mapping(data.get("results")) or any(not row.get("error") for row in made)
    return [*items, Answer(answer.call, 200, body={})] if items and served else items


def lacking(answer: Answer) -> str:
    """Return what a good answer should hold and does not, or nothing."""
    body = body_of(answer)
    return lacks(answer.call, body, rows="elements") if _good(facts_of(answer, body)) else ""


def _good(facts: Facts) -> bool:
    """Recognise a good answer. What introspection says is for the rows."""
    return facts.fine and facts.call != "introspect"


def facts_of(answer: Answer, body: Any) -> Facts:
    """Take the facts out of a body of any shape: an OAuth error, an error of the API, or what introspection says."""
    data = query_of(body) if answer.call == "authorize_callback" else mapping(body)
    if answer.call == "authorize_callback" and not data.get("error"):
        return Facts(answer.call, answer.status, shape="code" if words(data.get("code")) else "nothing")
    if isinstance(data.get("error"), str):
        said = " ".join(
            text for text in map(words, (data.get("error_description"), data.get("message"))) if text
        )
        beside = [data.get("code"), data.get("serviceErrorCode")]
        return _facts(answer, "oauth", [words(data["error"], 100), *beside], said)
    refused = answer.status >= 400 or (number(data.get("status")) or 0) >= 400
    if "serviceErrorCode" in data or (refused and ("message" in data or "code" in data)):
        found = [data.get("serviceErrorCode"), data.get("code")]
        return _facts(answer, "error", found, words(data.get("message")))
    if answer.call == "introspect" and isinstance(data.get("active"), bool):
        return Facts(answer.call, answer.status, shape=_of_a_token(data))
    unreadable = isinstance(body, str) and body.strip() != ""
    shape = "text" if unreadable else "other error" if data.get("error") else "fine"
    return Facts(answer.call, answer.status, shape=shape)


def _of_a_token(data: Any) -> str:
    """Name what introspection says: `active` is required, `status` optional."""
    status = words(data.get("status"), 20).lower()
    if data["active"]:
        return "active" if status in ("", "active") else "contradiction"
    return (
        status
        if status in ("revoked", "expired")
        else "contradiction"
        if status == "active"
        else "not active"
    )


def _facts(answer: Answer, shape: str, said: list[Any], message: str) -> Facts:
    found: set[int | str] = set()
    for value in said:
        code = number(value)
        if code is not None:
            found.add(code)
        elif isinstance(value, str) and value:
            found.add(value[:100])
    if _ABOUT_APP.search(message.lower()):
        found.add(APP_REFUSED)
    return Facts(answer.call, answer.status, codes=frozenset(found), message=message, shape=shape)


def retry_after(answer: Answer, message: str, now: float) -> int | None:
    """Return in how many seconds a limit ends. A limit by day ends at midnight UTC; LinkedIn sends no header for it."""
    headers = headers_of(answer)
    wait = number(headers.get("retry-after"))
    if wait is None and answer.status == 429 and re.search(r"\bday\b", message.lower()):
        wait = until_midnight(now)
    return bounded(wait)
