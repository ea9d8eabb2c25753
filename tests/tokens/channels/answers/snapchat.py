"""Snapchat: typed from the fact sheet's tables of errors, probes and reasons. Only a refused refresh ends a token."""

import json
from typing import Any

from tests.tokens.channels.answers import (
    APP,
    BUG,
    DOUBT,
    FINE,
    LIMITED,
    PASSES,
    RESTRICTED,
    Answers,
    dead,
    lost,
)
from tokens.channels.kinds import Reason

GENERAL: dict[str, Any] = {
    "request_status": "ERROR",
    "request_id": "5ebc40",
    "debug_message": "Resource can not be found",
    "display_message": "We're sorry, but the requested resource is not available at this time",
}
GOOD_TOKEN = {
    "access_token": "a",
    "token_type": "Bearer",
    "expires_in": 1800,
    "refresh_token": "r",
    "scope": "s",
}
GOOD_ME = {"request_status": "SUCCESS", "request_id": "57aff", "me": {"id": "a71c"}}
GOOD_LIST = {
    "request_status": "success",
    "organizations": [{"sub_request_status": "success", "organization": {}}],
}
FAILED_ITEM = {"request_status": "SUCCESS", "adaccounts": [{"sub_request_status": "ERROR", "adaccount": {}}]}
UNAUTHORIZED = {"request_status": "ERROR", "request_id": "…", "msg": "Unauthorized"}
E3002: dict[str, Any] = {**GENERAL, "debug_message": "Invalid credentials", "error_code": "E3002"}
NO_PERMISSION = {**GENERAL, "debug_message": "Caller does not have permission", "error_code": "E3002"}
E3003 = {**GENERAL, "error_code": "E3003"}
RFC_SENTENCE = (
    "The provided authorization grant or refresh token is invalid, expired, revoked, does not match the redirection URI used in the "
    "authorization request, or was issued to another client."
)
LIMIT = {"request_status": "ERROR", "request_id": "…", "msg": "Rate limit exceeded"}


def oauth(name: str, description: str = "…") -> dict[str, Any]:
    """An error of the OAuth endpoints."""
    return {"error": name, "error_description": description}


ANSWERS: Answers = {
    "refresh": {
        dead(Reason.AUTHORISATION_CANCELLED): [
            (400, oauth("invalid_grant")),
            (400, oauth("invalid_grant", "Invalid refresh token")),
            (400, json.dumps(oauth("invalid_grant"))),
            (401, oauth("invalid_grant")),
            (400, oauth("invalid_grant", RFC_SENTENCE)),
            (400, oauth("invalid_grant", "The user revoked the application")),
            (400, oauth("invalid_grant", "The client's refresh token is invalid")),
            (403, oauth("invalid_grant")),
            (400, {**oauth("invalid_grant"), "error_code": 10**40, "extra": [1]}),
        ],
        APP: [
            (401, oauth("invalid_client")),
            (400, oauth("invalid_client")),
            (400, oauth("unauthorized_client")),
            (400, oauth("invalid_grant", "The client has been suspended")),
            (400, oauth("invalid_grant", "OAuth app was deactivated")),
            (402, oauth("invalid_grant")),
        ],
        BUG: [
            (400, oauth("invalid_request")),
            (400, oauth("unsupported_grant_type")),
        ],
        LIMITED: [
            (429, oauth("invalid_grant")),
        ],
        PASSES: [
            (503, "<html>"),
            (503, oauth("invalid_grant")),
            (520, oauth("invalid_client")),
            (400, oauth("temporarily_unavailable")),
            (400, oauth("server_error")),
            (451, ""),
            (200, oauth("invalid_grant")),
            (200, {}),
        ],
        DOUBT: [
            (403, "<html>blocked</html>"),
            (400, {"error": {"code": "invalid_grant"}}),
            (400, {"error": ["invalid_grant"]}),
            (403, ""),
            (400, "<html>"),
            (400, oauth("something_new")),
        ],
        FINE: [
            (200, {"access_token": "a"}),
        ],
    },
    "api": {
        DOUBT: [
            (401, UNAUTHORIZED),
            (401, oauth("invalid_token")),
            (401, oauth("invalid_grant")),
            (403, "<html>blocked</html>"),
            (404, "<html>"),
            (403, {**GENERAL, "debug_message": "The access token is expired"}),
            (400, {**GENERAL, "debug_message": "Invalid access token"}),
        ],
        APP: [
            (401, oauth("invalid_client")),
            (403, {**GENERAL, "debug_message": "App is blocked"}),
            (403, {**GENERAL, "debug_message": "App is not approved for this endpoint"}),
            (401, {**GENERAL, "debug_message": "OAuth application is not active"}),
            (200, oauth("invalid_client")),
            (402, {}),
        ],
        lost(Reason.ACCESS_LOST): [
            (403, GENERAL),
            (403, NO_PERMISSION),
            (400, NO_PERMISSION),
            (200, NO_PERMISSION),
            (404, E3003),
            (404, GENERAL),
        ],
        lost(Reason.SCOPE_MISSING): [
            (403, {**GENERAL, "debug_message": "Scope is missing"}),
            (403, {"error": "insufficient_scope"}),
        ],
        RESTRICTED: [
            (403, {**GENERAL, "debug_message": "Ad account is suspended"}),
            (403, {**GENERAL, "debug_message": "Organization is not active"}),
            (400, {**GENERAL, "display_message": "The client's ad account was disabled"}),
        ],
        LIMITED: [
            (429, LIMIT),
            (403, "<html>You are being rate limited</html>"),
        ],
        BUG: [
            (405, GENERAL),
            (406, GENERAL),
            (410, GENERAL),
            (418, GENERAL),
            (400, GENERAL),
        ],
        PASSES: [
            (500, GENERAL),
            (422, E3003),
            (200, FAILED_ITEM),
            (200, GENERAL),
            (200, [1]),
        ],
        FINE: [
            (200, GOOD_LIST),
            (201, {"request_status": "SUCCESS", "campaigns": []}),
            (200, ""),
            (204, None),
        ],
    },
    "introspect": {
        DOUBT: [
            (401, UNAUTHORIZED),
            (401, E3002),
            (401, ""),
        ],
        PASSES: [
            (401, "<html>"),  # a gateway's page
            (403, {**GENERAL, "debug_message": "Ad account is suspended"}),
            (403, GENERAL),
            (404, E3003),
            (599, UNAUTHORIZED),
            (200, UNAUTHORIZED),
            (200, []),
        ],
        LIMITED: [
            (429, ""),
        ],
        FINE: [
            (200, GOOD_ME),
            (200, {"request_id": "57ae", "me": {"id": "2f5d"}}),  # samples without the status
        ],
    },
    "list_accounts": {
        DOUBT: [
            (401, UNAUTHORIZED),
        ],
        PASSES: [
            (200, FAILED_ITEM),
            (200, {"organizations": None}),
        ],
        FINE: [
            (200, GOOD_LIST),
            (200, {"request_status": "SUCCESS", "adaccounts": []}),
        ],
    },
    "exchange": {
        APP: [
            (401, oauth("invalid_client")),
            (400, oauth("unauthorized_client")),
            (400, oauth("invalid_scope")),
            (400, oauth("invalid_grant", "redirect_uri mismatch")),
        ],
        BUG: [
            (400, oauth("invalid_grant")),
            (400, oauth("invalid_grant", RFC_SENTENCE)),
            (400, oauth("invalid_request")),
            (400, oauth("unsupported_grant_type")),
        ],
        PASSES: [
            (200, {"access_token": None}),
        ],
        FINE: [
            (200, GOOD_TOKEN),
        ],
    },
}
LIMITS = [
    ({"retry-after": "7"}, None, 7),
    ({"retry-after": "99999999"}, None, 86_400),
    ({}, None, None),
    ({"retry-after": "soon"}, None, None),
    ({"x-rate-limit-reset": "12"}, None, 12),
    ({"x-rate-limit-reset": "-"}, None, None),
]
DEADLY = ("invalid_grant",)
SAME = [
    ("refresh", 400, oauth("something_new", "at 12:00")),
    ("refresh", 400, oauth("something_new", "at 13:59")),
]
OTHER = ("refresh", 400, oauth("another"))
SPOKEN = [("refresh", 400, oauth("invalid_grant", "refresh_token=eyJSBXTOKENabcdefgh is revoked"))]
