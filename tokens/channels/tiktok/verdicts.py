"""What TikTok's answers mean. HTTP is 200 whatever happened; the number `code` in the body decides, at times with the message.

Sources: "sdk" is a name in the return codes of TikTok's own SDK (tiktok_code.py); "seen" is an answer kept by integrations; "by name" is
a name in the SDK without prose, which therefore decides nothing that cannot be undone; "clients" is what integrations agree on.
"""

import re
from dataclasses import replace
from typing import Any

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
    query_of,
    rule,
    until_midnight,
)
from tokens.channels.kinds import START_AGAIN, Answer, Call, Classification, Reason, Verdict
from tokens.channels.parse import mapping, number, words
from users import database_clock

FINE = frozenset({0, 20001})  # OK and PARTIAL_OK
LIMITS: Codes = frozenset({40100, 40016, 40132, 61000, 51021})
HANDSHAKE: frozenset[Call] = frozenset({"exchange", "authorize_callback"})
CALLBACK: frozenset[Call] = frozenset({"authorize_callback"})
REFRESH: frozenset[Call] = frozenset({"refresh"})
AS_USER: frozenset[Call] = frozenset({"api", "list_accounts", "introspect", "refresh"})
WITH_SECRET: frozenset[Call] = frozenset({"exchange", "refresh", "list_accounts"})
GATEWAY_REFUSES = frozenset(range(400, 500)) - PASSING
ERROR = frozenset({"error", "app", "secret"})
APP_CODES = frozenset({40101, 40113, 40117, 40118, 40124, 40125})
# Codes about log-ins and apps: an unknown one is a doubt, not passing trouble.
AUTH_FAMILY = range(40100, 40140)
MINUTE_LIMIT, SECOND_LIMIT = 300, 10  # seconds

# The message speaks of our app, whatever the code.
_APP = re.compile(
    r"\b(?:app|application|developer)\b[^.]{0,60}"
    r"\b(?:blocked|suspended|banned|forbidden|disabled|deactivated|frozen|not (?:been |yet )?approved)\b"
    r"|\binvalid[ _]client\b|\bunauthorized[ _]client\b|\binvalid app[ _]id or secret\b",
    re.IGNORECASE,
)
# Counts only where the secret was sent: elsewhere `app_id` may be an app that is advertised.
_SECRET = re.compile(
    r"\b(?:invalid|incorrect|wrong|illegal|mismatched)\b[^.]{0,30}\b(?:secret|partner|app_?id)\b"
    r"|\b(?:secret|app_?id)\b[^.]{0,30}\b(?:invalid|incorrect|wrong|illegal|not match|does not exist)\b",
    re.IGNORECASE,
)
_DAILY = re.compile(r"\bQPD\b|\bdaily\b|\bper day\b|\btoday\b", re.IGNORECASE)


ROWS = (
    # The consent page. Its errors are not documented, so the standard's names are taken.
    Row("declined by the person", Verdict.TRANSIENT, Reason.TRANSIENT, calls=CALLBACK, codes=codes("access_denied", "user_denied"),
        source="RFC 6749; unproven at TikTok"),
    Row("consent page in trouble", Verdict.TRANSIENT, Reason.TRANSIENT, calls=CALLBACK,
        codes=codes("server_error", "temporarily_unavailable"), source="RFC 6749; unproven at TikTok"),
    Row("app refused at the consent page", Verdict.APP_FAULT, Reason.APP_FAULT, calls=CALLBACK,
        codes=codes("invalid_client", "unauthorized_client", "invalid_scope", "redirect_uri_mismatch"),
        source="RFC 6749; unproven at TikTok"),

    # Limits and gateways. A limit speaks of the app too ("requests from App are restricted"), so it comes first.
    Row("too many requests", Verdict.RATE_LIMITED, Reason.TRANSIENT, statuses=frozenset({429}), source="RFC 9110"),
    Row("limit by its code", Verdict.RATE_LIMITED, Reason.TRANSIENT, codes=LIMITS, shapes=ERROR,
        source="sdk; seen: App reaches the QPS limit"),

    # Our app: these hit all tokens at once and touch none.
    Row("app forbidden", Verdict.APP_FAULT, Reason.APP_FAULT, statuses=REFUSING, shapes=ERROR, codes=codes(40113), source="sdk"),
    Row("developer refused", Verdict.APP_FAULT, Reason.APP_FAULT, statuses=REFUSING, shapes=ERROR, codes=codes(40124, 40125),
        source="sdk"),
    Row("app id or secret", Verdict.APP_FAULT, Reason.APP_FAULT, statuses=REFUSING, shapes=ERROR, codes=codes(40101),
        source="sdk: INVALID_PARTNER; seen"),
    Row("app may not use this", Verdict.APP_FAULT, Reason.APP_FAULT, statuses=REFUSING, shapes=ERROR, codes=codes(40117, 40118),
        source="sdk: APP_METHOD_FORBIDDEN, NOT_IN_WHITELIST"),
    Row("speaks of the app", Verdict.APP_FAULT, Reason.APP_FAULT, statuses=REFUSING, shapes=frozenset({"app"}),
        source="unproven: whatever the code, such words are about our app"),
    Row("speaks of its secret", Verdict.APP_FAULT, Reason.APP_FAULT, calls=WITH_SECRET, statuses=REFUSING, shapes=frozenset({"secret"}),
        source="unproven: as above"),

    # Not TikTok's own answer.
    Row("gateway refuses", Verdict.TRANSIENT, Reason.TRANSIENT, shapes=frozenset({"gateway"}), statuses=GATEWAY_REFUSES, new=True,
        source="clients: TikTok answers with 200 always; if that has changed, operators are to know"),
    Row("gateway", Verdict.TRANSIENT, Reason.TRANSIENT, shapes=frozenset({"gateway"}), source="clients: TikTok answers with 200 always"),

    # The handshake.
    Row(START_AGAIN, Verdict.OUR_BUG, calls=HANDSHAKE, codes=codes(40108, 40110, 40131),
        source="sdk: INVALID_GRANT_TYPE, AUTH_CODE_ERROR; seen: 40131, authorization code is expired"),
    Row(START_AGAIN, Verdict.OUR_BUG, calls=HANDSHAKE, shapes=ERROR, text="auth_code", source="unproven: the code was not taken"),
    Row(START_AGAIN, Verdict.OUR_BUG, calls=HANDSHAKE, codes=codes(40102, 40103, 40105, 40106, 40107),
        source="unproven: no token exists yet, so nothing dies"),
    Row(START_AGAIN, Verdict.OUR_BUG, calls=CALLBACK, shapes=frozenset({"no code"}), source="the way back brought no code"),
    Row("code refused later", Verdict.CONFIRM_FIRST, Reason.UNKNOWN, codes=codes(40108, 40110), source="seen: mapped to reconnect"),

    # The end of a token. Who ended it is not told; that the person removed the app is the best known cause of 40105.
    Row("expired", Verdict.TOKEN_DEAD, Reason.EXPIRED, calls=AS_USER, shapes=ERROR, codes=codes(40102), source="sdk"),
    Row("refresh token over", Verdict.TOKEN_DEAD, Reason.REFRESH_EXPIRED, calls=REFRESH, shapes=ERROR, codes=codes(40103), source="sdk"),
    Row("refresh token refused", Verdict.TOKEN_DEAD, Reason.SESSION_INVALID, calls=REFRESH, shapes=ERROR, codes=codes(40107), source="sdk"),
    Row("revoked or wrong", Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED, calls=AS_USER, shapes=ERROR, codes=codes(40105),
        source="sdk; seen: access token is incorrect or has been revoked"),
    # By its name the person's account is not valid: suspended or deleted. "Suspended" is asked again daily, as both can be undone.
    Row("person not valid", Verdict.TOKEN_DEAD, Reason.SUSPENDED, calls=AS_USER, shapes=ERROR, codes=codes(40106),
        source="sdk: INVALID_CORE_USER"),

    # Looks bad, proves nothing. What is known by its name only is for staff to judge too, and no time makes a death of it.
    Row("refresh token, where none was sent", Verdict.CONFIRM_FIRST, Reason.UNKNOWN, codes=codes(40103, 40107),
        source="sdk: about a refresh token; the access token may live"),
    Row("advertiser logged out", Verdict.CONFIRM_FIRST, Reason.UNKNOWN, codes=codes(40114), new=True, source="by name"),
    Row("log-in wanted, or blocked", Verdict.CONFIRM_FIRST, Reason.UNKNOWN, codes=codes(40309, 41000), new=True, source="by name"),
    Row("password", Verdict.CONFIRM_FIRST, Reason.UNKNOWN, codes=codes(40112), new=True, source="by name"),
    Row("not the same identity", Verdict.CONFIRM_FIRST, Reason.UNKNOWN, codes=codes(40119, 40131), new=True, source="by name"),
    Row("token of another app", Verdict.CONFIRM_FIRST, Reason.UNKNOWN, codes=codes(40000), text="inconsistent",
        source="seen: the app_id is inconsistent with the token's app information"),
    Row("token of another app", Verdict.CONFIRM_FIRST, Reason.UNKNOWN, codes=codes(40000), text="another app", source="unproven wording"),

    # The token lives; this ad account, or this call, is out of its reach. Permissions are fixed when a token is given.
    Row("not granted", Verdict.ACCESS_LOST, Reason.SCOPE_MISSING, codes=codes(40001), text="not grant",
        source="seen: advertiser does not grant you /path:GET permission"),
    Row("permission missing", Verdict.ACCESS_LOST, Reason.SCOPE_MISSING, codes=codes(40001), text="required scope",
        source="seen: the access token lacks the required scope for endpoint"),
    Row("permission missing", Verdict.ACCESS_LOST, Reason.SCOPE_MISSING, codes=codes(40130), source="sdk: SCOPE_NOT_AUTHORIZED"),
    Row("out of reach", Verdict.ACCESS_LOST, Reason.ACCESS_LOST, codes=codes(40001, 40300, 40301, 40302),
        source="sdk; seen: the advertiser doesn't exist or has been deleted"),

    Row("permission missing here", Verdict.ACCESS_LOST, Reason.PUBLISHING_LOST, calls=frozenset({"api"}), codes=codes(40002),
        text="insufficient permission", source="told: the member lacks a permission of its own on the ad account (adskull.io, 40002)"),

    # Our request.
    Row("no token sent", Verdict.OUR_BUG, codes=codes(40104), source="sdk: EMPTY_ACCESS_TOKEN"),
    Row("signature", Verdict.OUR_BUG, codes=codes(40115, 40116, 40900), source="sdk"),
    Row("bad request", Verdict.OUR_BUG, codes=codes(40000, 40002, 40003, 40006, 40007), source="sdk"),
    Row("bad request, by its name", Verdict.OUR_BUG,
        codes=codes(40008, 40009, 40010, 40011, 40012, 40013, 40050, 40051, 40052, 40053, 40061, 40062, 40063, 40400, 40502, 41001, 41002,
                    *range(40901, 40917)),
        source="by name: endpoints, batches, files"),

    # Passing.
    Row("task or conflict", Verdict.TRANSIENT, Reason.TRANSIENT, codes=codes(40200, 40201, 40202, 40700), source="sdk; clients try again"),
    Row("system trouble", Verdict.TRANSIENT, Reason.TRANSIENT, codes=frozenset({*range(50000, 54000), 60001}), source="sdk"),
)  # fmt: skip


def classify(answer: Answer) -> Classification:
    """Return what an answer of TikTok means. Total; what is not in the table never kills."""
    facts = facts_of(answer, body_of(answer))
    if facts.shape == "fine":
        return Classification(Verdict.OK)
    classification = rule(
        ROWS, facts, channel="tiktok", retry_after=retry_after(answer, facts, database_clock.seconds())
    )
    of_tiktok = (
        classification.unknown and classification.verdict == Verdict.TRANSIENT and facts.shape != "gateway"
    )
    if of_tiktok and answer.call != "introspect" and any(code in AUTH_FAMILY for code in facts.codes):
        return replace(classification, verdict=Verdict.CONFIRM_FIRST, reason=None)
    return classification


def facts_of(answer: Answer, body: Any) -> Facts:
    """Take the facts out of a body of any shape. `error` is in the way back from the consent page only."""
    back = answer.call == "authorize_callback"
    data = query_of(body) if back else mapping(body)
    code = number(data.get("code"))
    said = [words(data.get(name)) for name in ("message", "error", "error_description")]
    message = " ".join(text for text in said if text)
    if back:
        return _of_the_way_back(answer, data, code, message)
    beside = words(data.get("error"), 60) or words(mapping(data.get("error")).get("code"), 60)
    found: Codes = frozenset(one for one in (code, beside) if one not in (None, ""))
    if answer.status == 200 and code in FINE:
        return Facts(answer.call, answer.status, found, shape="fine")
    shape = _shape(message)
    if answer.status != 200 and not _speaks_of_the_app(answer, code, shape):
        shape = "gateway"
    elif answer.status == 200 and code is None and shape == "error":
        shape = "strange"
    return Facts(answer.call, answer.status, found, message=message[:500], shape=shape)


def _speaks_of_the_app(answer: Answer, code: int | None, shape: str) -> bool:
    """Return whether an answer with another status than 200, which TikTok itself never gives, still says something of our app."""
    if answer.status not in REFUSING:
        return False
    return code in APP_CODES or shape == "app" or (shape == "secret" and answer.call in WITH_SECRET)


def _of_the_way_back(answer: Answer, data: Any, code: int | None, message: str) -> Facts:
    error = words(data.get("error"), 60)
    given = words(data.get("auth_code"), 4096) or (words(data.get("code"), 4096) if code is None else "")
    if given and not error:
        return Facts(answer.call, answer.status, shape="fine")
    found = frozenset(one for one in (code, error) if one not in (None, ""))
    shape = _shape(message) if found else "no code"
    return Facts(answer.call, answer.status, found, message=message[:500], shape=shape)


def _shape(message: str) -> str:
    if _APP.search(message):
        return "app"
    return "secret" if _SECRET.search(message) else "error"


def retry_after(answer: Answer, facts: Facts, now: float) -> int | None:
    """Return in how many seconds the limit ends. TikTok sends no header for it; clients wait 5 minutes, and days end at 00:00 UTC."""
    headers = headers_of(answer)
    wait = number(headers.get("retry-after"))
    if wait is not None:
        return bounded(wait)
    if not facts.codes & LIMITS:
        return None
    if _DAILY.search(facts.message):
        return until_midnight(now)
    return SECOND_LIMIT if "qps" in facts.message.lower() else MINUTE_LIMIT
