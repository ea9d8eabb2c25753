"""What LinkedIn's answers mean.

Sources: "errors" is learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling; "flow" is the table of API errors in
.../shared/authentication/authorization-code-flow; "introspection" is .../authentication/token-introspection; "refresh" is
.../authentication/programmatic-refresh-tokens; "marketing" is .../linkedin/marketing/error-responses and /versioning; "limits" is
.../api-guide/concepts/rate-limits; "seen" is an answer kept in public repositories; "unproven" has no source and therefore decides
nothing that cannot be undone.
"""

import re
from collections.abc import Mapping
from typing import Any

from tokens.channels import verdict_table
from tokens.channels.classifier import (
    REFUSING,
    USED,
    Facts,
    app_fault,
    dead,
    in_doubt,
    limited,
    our_bug,
    out_of_reach,
    served,
    until_midnight,
)
from tokens.channels.kinds import START_AGAIN, Answer, Reason
from tokens.channels.parse import codes_in, mapping, message_in, number, words
from tokens.channels.verdict_table import ASKED, EXCHANGE, FOR_TOKENS, REFRESH, VerdictTable

REVOKED = "revoked"  # the row of 65601, which is also said of a token that is too fresh
AS_APP = ASKED | FOR_TOKENS  # calls with the app's secret
ERROR, OAUTH = frozenset({"error"}), frozenset({"oauth"})
REFUSED, NO_TOKEN = frozenset({400, 401}), frozenset({401})


ROWS = (
    # Our app, before anything about a token: these hit all tokens at once and touch none.
    app_fault("client", codes={"invalid_client_id"}, source="flow: unknown client id"),
    app_fault("client secret", calls=ASKED, statuses=NO_TOKEN, shapes=ERROR | OAUTH,
        source="introspection: 401 is an invalid client secret"),
    app_fault("client", calls=AS_APP, statuses=REFUSED, text="client_id", source="flow: missing or unknown"),
    app_fault("client secret", calls=AS_APP, statuses=REFUSED, text="client_secret", source="flow: missing"),
    # Operators raise LINKEDIN_VERSION. It arrives as 426, and was seen in other statuses too.
    app_fault("version retired", calls=USED, codes={"NONEXISTENT_VERSION"}, source="marketing; errors: 426"),
    app_fault("version retired", calls=USED, shapes=ERROR, text="requested version", source="seen: without its code"),

    # The handshake. One answer for a code that is too old, was used, or belongs to another address.
    our_bug(START_AGAIN, calls=EXCHANGE, statuses=REFUSED, shapes=OAUTH, text="unable to retrieve access token",
        source="flow; seen as invalid_request and as invalid_redirect_uri"),
    our_bug(START_AGAIN, calls=EXCHANGE, statuses=REFUSED, codes={"invalid_grant", "invalid_redirect_uri"}, source="RFC 6749; flow"),
    our_bug("bad token request", calls=FOR_TOKENS, statuses=REFUSED, shapes=OAUTH, text="a required parameter", source="flow"),
    our_bug("bad token request", calls=FOR_TOKENS, statuses=REFUSED, codes={"unsupported_grant_type"}, source="RFC 6749"),

    # Passing.
    limited("too many requests", calls=USED, statuses=REFUSING, codes={"TOO_MANY_REQUESTS"},
        source="limits: the same by its name, in whatever status"),

    # Introspection decides: it tells expired from taken back.
    served("valid", calls=ASKED, shapes={"active"}, statuses={200}, source="introspection"),
    dead("taken back", Reason.AUTHORISATION_CANCELLED, calls=ASKED, shapes={"revoked"}, statuses={200},
        source="introspection: status; by the person or by LinkedIn"),
    dead("expired", Reason.EXPIRED, calls=ASKED, shapes={"expired"}, statuses={200}, source="introspection: status"),
    in_doubt("not active, no cause", Reason.UNKNOWN, calls=ASKED, shapes={"not active"}, statuses={200},
        source="introspection: also said of a token of another app"),
    in_doubt("contradiction", Reason.UNKNOWN, calls=ASKED, shapes={"contradiction"}, statuses={200}, source="unproven"),
    in_doubt("token not known", Reason.UNKNOWN, calls=ASKED, statuses={400}, shapes=ERROR | OAUTH,
        source="introspection: 400 is an invalid client id or token"),

    # The refresh token. LinkedIn says the same of one that is too old, taken back or wrong, so the reason stays open.
    dead("refresh refused", Reason.UNKNOWN, calls=REFRESH, statuses=REFUSED, codes={"invalid_request", "invalid_grant"},
        text="expired or revoked", source="seen, in several projects"),
    dead("refresh refused", Reason.UNKNOWN, calls=REFRESH, statuses=REFUSED, codes={"invalid_grant"}, source="RFC 6749"),

    # The access token in use. Number and name are of one list; either decides.
    our_bug("no token sent", calls=USED, statuses=NO_TOKEN, codes={"EMPTY_ACCESS_TOKEN"}, source="seen"),
    our_bug("no token sent", calls=USED, statuses=NO_TOKEN, text="empty oauth2", source="errors"),
    our_bug("no token sent", calls=USED, statuses=NO_TOKEN, text="unknown authentication schem", source="errors"),
    in_doubt(REVOKED, Reason.AUTHORISATION_CANCELLED, calls=USED, statuses=NO_TOKEN, codes={65601, "REVOKED_ACCESS_TOKEN"},
        source="errors, numbers seen; also said of a token of the last seconds"),
    dead("expired", Reason.EXPIRED, calls=USED, statuses=NO_TOKEN, codes={65602, "EXPIRED_ACCESS_TOKEN"},
        source="errors, numbers seen"),
    dead("not a token", Reason.SESSION_INVALID, calls=USED, statuses=NO_TOKEN, codes={65600, "INVALID_ACCESS_TOKEN"},
        source="errors, numbers seen"),
    in_doubt("about the log-in", Reason.UNKNOWN, calls=USED, statuses=REFUSING, codes=range(65600, 65700),
        source="seen: the numbers around; in another status they prove less"),

    # The token lives; this ad account is out of its reach.
    our_bug("bad request", calls=USED, statuses={403}, text="unpermitted fields", source="seen"),
    out_of_reach("permission missing", reason=Reason.SCOPE_MISSING, calls=USED, statuses={403}, codes={100, "ACCESS_DENIED"},
        text="userinfo", source="errors"),
    out_of_reach("not visible", calls=USED, statuses={403}, codes={100, "ACCESS_DENIED"},
        source="errors: permission or role, it does not say which"),
    our_bug("no such address", calls=USED, statuses={404}, text="no virtual resource found", source="seen"),
    out_of_reach("not visible", calls=USED, statuses={404}, shapes=ERROR, source="errors: of Ads also said of what one may not see"),

    our_bug("version missing", calls=USED, codes={"VERSION_MISSING"}, source="marketing"),
    our_bug("bad request", calls=USED, statuses={400, 405, 406, 411, 413, 414, 415, 422}, shapes=ERROR, source="errors; marketing"),
)  # fmt: skip

# A permission that the app does not have, an address that is not its own.
WAY_BACK = (
    app_fault("scopes or address", codes={"unauthorized_scope_error", "invalid_redirect_uri"}, source="flow"),
)


def _of_batch(answer: Answer, body: Any) -> list[Answer]:
    """Return the answers in one to a batch where one of them is an error: by key in `errors`, or in `elements` with a status each.

    https://linkedin.github.io/rest.li/spec/protocol, BATCH_GET and BATCH_CREATE
    """
    if answer.call != "api" or not 200 <= answer.status < 300:
        return []
    data = mapping(body)
    errors = list(mapping(data.get("errors")).values())
    rows = data.get("elements")
    made = [mapping(row) for row in rows if "status" in mapping(row)] if isinstance(rows, list) else []
    errors += [{**mapping(row.get("error")), "status": row["status"]} for row in made if row.get("error")]
    items = [
        Answer(answer.call, number(row.get("status")) or 400, body=dict(row))
        for row in map(mapping, errors[: verdict_table.MOST])
        if row
    ]
    some_served = mapping(data.get("results")) or any(not row.get("error") for row in made)
    return [*items, Answer(answer.call, 200, body={})] if items and some_served else items


def facts_of(answer: Answer, body: Any) -> Facts:
    """Take the facts out of a body of any shape: an OAuth error, an error of the API, or what introspection says."""
    data = mapping(body)
    if isinstance(data.get("error"), str):
        codes = codes_in(data["error"], data.get("code"), data.get("serviceErrorCode"))
        message = message_in(data, "error_description", "message")
        return Facts(answer.call, answer.status, codes, message=message, shape="oauth")
    failed = answer.status >= 400 or (number(data.get("status")) or 0) >= 400
    if "serviceErrorCode" in data or (failed and ("message" in data or "code" in data)):
        codes = codes_in(data.get("serviceErrorCode"), data.get("code"))
        message = words(data.get("message"))
        return Facts(answer.call, answer.status, codes, message=message, shape="error")
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
    other = "contradiction" if status == "active" else "not active"
    return status if status in ("revoked", "expired") else other


def _wait(_headers: Mapping[str, str], facts: Facts, now: float) -> int | None:
    """A limit by day ends at midnight UTC; LinkedIn sends no header for it."""
    by_day = facts.status == 429 and re.search(r"\bday\b", facts.message.lower())
    return until_midnight(now) if by_day else None


TABLE = VerdictTable(
    "linkedin",
    ROWS,
    facts_of,
    lists=("elements",),
    by_rows=ASKED,
    way_back=WAY_BACK,
    items_of=_of_batch,
    wait=_wait,
)
