"""What Facebook's answers mean.

Sources: "handling" is developers.facebook.com/docs/graph-api/guides/error-handling; "debugging" is
developers.facebook.com/docs/facebook-login/guides/access-tokens/debugging; "sdk" is Meta's business SDK; "seen" is an answer kept in
public test suites of integrations; "unproven" has no source and therefore decides nothing that cannot be undone.
"""

import json
from typing import Any

from tokens.channels.base import START_AGAIN, Answer, Call, Reason, Ruling, Verdict
from tokens.channels.table import PASSING, REFUSING, Facts, Row, body_of, mapping, number, rule, words

LOGIN = frozenset[int | str]({190, 102})  # the codes about the log-in itself
# An app token asks these, so that a top-level refusal is about our app and never about the person's token.
ASKED_AS_APP: frozenset[Call] = frozenset({"introspect"})
WITH_SECRET: frozenset[Call] = frozenset({"exchange", "refresh"})
ABOUT_TOKEN = frozenset({"error", "not valid"})


def _ended(name: str, reason: Reason, *subcodes: int, source: str) -> Row:
    """A row of the list of ends: the same sub-code in an API error and in debug_token's answer."""
    return Row(
        name, Verdict.TOKEN_DEAD, reason,
        shapes=ABOUT_TOKEN, statuses=REFUSING, codes=LOGIN, subcodes=frozenset(subcodes), source=source,
    )  # fmt: skip


ROWS = (
    Row("no answer", Verdict.TRANSIENT, Reason.TRANSIENT, statuses=PASSING, source="RFC 9110"),
    Row("valid", Verdict.OK, shapes=frozenset({"valid"}), statuses=frozenset({200}), source="debugging"),

    # Our app, before anything about a token: these hit all tokens at once and touch none.
    Row("app token refused", Verdict.APP_FAULT, Reason.APP_FAULT, calls=ASKED_AS_APP, shapes=frozenset({"error"}), codes=LOGIN,
        source="debugging: asked with the app's own token"),
    Row("app inactive", Verdict.APP_FAULT, Reason.APP_FAULT, shapes=ABOUT_TOKEN, codes=LOGIN, subcodes=frozenset({493}), source="sdk"),
    Row("app unknown", Verdict.APP_FAULT, Reason.APP_FAULT, shapes=ABOUT_TOKEN, codes=frozenset({101}), source="handling"),
    Row("client secret", Verdict.APP_FAULT, Reason.APP_FAULT, calls=WITH_SECRET, codes=frozenset({1}), text="client secret",
        source="seen"),
    Row("client secret missing", Verdict.APP_FAULT, Reason.APP_FAULT, calls=WITH_SECRET, codes=frozenset({1}), text="client_secret",
        source="seen"),
    Row("app proof", Verdict.APP_FAULT, Reason.APP_FAULT, codes=frozenset({100}), text="invalid appsecret_proof",
        source="sdk: the proof is made with the app's secret"),
    Row("app capability", Verdict.APP_FAULT, Reason.APP_FAULT, shapes=frozenset({"error"}), codes=frozenset({3}), source="handling"),
    Row("app lookup failed", Verdict.TRANSIENT, Reason.TRANSIENT, shapes=frozenset({"not valid"}), text="application info",
        source="seen: Facebook's own system error inside debug_token"),

    # The handshake.
    Row(START_AGAIN, Verdict.OUR_BUG, calls=frozenset({"exchange"}), codes=frozenset({100}), subcodes=frozenset({36007, 36009}),
        source="seen: the code has expired, or was used"),
    Row("redirect address", Verdict.APP_FAULT, Reason.APP_FAULT, calls=frozenset({"exchange"}), codes=frozenset({100}),
        subcodes=frozenset({36008}), source="seen"),

    # Passing.
    Row("app limit", Verdict.RATE_LIMITED, Reason.TRANSIENT, codes=frozenset({4, 17, 32, 341, 613}), source="handling"),
    Row("ads limit", Verdict.RATE_LIMITED, Reason.TRANSIENT, codes=frozenset(range(80000, 80015)), source="handling"),
    Row("too many requests", Verdict.RATE_LIMITED, Reason.TRANSIENT, statuses=frozenset({429}), source="RFC 9110"),
    Row("passing by its code", Verdict.TRANSIENT, Reason.TRANSIENT, codes=frozenset({1, 2, 368}), source="handling"),
    Row("passing by its flag", Verdict.TRANSIENT, Reason.TRANSIENT, shapes=frozenset({"passing"}), source="handling: is_transient"),

    # The end of a token. An API error is a hint; debug_token's answer decides.
    _ended("app removed", Reason.AUTHORISATION_CANCELLED, 458, source="handling"),
    _ended("checkpoint", Reason.SECURITY_CHECKPOINT, 459, 464, source="handling: log in at www.facebook.com first"),
    _ended("password changed", Reason.PASSWORD_CHANGED, 460, source="handling"),
    _ended("expired", Reason.EXPIRED, 463, source="handling"),
    _ended("session ended", Reason.SESSION_INVALID, 467, source="handling"),
    Row("page role lost", Verdict.ACCESS_LOST, Reason.ACCESS_LOST, codes=LOGIN, subcodes=frozenset({492}), source="handling"),
    Row("ended, other cause", Verdict.TOKEN_DEAD, Reason.SESSION_INVALID, shapes=ABOUT_TOKEN, statuses=REFUSING, codes=LOGIN,
        has_subcode=True, source="vendor's list of 2013: 456, 457, 461, 462, 465, 466, 468"),
    Row("not valid, no cause", Verdict.TOKEN_DEAD, Reason.UNKNOWN, shapes=frozenset({"not valid"}), statuses=frozenset({200}),
        codes=LOGIN, source="seen: debug_token on a string that is no token"),
    Row("not valid, nothing said", Verdict.CONFIRM_FIRST, Reason.UNKNOWN, shapes=frozenset({"not valid"}), source="unproven"),
    Row("page permission", Verdict.ACCESS_LOST, Reason.ACCESS_LOST, codes=LOGIN, text="impersonating a user's page", source="seen"),
    Row("refused, no cause", Verdict.CONFIRM_FIRST, codes=LOGIN, source="handling: expired, revoked, malformed, or a page permission"),

    # The token lives; this ad account is out of its reach.
    Row("not granted", Verdict.ACCESS_LOST, Reason.SCOPE_MISSING, codes=frozenset(range(200, 300)), text="not grant", source="seen"),
    Row("may not manage", Verdict.ACCESS_LOST, Reason.SCOPE_MISSING, codes=frozenset({294}), source="seen"),
    Row("permission missing", Verdict.ACCESS_LOST, Reason.ACCESS_LOST, codes=frozenset({10, *range(200, 300)}), source="handling"),
    Row("not visible", Verdict.ACCESS_LOST, Reason.ACCESS_LOST, codes=frozenset({100}), subcodes=frozenset({33}), source="seen"),
    Row("permissions missing", Verdict.ACCESS_LOST, Reason.SCOPE_MISSING, codes=frozenset({100}), text="missing permissions",
        source="seen"),
    Row("ad account disabled", Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED, codes=frozenset({100}), text="ad account is disabled",
        source="unproven"),

    # Another app's token: asked again before it counts.
    Row("token of another app", Verdict.CONFIRM_FIRST, Reason.UNKNOWN, calls=ASKED_AS_APP, codes=frozenset({100}), text="viewing app",
        source="seen"),
    Row("bad request", Verdict.OUR_BUG, codes=frozenset({100, 2500}), source="handling"),
)  # fmt: skip


def classify(answer: Answer) -> Ruling:
    """Return what an answer of Facebook means. Total; what is not in the table never kills."""
    body = body_of(answer)
    facts = facts_of(answer, body)
    if facts.shape == "fine" and 200 <= answer.status < 300 and answer.call != "introspect":
        return Ruling(Verdict.OK)
    return rule(ROWS, facts, channel="facebook", retry_after=retry_after(answer))


def facts_of(answer: Answer, body: Any) -> Facts:
    """Take the facts out of a body of any shape. debug_token calls the sub-code `subcode`, all others `error_subcode`."""
    data = mapping(mapping(body).get("data"))
    error = mapping(mapping(body).get("error"))
    if error:
        shape = "passing" if error.get("is_transient") is True else "error"
        return _facts(answer, error, shape, number(error.get("error_subcode")))
    if answer.call == "introspect" and isinstance(data.get("is_valid"), bool):
        inner = mapping(data.get("error"))
        shape = "valid" if data["is_valid"] else "not valid"
        return _facts(answer, inner, shape, number(inner.get("subcode")))
    unreadable = isinstance(body, str) and body.strip() != ""
    return Facts(answer.call, answer.status, shape="text" if unreadable else "fine")


def _facts(answer: Answer, error: Any, shape: str, subcode: int | None) -> Facts:
    code = number(error.get("code"))
    said = [words(error.get(name)) for name in ("message", "error_user_title", "error_user_msg")]
    return Facts(
        answer.call,
        answer.status,
        codes=frozenset() if code is None else frozenset({code}),
        subcode=subcode or None,  # 0 stands for none
        message=" ".join(text for text in said if text),
        shape=shape,
    )


def retry_after(answer: Answer) -> int | None:
    """Return in how many seconds the limit ends, where the usage headers say so.

    `X-Business-Use-Case-Usage` is {business: [{estimated_time_to_regain_access: minutes}]}; `X-Ad-Account-Usage` has
    reset_time_duration in seconds.
    """
    headers = {name.lower(): value for name, value in answer.headers.items()}
    waits = [number(mapping(_json(headers.get("x-ad-account-usage"))).get("reset_time_duration")) or 0]
    for rows in mapping(_json(headers.get("x-business-use-case-usage"))).values():
        minutes = [
            mapping(row).get("estimated_time_to_regain_access")
            for row in (rows if isinstance(rows, list) else [])
        ]
        waits += [60 * (number(value) or 0) for value in minutes]
    return min(max(waits), 86_400) or None


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
