"""What Facebook's answers mean.

Sources: "handling" is developers.facebook.com/docs/graph-api/guides/error-handling; "debugging" is
developers.facebook.com/docs/facebook-login/guides/access-tokens/debugging; "sdk" is Meta's business SDK; "seen" is an answer kept in
public test suites of integrations; "unproven" has no source and therefore decides nothing that cannot be undone.
"""

import json
from collections.abc import Mapping
from typing import Any

from tokens.channels import verdict_table
from tokens.channels.classifier import (
    REFUSING,
    Facts,
    Row,
    app_fault,
    body_of,
    dead,
    in_doubt,
    limited,
    our_bug,
    out_of_reach,
    passing,
    restricted,
    served,
)
from tokens.channels.kinds import START_AGAIN, Answer, Call, Reason
from tokens.channels.parse import mapping, message_in, number, present, words
from tokens.channels.verdict_table import ASKED, EXCHANGE, VerdictTable

LOGIN = frozenset[int | str]({190, 102})  # the codes about the log-in itself
# An app token asks these, so that a top-level refusal is about our app and never about the person's token.
ASKED_AS_APP = ASKED
USED: frozenset[Call] = frozenset({"api"})
WRITTEN = frozenset({"error", "passing"})  # 31 comes with and without `is_transient`
ABOUT_TOKEN = frozenset({"error", "not valid"})
# `error_code` of the way back from the consent page: in development mode, an address that the app does not have, closed for now.
WAY_BACK = (
    app_fault("consent page closed", codes={1349048, 1349126, 1349168, 1349186, 1349220, 1349245}, source="seen"),
    app_fault("scopes", text="invalid scope", source="seen: as text of the consent page"),
    passing("consent page in trouble", codes={1, 2}, source="handling"),
)  # fmt: skip


def _ended(name: str, reason: Reason, *subcodes: int, source: str) -> Row:
    """A row of the list of ends: the same sub-code in an API error and in debug_token's answer."""
    return dead(
        name, reason, shapes=ABOUT_TOKEN, statuses=REFUSING, codes=LOGIN, subcodes={*subcodes}, source=source
    )


ROWS = (
    served("valid", shapes={"valid"}, statuses={200}, source="debugging"),

    # Our app, before anything about a token: these hit all tokens at once and touch none.
    app_fault("app token refused", calls=ASKED_AS_APP, shapes={"error"}, codes=LOGIN,
        source="debugging: asked with the app's own token"),
    app_fault("app token refused", calls=ASKED_AS_APP, shapes={"error"}, codes={100}, text="app access token",
        source="seen: asked with a token that is not the app's"),
    app_fault("app inactive", shapes=ABOUT_TOKEN, codes=LOGIN, subcodes={493}, source="sdk"),
    app_fault("app unknown", shapes=ABOUT_TOKEN, codes={101}, source="handling"),
    app_fault("client secret", codes={1}, text="client secret", source="seen"),
    app_fault("client secret missing", codes={1}, text="client_secret", source="seen"),
    app_fault("app proof", codes={100}, text="invalid appsecret_proof", source="sdk: the proof is made with the app's secret"),
    app_fault("app capability", shapes={"error"}, codes={3}, source="handling"),
    # Operators raise FACEBOOK_VERSION.
    app_fault("version retired", codes={2635}, source="marketing API: error codes of its pages"),
    passing("app lookup failed", shapes={"not valid"}, text="application info",
        source="seen: Facebook's own system error inside debug_token"),

    # The handshake.
    our_bug(START_AGAIN, calls=EXCHANGE, codes={100}, subcodes={36007, 36009}, source="seen: the code has expired, or was used"),
    app_fault("redirect address", calls=EXCHANGE, codes={100}, subcodes={36008}, source="seen"),
    app_fault("redirect address", calls=EXCHANGE, codes={191}, source="handling of 2013: the address is not the app's"),

    # The person may not write, while the log-in works. The code decides: the words come in the person's language.
    out_of_reach("pending action", reason=Reason.VERIFICATION_REQUIRED, calls=USED, shapes=WRITTEN, codes={31},
        source="seen with 3858385, in several integrations: “This request requires the user to take a pending action”, the page says"
               " “Authenticate your account” in Ads Manager (facebook/facebook-python-business-sdk 722); reading goes on"),
    out_of_reach("two-factor required", reason=Reason.TWO_FACTOR_REQUIRED, calls=USED, shapes=WRITTEN, codes={415},
        source="marketing API: in the lists of errors of many edges, “Two factor authentication required”"),
    out_of_reach("blocked for now", reason=Reason.ADVERTISING_REFUSED, calls=USED, shapes=WRITTEN, codes={368},
        source="handling: temporarily blocked for policies violations; seen as a stop of one person's writes, at times with 2859015"),

    # Passing.
    limited("app limit", codes={4, 17, 32, 341, 613}, source="handling"),
    limited("ads limit", codes=range(80000, 80015), source="handling"),
    passing("passing by its code", codes={1, 2, 368}, source="handling"),
    passing("passing by its flag", shapes={"passing"}, source="handling: is_transient"),

    # The end of a token. An API error is a hint; debug_token's answer decides.
    _ended("app removed", Reason.AUTHORISATION_CANCELLED, 458, source="handling"),
    _ended("checkpoint", Reason.SECURITY_CHECKPOINT, 459, 464, 490,
           source="handling: log in at www.facebook.com first; 490 seen"),
    _ended("password changed", Reason.PASSWORD_CHANGED, 460, source="handling"),
    _ended("expired", Reason.EXPIRED, 463, source="handling"),
    _ended("session ended", Reason.SESSION_INVALID, 467, source="handling"),
    out_of_reach("page role lost", codes=LOGIN, subcodes={492}, source="handling"),
    _ended("ended, other cause", Reason.SESSION_INVALID, 456, 457, 461, 462, 465, 466, 468, source="vendor's list of 2013"),
    dead("not valid, new cause", Reason.SESSION_INVALID, shapes={"not valid"}, statuses={200}, codes=LOGIN, has_subcode=True,
        source="debugging: is_valid is false"),
    dead("not valid, no cause", Reason.UNKNOWN, shapes={"not valid"}, statuses={200}, codes=LOGIN,
        source="seen: debug_token on a string that is no token"),
    in_doubt("not valid, nothing said", Reason.UNKNOWN, shapes={"not valid"}, source="unproven"),
    out_of_reach("page permission", codes=LOGIN, text="impersonating a user's page", source="seen"),
    in_doubt("refused, new cause", Reason.SESSION_INVALID, shapes={"error"}, statuses=REFUSING, codes=LOGIN, has_subcode=True, new=True,
        source="unproven: a sub-code in no list"),
    in_doubt("refused, no cause", codes=LOGIN, source="handling: expired, revoked, malformed, or a page permission"),

    # The token lives; this ad account is out of its reach.
    out_of_reach("not granted", reason=Reason.SCOPE_MISSING, codes=range(200, 300), text="not grant", source="seen"),
    out_of_reach("may not manage", reason=Reason.SCOPE_MISSING, codes={294}, source="seen"),
    out_of_reach("permission missing", codes={10, *range(200, 300)}, source="handling"),
    in_doubt("not even who it is", codes={100}, subcodes={33}, text="'me'", source="seen: names no ad account"),
    out_of_reach("not visible", codes={100}, subcodes={33}, source="seen"),
    out_of_reach("permissions missing", reason=Reason.SCOPE_MISSING, codes={100}, text="missing permissions", source="seen"),
    restricted("ad account disabled", codes={100}, text="ad account is disabled", source="unproven"),

    # Another app's token: asked again before it counts.
    in_doubt("token of another app", Reason.UNKNOWN, calls=ASKED_AS_APP, codes={100}, text="viewing app", source="seen"),
    our_bug("bad request", codes={100, 2500}, source="handling"),
    our_bug("field retired", codes={12}, source="seen: (#12) a field is deprecated"),
)  # fmt: skip


def _of_batch(answer: Answer, body: Any) -> list[Answer]:
    """Return the answers in one to a batch: a list of `{code, body}`, and null for a call that was not made in time. Else none.

    https://developers.facebook.com/docs/graph-api/batch-requests
    """
    if answer.status != 200 or answer.call != "api" or not isinstance(body, list) or not body:
        return []
    rows = [row for row in body[: verdict_table.MOST] if row is not None]
    if not all("body" in mapping(row) and number(row.get("code")) is not None for row in rows):
        return []
    items = [
        Answer(answer.call, number(row["code"]) or 0, answer.headers, words(row["body"], 100_000))
        for row in rows
    ]
    late = [Answer(answer.call, 0)] if len(rows) < len(body[: verdict_table.MOST]) else []
    return items + late


def facts_of(answer: Answer, body: Any) -> Facts:
    """Take the facts out of a body of any shape. debug_token calls the sub-code `subcode`, all others `error_subcode`."""
    data = mapping(mapping(body).get("data"))
    error = mapping(mapping(body).get("error"))
    if error:
        shape = "passing" if error.get("is_transient") is True else "error"
        return _of_an_object(answer, error, shape, number(error.get("error_subcode")))
    if answer.call == "introspect" and isinstance(data.get("is_valid"), bool):
        inner = mapping(data.get("error"))
        shape = "valid" if data["is_valid"] else "not valid"
        return _of_an_object(answer, inner, shape, number(inner.get("subcode", inner.get("error_subcode"))))
    if words(mapping(body).get("error"), 100):
        return _of_a_word(answer, mapping(body))
    unreadable = isinstance(body, str) and body.strip() != ""
    return Facts(answer.call, answer.status, shape="text" if unreadable else "fine")


def _of_a_word(answer: Answer, said: Mapping[str, Any]) -> Facts:
    """Read an error that is a word, with whatever comes with it: a number, a reason, a sentence."""
    codes = present(
        words(said.get("error"), 100), number(said.get("error_code")), words(said.get("error_reason"), 100)
    )
    message = message_in(said, "error_description", "message")
    return Facts(answer.call, answer.status, codes, message=message, shape="other error")


def _of_an_object(answer: Answer, error: Mapping[str, Any], shape: str, subcode: int | None) -> Facts:
    message = message_in(error, "message", "error_user_title", "error_user_msg")
    codes = present(number(error.get("code")))
    return Facts(answer.call, answer.status, codes, subcode or None, message, shape)  # 0 means none


def _wait(headers: Mapping[str, str], _of: Facts, _now: float) -> int | None:
    """Read the usage headers.

    `X-Business-Use-Case-Usage` is {business: [{estimated_time_to_regain_access: minutes}]}; `X-Ad-Account-Usage` has
    reset_time_duration in seconds.
    """
    waits = [number(mapping(_json(headers.get("x-ad-account-usage"))).get("reset_time_duration")) or 0]
    for rows in mapping(_json(headers.get("x-business-use-case-usage"))).values():
        told_of = [mapping(row) for row in (rows if isinstance(rows, list) else [])]
        waits += [60 * (number(row.get("estimated_time_to_regain_access")) or 0) for row in told_of]
    return max(waits) or None


def limits_the_app(answer: Answer) -> bool:
    """Return whether a limit holds for the whole app: code 4, or one that names nobody. 17 is a person's, 32 a page's, 613 and 80000 to
    80014 are of ad accounts (developers.facebook.com, overview/rate-limiting).
    """
    code = facts_of(answer, body_of(answer)).codes
    return 4 in code or not code


def used_of_app(answer: Answer) -> float | None:
    """Return the used part of the app's limit; `X-App-Usage` is {"call_count": 28, "total_time": 25, "total_cputime": 25}, in percent."""
    said = mapping(_json(answer.headers.get("x-app-usage")))
    parts = [number(said.get(name)) for name in ("call_count", "total_time", "total_cputime")]
    known = [part for part in parts if part is not None]
    return max(known) / 100 if known else None


def _json(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


TABLE = VerdictTable(
    "facebook",
    ROWS,
    facts_of,
    lists=("data",),
    by_rows=ASKED,
    way_back=WAY_BACK,
    items_of=_of_batch,
    wait=_wait,
)
