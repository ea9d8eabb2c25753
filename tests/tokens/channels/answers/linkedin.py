"""LinkedIn: rows of its documents and of answers that were seen."""

from typing import Any

from tests.tokens.channels.answers import (
    APP,
    BUG,
    DOUBT,
    FINE,
    LIMITED,
    PASSES,
    Answers,
    dead,
    doubt,
    lost,
)
from tokens.channels.kinds import Reason

REVOKED_TEXT = "The token used in the request has been revoked by the user"
BAD_CODE = (
    "Unable to retrieve access token: appid/redirect uri/code verifier does not match authorization code. "
    "Or authorization code expired. Or external member binding exists"
)
BAD_REFRESH = "The provided authorization grant or refresh token is invalid, expired or revoked"


def api(status: int, number: Any = None, code: str = "", message: str = "") -> dict[str, Any]:
    """An error of the API."""
    body: dict[str, Any] = {"status": status, "message": message}
    if number is not None:
        body["serviceErrorCode"] = number
    return body | ({"code": code} if code else {})


def oauth(error: str, text: str = "") -> dict[str, Any]:
    """An error of the OAuth endpoints."""
    return {"error": error, "error_description": text}


def told(*, active: Any, status: str | None = None, **more: Any) -> dict[str, Any]:
    """What introspection says."""
    return {"active": active, **({} if status is None else {"status": status}), **more}


NO_LIST: list[Any] = [{}, [], {"elements": {}}, {"moon": 1}]
ANSWERS: Answers = {
    "api": {
        dead(Reason.SESSION_INVALID): [
            (401, api(401, 65600, "INVALID_ACCESS_TOKEN", "Invalid access token")),
            (401, api(401, 65600, message="Invalid access token")),
        ],
        doubt(Reason.AUTHORISATION_CANCELLED): [
            (401, api(401, 65601, "REVOKED_ACCESS_TOKEN", REVOKED_TEXT)),
            (401, api(401, None, "REVOKED_ACCESS_TOKEN", REVOKED_TEXT)),
            (
                401,
                api(401, 65602, "REVOKED_ACCESS_TOKEN"),
            ),  # Two mock servers swap the numbers: where number and name differ, the one that may pass decides.
        ],
        dead(Reason.EXPIRED): [
            (401, api(401, 65602, "EXPIRED_ACCESS_TOKEN", "The token used in the request has expired")),
            (401, api(401, "65602")),
        ],
        doubt(Reason.UNKNOWN): [
            (401, api(401, 65603, message="Something else")),
            (
                400,
                api(400, 65602, "EXPIRED_ACCESS_TOKEN"),
            ),  # A log-in's code in another status proves less, and inside HTTP 200 too.
            (200, api(401, 65600, "INVALID_ACCESS_TOKEN")),
            (500, api(500, 65601, "REVOKED_ACCESS_TOKEN")),
        ],
        DOUBT: [
            (401, api(401, 99, "NEW_CODE", "Something new")),
            (401, api(401, message="Unauthorized")),
            (401, {}),
            (401, "<html>"),
            (403, api(403, message="Forbidden")),
            (404, "<html>not found</html>"),
            (401, api(401, 10**30)),
            (401, {"error": {"serviceErrorCode": 65600}}),
        ],
        BUG: [
            (401, api(401, 401, message="Empty oauth2_access_token")),
            (401, api(401, 65604, message="Empty oauth2 access token")),
            (401, api(401, None, "EMPTY_ACCESS_TOKEN", "Empty or missing OAuth2 access token")),
            (401, api(401, 401, message="Unknown authentication scheme")),
            (
                403,
                api(403, 100, message="Unpermitted fields present in PARAMETER: Data Processing Exception"),
            ),
            (404, api(404, 0, "RESOURCE_NOT_FOUND", "No virtual resource found")),
            (400, api(400, None, "VERSION_MISSING", "A version must be present.")),
            (400, api(400, 10007, "CONDITIONAL_VALUE_TOO_LOW", "/totalBudget/amount cannot be set to 10")),
            (422, api(422, message="Content is a duplicate of urn:li:share:1")),
        ],
        lost(Reason.ACCESS_LOST): [
            (
                403,
                api(403, 100, "ACCESS_DENIED", "Not enough permissions to access: GET /adAccounts/508720451"),
            ),
            (403, api(403, 100, message="Not enough permissions to access: me.GET.NO_VERSION")),
            (404, api(404, message="Could not find entity")),
        ],
        lost(Reason.SCOPE_MISSING): [
            (
                403,
                api(403, 100, "ACCESS_DENIED", "Not enough permissions to access: userinfo.GET.NO_VERSION"),
            ),
        ],
        LIMITED: [
            (
                429,
                api(
                    429,
                    101,
                    "TOO_MANY_REQUESTS",
                    "Resource level throttle APPLICATION DAY limit for calls to this resource is reached.",
                ),
            ),
            (429, api(429, 65601, "REVOKED_ACCESS_TOKEN")),
            (403, api(403, 101, "TOO_MANY_REQUESTS")),
        ],
        APP: [
            (402, api(402, 65601, "REVOKED_ACCESS_TOKEN")),
            (426, api(426, None, "NONEXISTENT_VERSION", "Requested version 20250101 is not active")),
            (400, api(400, message="Requested version 20250701 is not active")),
            (402, api(402, message="Payment required")),
        ],
        PASSES: [
            (0, api(401, 65600)),
            (999, "<html>Request denied</html>"),  # LinkedIn's own status against robots
            (500, {"message": "Internal Server Error", "status": 500}),
            (503, api(503, message="One DAY this will work")),  # which is no limit by day
            (504, "gateway"),
            (409, api(409, message="A write conflict occurred. Retry the request.")),
            (200, oauth("invalid_request")),
            (200, {"error": {"code": 1}}),
            (200, api(403, 100, "ACCESS_DENIED")),
        ],
        FINE: [
            (200, {"elements": []}),
            (200, {"message": "A lead wrote this", "status": "ACTIVE"}),  # a field of theirs, no error
            (201, ""),
            (204, None),
        ],
    },
    "introspect": {
        FINE: [
            (200, told(active=True, status="active", client_id="861abc")),
            (200, told(active=True)),
        ],
        dead(Reason.AUTHORISATION_CANCELLED): [
            (200, told(active=False, status="revoked")),
        ],
        dead(Reason.EXPIRED): [
            (200, told(active=False, status="expired")),
        ],
        doubt(Reason.UNKNOWN): [
            (200, told(active=False)),
            (200, told(active=False, status="paused")),
            (200, told(active=False, status="active")),
            (200, told(active=True, status="revoked")),
            (400, oauth("invalid_request", "Invalid token")),
        ],
        APP: [
            (400, oauth("invalid_client_id", 'The passed in client_id is invalid "abc"')),
            (401, oauth("invalid_client", "Client authentication failed")),
            (401, oauth("invalid_request", "Invalid secret")),
            (402, told(active=False, status="revoked")),
            (401, api(401, message="Invalid client secret")),
        ],
        PASSES: [
            (400, oauth("server_error")),
            (503, told(active=False, status="revoked")),
            (404, told(active=False, status="revoked")),
            (200, told(active="false")),
            (200, {}),
            (200, []),
            (200, "<html>"),
            (400, "<html>"),
            (401, {}),
        ],
        LIMITED: [
            (429, ""),
        ],
    },
    "refresh": {
        dead(Reason.UNKNOWN): [
            (400, oauth("invalid_request", BAD_REFRESH)),
            (400, oauth("invalid_grant", BAD_REFRESH)),
            (400, oauth("invalid_grant", "Token has been expired or revoked.")),
            (400, oauth("invalid_grant")),
        ],
        DOUBT: [
            (400, oauth("invalid_request", "Something else")),
            (400, "<html>"),
        ],
        BUG: [
            (400, oauth("invalid_request", 'A required parameter "refresh_token" is missing')),
            (400, oauth("unsupported_grant_type")),
        ],
        APP: [
            (400, oauth("invalid_request", 'A required parameter "client_secret" is missing')),
            (401, oauth("invalid_client", "Client authentication failed")),
            (401, oauth("access_denied", "This application is not allowed to create application tokens")),
            (
                400,
                oauth(
                    "invalid_grant", "The application is blocked; its refresh tokens are expired or revoked"
                ),
            ),
            (402, oauth("invalid_grant")),
        ],
        PASSES: [
            (503, oauth("invalid_request", BAD_REFRESH)),
            (400, oauth("server_error")),
            (200, {}),
            (200, {"access_token": " "}),
            (200, oauth("invalid_request", BAD_REFRESH)),
        ],
        FINE: [
            (200, {"access_token": "AQX"}),
        ],
    },
    "exchange": {
        BUG.by("state"): [
            (400, oauth("invalid_redirect_uri", BAD_CODE)),
            (400, oauth("invalid_request", BAD_CODE)),
            (401, oauth("invalid_request", "Unable to retrieve access token: authorization code not found")),
            (400, oauth("invalid_grant")),
        ],
        BUG.by("bad token request"): [
            (400, oauth("invalid_request", 'A required parameter "code" is missing')),
        ],
        APP.by("client"): [
            (400, oauth("invalid_client_id", "The passed in client_id is invalid")),
            (401, oauth("invalid_client", "Client authentication failed")),
        ],
        PASSES.by("no answer"): [
            (500, ""),
        ],
    },
    "list_accounts": {
        PASSES.by("answer without a list"): [(200, body) for body in NO_LIST],
    },
    # Answers about our app touch no token, whatever the call.
    "api refresh exchange introspect list_accounts": {
        APP: [
            (401, oauth("invalid_client", "Client authentication failed")),
            (401, oauth("x", "Your application has been suspended")),
        ],
    },
}


def _limit(message: str) -> dict[str, Any]:
    return api(429, 101, message=message)


# At 21:00 UTC: a limit by day ends at midnight.
LIMITS = [
    ({}, _limit("Resource level throttle APPLICATION DAY limit is reached."), 3 * 3600),
    ({}, _limit("Resource level throttle MEMBER DAY limit is reached."), 3 * 3600),
    ({}, _limit("Resource level throttle limit for calls to this resource is reached."), None),
    ({}, _limit("Come back on Monday, holidays are over"), None),
    ({"retry-after": "60"}, _limit("DAY limit"), 60),
    ({"retry-after": "99999999"}, _limit(""), 86_400),
    ({"retry-after": "soon"}, _limit(""), None),
]
DEADLY = (
    "65600", "65602", "invalid_access_token", "expired_access_token", "invalid_grant", "revoked", "expired",
)  # fmt: skip
SAME = [
    ("api", 401, api(401, 77, "NEW", "Line 12 is wrong")),
    ("api", 401, api(401, 77, "NEW", "Line 7 is wrong")),
]
OTHER = ("api", 401, api(401, 78, "NEWER", "New trouble"))
SPOKEN = [("api", 401, api(401, 77, "NEW", "access_token=abcdef was refused"))]
