"""What TikTok's answers mean. HTTP is 200 whatever happened; the number `code` in the body decides, at times with the message.

Sources: "sdk" is a name in the return codes of TikTok's own SDK (tiktok_code.py); "seen" is an answer kept by integrations; "by name" is
a name in the SDK without prose, which therefore decides nothing that cannot be undone; "clients" is what integrations agree on.
"""

import re
from collections.abc import Mapping
from typing import Any

from tokens.channels.classifier import (
    PASSING,
    REFUSING,
    Codes,
    Facts,
    app_fault,
    dead,
    in_doubt,
    limited,
    our_bug,
    out_of_reach,
    passing,
    until_midnight,
)
from tokens.channels.kinds import START_AGAIN, Answer, Call, Reason
from tokens.channels.parse import mapping, message_in, number, present, words
from tokens.channels.verdict_table import AS_USER as WITH_ACCESS_TOKEN
from tokens.channels.verdict_table import EXCHANGE, REFRESH, VerdictTable

FINE = frozenset({0, 20001})  # OK and PARTIAL_OK
LIMITS: Codes = frozenset({40100, 40016, 40132, 61000, 51021})
AS_USER = WITH_ACCESS_TOKEN | REFRESH
WITH_SECRET: frozenset[Call] = frozenset({"exchange", "refresh", "list_accounts"})
GATEWAY_REFUSES = frozenset(range(400, 500)) - PASSING
ERROR = frozenset({"error"})
APP_CODES = frozenset({40101, 40113, 40117, 40118, 40124, 40125})
AUTH_FAMILY = range(40100, 40140)  # codes about log-ins and apps
MINUTE_LIMIT, SECOND_LIMIT = 300, 10  # seconds

_DAILY = re.compile(r"\bQPD\b|\bdaily\b|\bper day\b|\btoday\b", re.IGNORECASE)


ROWS = (
    # Limits and gateways. A limit speaks of the app too ("requests from App are restricted"), so it comes first.
    limited("limit by its code", codes=LIMITS, shapes=ERROR, source="sdk; seen: App reaches the QPS limit"),

    # Our app: these hit all tokens at once and touch none.
    app_fault("app refused", statuses=REFUSING, shapes=ERROR, codes=APP_CODES,
        source="sdk: INVALID_PARTNER (40101, seen), APP_METHOD_FORBIDDEN, NOT_IN_WHITELIST, of the app or its developer"),

    # Not TikTok's own answer.
    passing("gateway refuses", shapes={"gateway"}, statuses=GATEWAY_REFUSES, new=True,
        source="clients: TikTok answers with 200 always; if that has changed, operators are to know"),
    passing("gateway", shapes={"gateway"}, source="clients: TikTok answers with 200 always"),

    # The handshake.
    our_bug(START_AGAIN, calls=EXCHANGE, codes={40108, 40110, 40131},
        source="sdk: INVALID_GRANT_TYPE, AUTH_CODE_ERROR; seen: 40131, authorization code is expired"),
    our_bug(START_AGAIN, calls=EXCHANGE, shapes=ERROR, text="auth_code", source="unproven: the code was not taken"),
    our_bug(START_AGAIN, calls=EXCHANGE, codes={40102, 40103, 40105, 40106, 40107},
        source="unproven: no token exists yet, so nothing dies"),
    in_doubt("code refused later", Reason.UNKNOWN, codes={40108, 40110}, source="seen: mapped to reconnect"),

    # The end of a token. Who ended it is not told; that the person removed the app is the best known cause of 40105.
    dead("expired", Reason.EXPIRED, calls=AS_USER, shapes=ERROR, codes={40102}, source="sdk"),
    dead("refresh token over", Reason.REFRESH_EXPIRED, calls=REFRESH, shapes=ERROR, codes={40103}, source="sdk"),
    dead("refresh token refused", Reason.SESSION_INVALID, calls=REFRESH, shapes=ERROR, codes={40107}, source="sdk"),
    dead("revoked or wrong", Reason.AUTHORISATION_CANCELLED, calls=AS_USER, shapes=ERROR, codes={40105},
        source="sdk; seen: access token is incorrect or has been revoked"),
    # By its name the person's account is not valid: suspended or deleted. "Suspended" is asked again daily, as both can be undone.
    dead("person not valid", Reason.SUSPENDED, calls=AS_USER, shapes=ERROR, codes={40106}, source="sdk: INVALID_CORE_USER"),

    # Looks bad, proves nothing. What is known by its name only is for staff to judge too, and no time makes a death of it.
    in_doubt("refresh token, where none was sent", Reason.UNKNOWN, codes={40103, 40107},
        source="sdk: about a refresh token; the access token may live"),
    in_doubt("advertiser logged out", Reason.UNKNOWN, codes={40114}, new=True, source="by name"),
    in_doubt("log-in wanted, or blocked", Reason.UNKNOWN, codes={40309, 41000}, new=True, source="by name"),
    in_doubt("password", Reason.UNKNOWN, codes={40112}, new=True, source="by name"),
    in_doubt("not the same identity", Reason.UNKNOWN, codes={40119, 40131}, new=True, source="by name"),
    in_doubt("token of another app", Reason.UNKNOWN, codes={40000}, text="inconsistent",
        source="seen: the app_id is inconsistent with the token's app information"),
    in_doubt("token of another app", Reason.UNKNOWN, codes={40000}, text="another app", source="unproven wording"),

    # The token lives; this ad account, or this call, is out of its reach. Permissions are fixed when a token is given.
    out_of_reach("not granted", reason=Reason.SCOPE_MISSING, codes={40001}, text="not grant",
        source="seen: advertiser does not grant you /path:GET permission"),
    out_of_reach("permission missing", reason=Reason.SCOPE_MISSING, codes={40001}, text="required scope",
        source="seen: the access token lacks the required scope for endpoint"),
    out_of_reach("permission missing", reason=Reason.SCOPE_MISSING, codes={40130}, source="sdk: SCOPE_NOT_AUTHORIZED"),
    out_of_reach("out of reach", codes={40001, 40300, 40301, 40302},
        source="sdk; seen: the advertiser doesn't exist or has been deleted"),

    out_of_reach("permission missing here", reason=Reason.PUBLISHING_LOST, calls={"api"}, codes={40002}, text="insufficient permission",
        source="told: the member lacks a permission of its own on the ad account (adskull.io, 40002)"),

    # Our request.
    our_bug("no token sent", codes={40104}, source="sdk: EMPTY_ACCESS_TOKEN"),
    our_bug("signature", codes={40115, 40116, 40900}, source="sdk"),
    our_bug("bad request", codes={40000, 40002, 40003, 40006, 40007}, source="sdk"),
    our_bug("bad request, by its name",
        codes={40008, 40009, 40010, 40011, 40012, 40013, 40050, 40051, 40052, 40053, 40061, 40062, 40063, 40400, 40502, 41001, 41002,
               *range(40901, 40917)}, source="by name: endpoints, batches, files"),

    # Passing.
    passing("task or conflict", codes={40200, 40201, 40202, 40700}, source="sdk; clients try again"),
    passing("system trouble", codes={*range(50000, 54000), 60001}, source="sdk"),

    # A new code of a family whose others are about log-ins and apps is a doubt, no passing trouble.
    in_doubt("of a log-in, not known", calls=WITH_SECRET | {"api"}, shapes=ERROR, codes=AUTH_FAMILY, new=True, source="unproven"),
)  # fmt: skip


def facts_of(answer: Answer, body: Any) -> Facts:
    """Take the facts out of a body of any shape."""
    data = mapping(body)
    code, message = number(data.get("code")), message_in(data, "message", "error", "error_description")
    codes = present(code, words(data.get("error"), 60) or words(mapping(data.get("error")).get("code"), 60))
    if answer.status == 200 and code in FINE:
        return Facts(answer.call, answer.status, codes, shape="fine")
    shape = "gateway" if answer.status != 200 else "strange" if code is None else "error"
    return Facts(answer.call, answer.status, codes, message=message[:500], shape=shape)


def _wait(_headers: Mapping[str, str], facts: Facts, now: float) -> int | None:
    """TikTok sends no header for it; clients wait 5 minutes, and days end at 00:00 UTC."""
    if not facts.codes & LIMITS:
        return None
    if _DAILY.search(facts.message):
        return until_midnight(now)
    return SECOND_LIMIT if "qps" in facts.message.lower() else MINUTE_LIMIT


TABLE = VerdictTable("tiktok", ROWS, facts_of, wait=_wait)
