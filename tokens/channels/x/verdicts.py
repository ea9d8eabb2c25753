"""What X's answers mean. Codes are numbers in API 1.1 and OAuth, names in the Ads API, and the last part of `type` in API 2.

Sources: "ads" is docs.x.com/x-ads-api/fundamentals/error-codes-and-responses; "oauth" is
docs.x.com/fundamentals/authentication/api-reference; "old table" is X's former developer.x.com/docs/basics/response-codes; "seen" is an
answer kept by integrations; "by name" is a documented code without prose.
"""

import re
from collections.abc import Mapping
from typing import Any

from tokens.channels import verdict_table
from tokens.channels.classifier import (
    REFUSING,
    USED,
    Codes,
    Facts,
    app_fault,
    dead,
    in_doubt,
    limited,
    our_bug,
    out_of_reach,
    passing,
    until,
)
from tokens.channels.kinds import START_AGAIN, Answer, Reason
from tokens.channels.parse import codes_in, mapping, message_in, present, words
from tokens.channels.verdict_table import AS_USER, ASKED, EXCHANGE, VerdictTable

GONE_OR_MOVED = "gone, or no such address"
PERMITS_TOO_LITTLE = "permits too little"
ACCESS_LEVEL = "app's access level"
SIGNATURE = "signature"
NOT_TOLD = "refused, no cause told"  # by API 2
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
    limited("too many requests", statuses={420}, source="ads"),
    limited("limit by its code", codes={88, "TOO_MANY_REQUESTS", "TWEET_RATE_LIMIT_EXCEEDED", "usage-capped"},
        source="ads; old table; seen: a monthly cap"),
    passing("passing by its code",
        codes={130, 131, "INTERNAL_ERROR", "OVER_CAPACITY", "SERVICE_UNAVAILABLE", "CANCELLED_REQUEST", "LOCK_ACQUISITION_TIMEOUT"},
        source="ads; old table"),

    # Our app: these hit all tokens at once and touch none.
    app_fault("app suspended", codes={416}, source="old table"),
    app_fault("app's credits", codes={"credits"}, source="seen: CreditsDepleted of API 2"),
    app_fault(ACCESS_LEVEL, codes={87, 453}, source="old table: 87; seen: 453, access to a subset of endpoints only"),
    app_fault("app not approved", codes={"UNAUTHORIZED_CLIENT_APPLICATION", "READONLY_CLIENT_APPLICATION"}, source="ads"),
    app_fault("app read-only", codes={261, "oauth1-permissions"}, source="old table; docs.x.com, API 2"),
    app_fault("app not enrolled", codes={"client-forbidden"}, source="docs.x.com, API 2"),
    app_fault("callback address", calls=EXCHANGE, codes={415, 417},
        source="old table; also as XML; 417 seen: the app has no callback address, so only “oob” is taken"),
    app_fault("app keys", calls=EXCHANGE, codes={32, 215}, source="oauth: nothing but the app's keys signs the first step"),

    app_fault("app keys", calls=EXCHANGE, statuses={401}, shapes={"text"}, text="validate oauth signature",
        source="seen: the same in plain text"),
    app_fault("app suspended", calls=EXCHANGE, statuses={401}, shapes={"text"}, text="suspended application",
        source="unproven: 416 in plain text"),

    # The handshake.
    our_bug(START_AGAIN, calls=EXCHANGE, codes={89}, source="oauth: the request token was used, or is too old"),
    our_bug(START_AGAIN, calls=EXCHANGE, statuses={401}, shapes={"text"}, text="request token",
        source="seen: X says this in plain text"),
    our_bug(START_AGAIN, calls=EXCHANGE, statuses={401}, shapes={"text"}, text="oauth_verifier", source="seen: as above"),

    # We signed badly. A job's 32 may be a token that we do not know well; when we ask ourselves it is our signature.
    our_bug("clock", codes={135}, source="old table: timestamp out of bounds"),
    our_bug("no header", codes={215}, source="old table"),
    our_bug("wrong kind of token", codes={"unsupported-authentication"}, source="docs.x.com, API 2"),
    our_bug(SIGNATURE, calls=ASKED, codes={32}, source="old table"),
    in_doubt("signature or token", calls=USED, codes={32}, source="old table"),

    # The end of a token. X does not tell who ended it; that the person removed the app is the best known cause of 89. The code
    # decides: documents and answers disagree on the status.
    dead("revoked", Reason.AUTHORISATION_CANCELLED, calls=AS_USER, statuses=REFUSING, codes={89}, source="oauth"),
    dead("suspended", Reason.SUSPENDED, calls=AS_USER, statuses=REFUSING, codes={64, "CURRENT_USER_SUSPENDED"},
        source="old table; ads"),
    dead("locked", Reason.SECURITY_CHECKPOINT, calls=AS_USER, statuses=REFUSING, codes={326},
        source="old table: log in at x.com to unlock"),
    dead("gone", Reason.UNKNOWN, calls=ASKED, statuses={404}, codes={50}, source="old table; seen"),
    # 34 is also what X says of an address that does not exist, so inspect asks once more elsewhere.
    in_doubt(GONE_OR_MOVED, Reason.UNKNOWN, calls=ASKED, statuses={404}, codes={34}, source="old table; seen"),
    in_doubt("locked out", Reason.SECURITY_CHECKPOINT, codes={"ACCOUNT_LOCKED_OUT"}, source="ads, by name"),
    in_doubt("refused", codes={"UNAUTHORIZED_ACCESS"}, source="ads: the signature or the token"),

    # The token lives; this ad account, or writing to it, is out of its reach.
    out_of_reach("not visible", calls=USED, statuses=REFUSING, codes={"ACCOUNT_NOT_FOUND", "USER_NOT_FOUND"}, source="ads"),
    out_of_reach(PERMITS_TOO_LITTLE, reason=Reason.PUBLISHING_LOST, calls=USED, statuses=REFUSING,
        codes={"INSUFFICIENT_USER_AUTHORIZED_PERMISSION"},
        source="seen: of a role that may not write, and of a token given before our app might"),

    out_of_reach("permits too little for this call", reason=Reason.SCOPE_MISSING, calls=USED, statuses={403}, codes={220},
        source="old table: the credentials do not allow access to this resource"),
    in_doubt("not verified", calls=USED, codes={99}, source="old table: also of somebody who asks too often"),
    passing("not verified", calls=ASKED, codes={99}, source="old table: as above"),
    # It may be the role or the ad account: reading the ad account tells.
    in_doubt("action not allowed", calls=USED, statuses={403}, codes={"ACTION_NOT_ALLOWED", "FUNDING_INSTRUMENT_ACCESS_NOT_ALLOWED"},
        source="ads, by name"),

    our_bug("no such address", calls=USED, codes={"ROUTE_NOT_FOUND"}, source="ads"),
    our_bug("bad request", calls=USED, statuses={400}, shapes={"errors"}, source="ads"),
    our_bug("bad request, by its name", calls=USED, statuses={403, 404, 405}, codes=OF_THE_REQUEST, source="ads"),
)  # fmt: skip


def _of_batch(answer: Answer, body: Any) -> list[Answer]:
    """Return the answers in one to a batch that failed: what is wrong with each operation is in `operation_errors`.

    https://docs.x.com/x-ads-api/campaign-management, batch requests: one that fails fails them all.
    """
    rows = mapping(body).get("operation_errors") if answer.call == "api" else None
    errors = [row for row in rows[: verdict_table.MOST] if row] if isinstance(rows, list) else []
    status = answer.status if answer.status >= 400 else 400
    found = [row if isinstance(row, list) else [row] for row in errors]
    return [Answer(answer.call, status, answer.headers, {"errors": row}) for row in found]


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
    said = [words(row.get("message")) for row in rows] + [message_in(data, "detail")]
    codes = codes_in(*(row.get("code") for row in rows)) | present(kind, words(data.get("reason"), 60))
    message = " ".join(filter(None, said))
    return Facts(answer.call, answer.status, codes=codes, message=message[:500], shape="errors")


def _of_text(answer: Answer, body: str) -> Facts:
    if answer.call != "exchange":
        return Facts(
            answer.call, answer.status, message=words(body), shape="text" if body.strip() else "fine"
        )
    codes = codes_in(*_XML_CODE.findall(body[:2000]))
    shape = "fine" if body.startswith("oauth_token=") else "text"
    return Facts(answer.call, answer.status, codes, message=words(body), shape=shape)


def _wait(headers: Mapping[str, str], _of: Facts, now: float) -> int | None:
    """An ad account's own limit goes before the token's."""
    account_is_over = headers.get("x-account-rate-limit-remaining") == "0"
    name = "x-account-rate-limit-reset" if account_is_over else "x-rate-limit-reset"
    return until(headers.get(name), now)


TABLE = VerdictTable("x", ROWS, facts_of, lists=("data",), items_of=_of_batch, wait=_wait)
