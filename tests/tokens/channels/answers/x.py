"""X: the older API, the Ads API and problems by address, as the fact sheet has them."""

from typing import Any

from tests.tokens.channels.answers import APP, BUG, DOUBT, FINE, LIMITED, PASSES, Answers, dead, doubt, lost
from tokens.channels.kinds import Reason

XML = """<?xml version='1.0' encoding='UTF-8'?><errors><error code="{}">Not approved</error></errors>"""


def v1(code: int, message: str = "") -> dict[str, Any]:
    """An error of the older API."""
    return {"errors": [{"code": code, "message": message}]}


def ads(code: str) -> dict[str, Any]:
    """An error of the Ads API."""
    return {"errors": [{"code": code, "message": "…"}], "request": {"params": {}}}


def problem(kind: str, status: int) -> dict[str, Any]:
    """An error of the newer API."""
    address = f"https://api.twitter.com/2/problems/{kind}"
    return {"title": "No", "type": address, "status": status, "detail": "No"}


ANSWERS: Answers = {
    "api": {
        FINE: [
            (200, {"data": {}}),
            (201, {"data": {"id": "c1"}}),
            (200, {"data": {}, "errors": []}),
            (204, ""),
        ],
        PASSES: [
            (200, {"data": [], "errors": [{"code": "INVALID"}]}),
            (200, {"errors": "nonsense"}),
            (503, ads("SERVICE_UNAVAILABLE")),
            (408, ads("CANCELLED_REQUEST")),
            (423, ads("LOCK_ACQUISITION_TIMEOUT")),
            (403, v1(131)),
        ],
        dead(Reason.AUTHORISATION_CANCELLED): [
            (401, v1(89)),
        ],
        dead(Reason.SUSPENDED): [
            (403, ads("CURRENT_USER_SUSPENDED")),
            (403, v1(64)),
        ],
        doubt(Reason.SECURITY_CHECKPOINT): [
            (403, ads("ACCOUNT_LOCKED_OUT")),
        ],
        DOUBT: [
            (401, ads("UNAUTHORIZED_ACCESS")),
            (401, {"error": "Invalid or expired token."}),
            (401, {"errors": [{"code": [89]}]}),
            (401, {"data": {"errors": [{"code": 89}]}}),
            (404, v1(34)),
            (404, v1(50)),
            (403, v1(63)),
            (403, v1(99)),
            (403, ads("ACTION_NOT_ALLOWED")),
            (401, v1(32)),
            (401, "<html>Unauthorized</html>"),
            (403, problem("something-new", 403)),
        ],
        BUG: [
            (404, ads("CAMPAIGN_NOT_FOUND")),
            (405, ads("METHOD_NOT_ALLOWED")),
            (403, ads("TWEET_IS_SPAM")),
            (400, ads("INVALID_PARAMETER")),
            (400, ads("MISSING_PARAMETER")),
            (404, ads("ROUTE_NOT_FOUND")),
            (403, problem("unsupported-authentication", 403)),
        ],
        lost(Reason.ACCESS_LOST): [
            (403, ads("ACCOUNT_NOT_FOUND")),
            (403, ads("USER_NOT_FOUND")),
        ],
        lost(Reason.SCOPE_MISSING): [
            (403, v1(220)),
        ],
        lost(Reason.PUBLISHING_LOST): [
            (403, ads("INSUFFICIENT_USER_AUTHORIZED_PERMISSION")),
        ],
        APP: [
            (403, ads("UNAUTHORIZED_CLIENT_APPLICATION")),
            (403, ads("READONLY_CLIENT_APPLICATION")),
            (403, v1(261)),
            (403, problem("client-forbidden", 403)),
            (402, v1(89)),
            (402, problem("credits", 402)),
            (403, problem("credits", 403)),
            (403, v1(87, "Client is not permitted to perform this action.")),
            (403, problem("oauth1-permissions", 403)),
            (403, v1(99999, "This developer account is blocked")),
        ],
        LIMITED: [
            (403, {"errors": [*v1(64)["errors"], *v1(88)["errors"]]}),
            (420, ""),
            (429, problem("usage-capped", 429)),
            (403, problem("usage-capped", 403)),
            (429, ""),
            (200, v1(88)),
        ],
    },
    "exchange": {
        FINE: [
            (200, "oauth_token=a&oauth_token_secret=b"),
            (200, {"access_token": "a", "refresh_token": "b"}),
        ],
        PASSES: [
            (200, {}),
        ],
        APP: [
            (401, v1(32)),
            (403, v1(415)),
            (403, XML.format(415)),
            (401, "Invalid / suspended application"),
            (401, "Failed to validate oauth signature and token"),
        ],
        BUG: [
            (401, "Error processing your OAuth request: Invalid oauth_verifier parameter"),
            (401, v1(89)),
            (401, "Invalid request token."),
        ],
    },
    "introspect": {
        FINE: [
            (200, {"id": 1, "id_str": "1"}),
            (200, {"data": {"id": "1"}}),
        ],
        PASSES: [
            (200, "<html>Something went wrong</html>"),
            (403, v1(99)),
            (403, XML.format(89)),
            (0, "no answer in time"),
            (500, v1(89)),
            (401, "<html>Unauthorized</html>"),
            (403, v1(99999)),
        ],
        dead(Reason.AUTHORISATION_CANCELLED): [
            (401, v1(89)),
            (403, v1(89)),
        ],
        dead(Reason.SUSPENDED): [
            (403, v1(64)),
        ],
        dead(Reason.SECURITY_CHECKPOINT): [
            (403, v1(326)),
        ],
        dead(Reason.UNKNOWN): [
            (404, v1(50)),
        ],
        doubt(Reason.UNKNOWN): [
            (404, v1(34)),
        ],
        APP: [
            (401, v1(416)),
            (403, v1(453, "You currently have access to a subset of X API V2 endpoints")),
            (401, {"errors": [*v1(89)["errors"], *v1(416)["errors"]]}),
            (401, v1(89, "Your application has been suspended.")),
        ],
        BUG: [
            (401, v1(32)),
            (400, v1(215)),
            (401, v1(135)),
        ],
        LIMITED: [
            (429, v1(89)),
        ],
    },
    "list_accounts": {
        FINE: [
            (200, {"data": [], "next_cursor": None}),
        ],
        PASSES: [
            (200, {"data": {}}),
        ],
        dead(Reason.AUTHORISATION_CANCELLED): [
            (400, v1(89)),
        ],
        dead(Reason.SUSPENDED): [
            (403, ads("CURRENT_USER_SUSPENDED")),
        ],
        LIMITED: [
            (429, ads("TOO_MANY_REQUESTS")),
        ],
    },
}
_TOO_MANY = ads("TOO_MANY_REQUESTS")
LIMITS = [
    ({"retry-after": "30"}, _TOO_MANY, 30),
    ({"x-rate-limit-reset": "{now+600}"}, _TOO_MANY, 601),
    ({"x-rate-limit-reset": "{now-600}"}, _TOO_MANY, 1),
    ({"x-rate-limit-reset": "9" * 14}, _TOO_MANY, 86_400),
    ({"x-rate-limit-reset": "soon"}, _TOO_MANY, None),
    (
        {
            "x-rate-limit-reset": "{now+600}",
            "x-account-rate-limit-remaining": "0",
            "x-account-rate-limit-reset": "{now+60}",
        },
        _TOO_MANY,
        61,
    ),
    ({}, _TOO_MANY, None),
]
DEADLY = (
    "89", "64", "326", "50", "current_user_suspended",
)  # fmt: skip
SAME = [("api", 403, v1(99999, "Line 12 is wrong")), ("api", 403, v1(99999, "Line 7 is wrong"))]
OTHER = ("api", 403, problem("something-new", 403))
SPOKEN = [("api", 403, v1(99999, "access_token=abcdef was refused"))]
