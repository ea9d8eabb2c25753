"""What Facebook's answers mean.

Sources: "handling" is developers.facebook.com/docs/graph-api/guides/error-handling; "debugging" is
developers.facebook.com/docs/facebook-login/guides/access-tokens/debugging; "sdk" is Meta's business SDK; "seen" is an answer kept in
public test suites of integrations; "unproven" has no source and therefore decides nothing that cannot be undone.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from tokens.channels import batch
from tokens.channels.classifier import (
    PASSING,
    REFUSING,
    Facts,
    Row,
    body_of,
    bounded,
    headers_of,
    lacks,
    malformed,
    query_of,
    rule,
)
from tokens.channels.kinds import START_AGAIN, Answer, Call, Classification, Reason, Verdict
from tokens.channels.parse import mapping, number, words

LOGIN = frozenset[int | str]({190, 102})  # the codes about the log-in itself
# An app token asks these, so that a top-level refusal is about our app and never about the person's token.
ASKED_AS_APP: frozenset[Call] = frozenset({"introspect"})
CALLBACK: frozenset[Call] = frozenset({"authorize_callback"})
USED: frozenset[Call] = frozenset({"api"})
WRITTEN = frozenset({"error", "passing"})  # 31 comes with and without `is_transient`
ABOUT_TOKEN = frozenset({"error", "not valid"})
# Said of our app itself, whatever the code: no token is touched. A lookup that failed in Facebook's own system is not about the app.
_ABOUT_APP = re.compile(
    r"\bapi access (?:blocked|deactivated|disabled)\b|\bnon-active apps\b|\bvalidating application\b(?!.*system error)"
    r"|\bapp(?:lication)?\b(?! id)[^.]{0,60}\b(?:deleted|suspended|blocked|disabled|deactivated|inactive|not active|not set ?up"
    r"|development mode|development access)\b"
    r"|\bapps with development access\b"
)
APP_REFUSED = "app refused"  # the code used for such words
# `error_code` of the way back from the consent page: in development mode, an address that the app does not have, closed for now.
APP_CLOSED = frozenset[int | str]({1349048, 1349126, 1349168, 1349186, 1349220, 1349245})


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
    Row("app token refused", Verdict.APP_FAULT, Reason.APP_FAULT, calls=ASKED_AS_APP, shapes=frozenset({"error"}), codes=frozenset({100}),
        text="app access token", source="seen: asked with a token that is not the app's"),
    Row("app refused", Verdict.APP_FAULT, Reason.APP_FAULT, codes=frozenset({APP_REFUSED}),
        source="seen, by its words: API access blocked (200) or deactivated, application deleted (190); handling: 270, development access"),
    Row("app inactive", Verdict.APP_FAULT, Reason.APP_FAULT, shapes=ABOUT_TOKEN, codes=LOGIN, subcodes=frozenset({493}), source="sdk"),
    Row("app unknown", Verdict.APP_FAULT, Reason.APP_FAULT, shapes=ABOUT_TOKEN, codes=frozenset({101}), source="handling"),
    Row("client secret", Verdict.APP_FAULT, Reason.APP_FAULT, codes=frozenset({1}), text="client secret", source="seen"),
    Row("client secret missing", Verdict.APP_FAULT, Reason.APP_FAULT, codes=frozenset({1}), text="client_secret", source="seen"),
    Row("client", Verdict.APP_FAULT, Reason.APP_FAULT, codes=frozenset({"invalid_client", "unauthorized_client"}),
        source="RFC 6749, not seen"),
    Row("app proof", Verdict.APP_FAULT, Reason.APP_FAULT, codes=frozenset({100}), text="invalid appsecret_proof",
        source="sdk: the proof is made with the app's secret"),
    Row("app capability", Verdict.APP_FAULT, Reason.APP_FAULT, shapes=frozenset({"error"}), codes=frozenset({3}), source="handling"),
    # Operators raise FACEBOOK_VERSION.
    Row("version retired", Verdict.APP_FAULT, Reason.APP_FAULT, codes=frozenset({2635}), source="marketing API: error codes of its pages"),
    Row("app lookup failed", Verdict.TRANSIENT, Reason.TRANSIENT, shapes=frozenset({"not valid"}), text="application info",
        source="seen: Facebook's own system error inside debug_token"),

    # The handshake.
    Row(START_AGAIN, Verdict.OUR_BUG, calls=frozenset({"exchange"}), codes=frozenset({100}), subcodes=frozenset({36007, 36009}),
        source="seen: the code has expired, or was used"),
    Row("redirect address", Verdict.APP_FAULT, Reason.APP_FAULT, calls=frozenset({"exchange"}), codes=frozenset({100}),
        subcodes=frozenset({36008}), source="seen"),
    Row("redirect address", Verdict.APP_FAULT, Reason.APP_FAULT, calls=frozenset({"exchange"}), codes=frozenset({191}),
        source="handling of 2013: the address is not the app's"),
    Row("code", Verdict.OK, calls=CALLBACK, shapes=frozenset({"code"}), source="manual flow: the way back with a code"),
    Row(START_AGAIN, Verdict.OUR_BUG, calls=CALLBACK, shapes=frozenset({"nothing"}), source="manual flow: neither a code nor an error"),
    Row("person said no", Verdict.TRANSIENT, Reason.TRANSIENT, calls=CALLBACK, codes=frozenset({"access_denied"}), source="manual flow"),
    Row("consent page closed", Verdict.APP_FAULT, Reason.APP_FAULT, calls=CALLBACK, codes=APP_CLOSED, source="seen"),
    Row("scopes", Verdict.APP_FAULT, Reason.APP_FAULT, calls=CALLBACK, codes=frozenset({"invalid_scope"}), source="RFC 6749, not seen"),
    Row("scopes", Verdict.APP_FAULT, Reason.APP_FAULT, calls=CALLBACK, text="invalid scope", source="seen: as text of the consent page"),

    # The person may not write, while the log-in works. The code decides: the words come in the person's language.
    Row("pending action", Verdict.ACCESS_LOST, Reason.VERIFICATION_REQUIRED, calls=USED, shapes=WRITTEN, codes=frozenset({31}),
        subcodes=frozenset({3858385}),
        source="seen, in several integrations: “This request requires the user to take a pending action”, the page says “Authenticate your"
               " account” in Ads Manager (facebook/facebook-python-business-sdk 722); reading goes on"),
    Row("pending action", Verdict.ACCESS_LOST, Reason.VERIFICATION_REQUIRED, calls=USED, shapes=WRITTEN, codes=frozenset({31}),
        source="as above, with another sub-code: unproven"),
    Row("two-factor required", Verdict.ACCESS_LOST, Reason.TWO_FACTOR_REQUIRED, calls=USED, shapes=WRITTEN, codes=frozenset({415}),
        source="marketing API: in the lists of errors of many edges, “Two factor authentication required”"),
    Row("blocked for now", Verdict.ACCESS_LOST, Reason.ADVERTISING_REFUSED, calls=USED, shapes=WRITTEN, codes=frozenset({368}),
        source="handling: temporarily blocked for policies violations; seen as a stop of one person's writes, at times with 2859015"),

    # Passing.
    Row("app limit", Verdict.RATE_LIMITED, Reason.TRANSIENT, codes=frozenset({4, 17, 32, 341, 613}), source="handling"),
    Row("ads limit", Verdict.RATE_LIMITED, Reason.TRANSIENT, codes=frozenset(range(80000, 80015)), source="handling"),
    Row("too many requests", Verdict.RATE_LIMITED, Reason.TRANSIENT, statuses=frozenset({429}), source="RFC 9110"),
    Row("passing by its code", Verdict.TRANSIENT, Reason.TRANSIENT, codes=frozenset({1, 2, 368}), source="handling"),
    Row("passing by its flag", Verdict.TRANSIENT, Reason.TRANSIENT, shapes=frozenset({"passing"}), source="handling: is_transient"),

    # Nothing that the consent page says is about a token that we hold.
    Row("consent page in trouble", Verdict.TRANSIENT, Reason.TRANSIENT, calls=CALLBACK, shapes=frozenset({"callback"}),
        source="manual flow: error, error_code"),

    # The end of a token. An API error is a hint; debug_token's answer decides.
    _ended("app removed", Reason.AUTHORISATION_CANCELLED, 458, source="handling"),
    _ended("checkpoint", Reason.SECURITY_CHECKPOINT, 459, 464, 490,
           source="handling: log in at www.facebook.com first; 490 seen"),
    _ended("password changed", Reason.PASSWORD_CHANGED, 460, source="handling"),
    _ended("expired", Reason.EXPIRED, 463, source="handling"),
    _ended("session ended", Reason.SESSION_INVALID, 467, source="handling"),
    Row("page role lost", Verdict.ACCESS_LOST, Reason.ACCESS_LOST, codes=LOGIN, subcodes=frozenset({492}), source="handling"),
    _ended("ended, other cause", Reason.SESSION_INVALID, 456, 457, 461, 462, 465, 466, 468, source="vendor's list of 2013"),
    Row("not valid, new cause", Verdict.TOKEN_DEAD, Reason.SESSION_INVALID, shapes=frozenset({"not valid"}), statuses=frozenset({200}),
        codes=LOGIN, has_subcode=True, source="debugging: is_valid is false"),
    Row("not valid, no cause", Verdict.TOKEN_DEAD, Reason.UNKNOWN, shapes=frozenset({"not valid"}), statuses=frozenset({200}),
        codes=LOGIN, source="seen: debug_token on a string that is no token"),
    Row("not valid, nothing said", Verdict.CONFIRM_FIRST, Reason.UNKNOWN, shapes=frozenset({"not valid"}), source="unproven"),
    Row("page permission", Verdict.ACCESS_LOST, Reason.ACCESS_LOST, codes=LOGIN, text="impersonating a user's page", source="seen"),
    Row("refused, new cause", Verdict.CONFIRM_FIRST, Reason.SESSION_INVALID, shapes=frozenset({"error"}), statuses=REFUSING, codes=LOGIN,
        has_subcode=True, new=True, source="unproven: a sub-code in no list"),
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
    Row("field retired", Verdict.OUR_BUG, codes=frozenset({12}), source="seen: (#12) a field is deprecated"),
)  # fmt: skip


def classify(answer: Answer) -> Classification:
    """Return what an answer of Facebook means. Total; what is not in the table never kills."""
    body = body_of(answer)
    if answer.status == 200 and answer.call == "api" and (items := _of_batch(answer, body)):
        return batch.gravest(classify(item) for item in items)
    facts = facts_of(answer, body)
    if _good(facts):
        what = lacks(answer.call, body, rows="data")
        return (
            malformed(answer, what, channel="facebook").classification if what else Classification(Verdict.OK)
        )
    return rule(ROWS, facts, channel="facebook", retry_after=retry_after(answer))


def _of_batch(answer: Answer, body: Any) -> list[Answer]:
    """Return the answers in one to a batch: a list of `{code, body}`, and null for a call that was not made in time. Else none.

    https://developers.facebook.com/docs/graph-api/batch-requests
    """
    if not isinstance(body, list) or not body:
        return []
    rows = [row for row in body[: batch.MOST] if row is not None]
    if not all(
        isinstance(row, dict) and "body" in row and number(row.get("code")) is not None for row in rows
    ):
        return []
    items = [
        Answer(answer.call, number(row["code"]) or 0, answer.headers, words(row["body"], 100_000))
        for row in rows
    ]
    late = [Answer(answer.call, 0)] if len(rows) < len(body[: batch.MOST]) else []
    return items + late


def lacking(answer: Answer) -> str:
    """Return what a good answer should hold and does not, or nothing."""
    body = body_of(answer)
    return lacks(answer.call, body, rows="data") if _good(facts_of(answer, body)) else ""


def _good(facts: Facts) -> bool:
    """Recognise a good answer. What introspection says is for the rows."""
    return facts.fine and facts.call != "introspect"


def facts_of(answer: Answer, body: Any) -> Facts:
    """Take the facts out of a body of any shape. debug_token calls the sub-code `subcode`, all others `error_subcode`."""
    if answer.call == "authorize_callback":
        return _of_the_callback(answer, query_of(body))
    data = mapping(mapping(body).get("data"))
    error = mapping(mapping(body).get("error"))
    if error:
        shape = "passing" if error.get("is_transient") is True else "error"
        return _facts(answer, error, shape, number(error.get("error_subcode")))
    if answer.call == "introspect" and isinstance(data.get("is_valid"), bool):
        inner = mapping(data.get("error"))
        shape = "valid" if data["is_valid"] else "not valid"
        return _facts(answer, inner, shape, number(inner.get("subcode", inner.get("error_subcode"))))
    if words(mapping(body).get("error"), 100):
        return _of_a_word(answer, mapping(body))
    unreadable = isinstance(body, str) and body.strip() != ""
    return Facts(answer.call, answer.status, shape="text" if unreadable else "fine")


def _of_a_word(answer: Answer, said: Mapping[str, Any]) -> Facts:
    """Read an error that is a word, with whatever comes with it: a number, a reason, a sentence."""
    found = [
        words(said.get("error"), 100),
        number(said.get("error_code")),
        words(said.get("error_reason"), 100),
    ]
    message = " ".join(
        text for text in map(words, (said.get("error_description"), said.get("message"))) if text
    )
    known = frozenset(one for one in found if one not in (None, ""))
    return Facts(
        answer.call, answer.status, known | _about_app(message), message=message, shape="other error"
    )


def _of_the_callback(answer: Answer, said: Mapping[str, Any]) -> Facts:
    """Read the way back: `code`, or `error` with `error_reason` and `error_description`, or only `error_code` and `error_message`."""
    inner = mapping(said.get("error"))
    code = number(said.get("error_code", inner.get("code")))
    found = [words(said.get("error"), 100), code]
    message = " ".join(
        filter(None, (words(said.get(name)) for name in ("error_description", "error_message")))
    )
    refused = bool(inner) or any(value not in (None, "") for value in found) or message != ""
    shape = "callback" if refused else "code" if words(said.get("code")) else "nothing"
    codes = frozenset(value for value in found if value not in (None, ""))
    return Facts(answer.call, answer.status, codes=codes | _about_app(message), message=message, shape=shape)


def _about_app(message: str) -> frozenset[str]:
    return frozenset({APP_REFUSED}) if _ABOUT_APP.search(message.lower()) else frozenset()


def _facts(answer: Answer, error: Any, shape: str, subcode: int | None) -> Facts:
    code = number(error.get("code"))
    said = [words(error.get(name)) for name in ("message", "error_user_title", "error_user_msg")]
    message = " ".join(text for text in said if text)
    return Facts(
        answer.call,
        answer.status,
        codes=(frozenset() if code is None else frozenset({code})) | _about_app(message),
        subcode=subcode or None,  # 0 means none
        message=message,
        shape=shape,
    )


def retry_after(answer: Answer) -> int | None:
    """Return in how many seconds the limit ends, where the usage headers say so.

    `X-Business-Use-Case-Usage` is {business: [{estimated_time_to_regain_access: minutes}]}; `X-Ad-Account-Usage` has
    reset_time_duration in seconds.
    """
    headers = headers_of(answer)
    waits = [number(mapping(_json(headers.get("x-ad-account-usage"))).get("reset_time_duration")) or 0]
    for rows in mapping(_json(headers.get("x-business-use-case-usage"))).values():
        minutes = [
            mapping(row).get("estimated_time_to_regain_access")
            for row in (rows if isinstance(rows, list) else [])
        ]
        waits += [60 * (number(value) or 0) for value in minutes]
    return bounded(max(waits) or None)


def limits_the_app(answer: Answer) -> bool:
    """Return whether a limit holds for the whole app: code 4, or one that names nobody. 17 is a person's, 32 a page's, 613 and 80000 to
    80014 are of ad accounts (developers.facebook.com, overview/rate-limiting).
    """
    code = facts_of(answer, body_of(answer)).codes
    return 4 in code or not code


def used_of_app(answer: Answer) -> float | None:
    """Return the used part of the app's limit; `X-App-Usage` is {"call_count": 28, "total_time": 25, "total_cputime": 25}, in percent."""
    said = mapping(_json(headers_of(answer).get("x-app-usage")))
    parts = [number(said.get(name)) for name in ("call_count", "total_time", "total_cputime")]
    known = [part for part in parts if part is not None]
    return max(known) / 100 if known else None


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
