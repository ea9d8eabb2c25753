"""Pinterest: rows of its fact sheet. Only code 283 ends a refresh token."""

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

INVALID, FAILED = "The authorization grant is invalid", "Authentication failed."
NOT_PERMITTED = "You are not permitted to access that resource."
NO_SCOPE = (
    "Your token does not have sufficient permissions to perform this operation. "
    "Please ensure your token is authorized with the correct set of scopes."
)
DISAPPROVED = "Sorry, you cannot perform this action as your account has been disapproved. Please see business hub for more details."
REVIEWED = "We are reviewing your account. Please see business hub for more details."
NO_TRIAL = "Your application consumer type is not supported, please contact support."
TOO_MANY = "This request exceeded a rate limit."
SPAM = "Our servers think this is spam."


def error(code: Any, message: str = "", **more: Any) -> dict[str, Any]:
    """An error of the API."""
    return {"code": code, "message": message, **more}


def _refused(why: dict[str, Any]) -> dict[str, Any]:
    """A bulk answer of which every item was refused."""
    return {"items": [{"data": None, "exceptions": [why]}, {"data": None, "exceptions": [why]}]}


ANSWERS: Answers = {
    "api introspect": {
        DOUBT: [
            (401, error(2, FAILED)),
            (401, error(2, FAILED, status="failure")),
            (401, error("2", "Authentication failed.")),
            (401, {"message": "Unauthorized"}),
            (401, error(283, INVALID)),  # known of refresh tokens only
        ],
        lost(Reason.SCOPE_MISSING): [
            (401, error(3, NO_SCOPE)),
        ],
        lost(Reason.ACCESS_LOST): [
            (401, error(29, NOT_PERMITTED)),
            (403, error(29, NOT_PERMITTED)),
            (401, error(7, "Not authorized to access board or Pin.")),
            (403, error(403, "Not authorized to access the user account.")),
        ],
        RESTRICTED: [
            (403, error(2625, DISAPPROVED)),
            (403, error(2626, REVIEWED)),
        ],
        LIMITED: [
            (429, error(8, TOO_MANY)),
            (429, error(30, TOO_MANY)),
            (429, error(8, SPAM)),
            (403, "<html>You are being rate limited</html>"),
            (403, error(8, TOO_MANY)),
        ],
        PASSES: [
            (500, error(500, "Could not create.")),
            (501, error(4181, "Not implemented at the moment. Please, see documentation")),
            (503, error(4197, "The endpoint has been ramped down.")),
            (200, error(2, FAILED)),
            (200, {"status": "failure"}),
        ],
        APP: [
            (401, error(283, INVALID, data="Invalid Application ID")),
            (401, error(3, "Your application does not have access to this restricted feature: pin_search")),
            (401, error(3, NO_TRIAL)),
            (400, error(3, NO_TRIAL)),
            (403, error(29, "Apps with Trial access may not create Pins in production")),
            (403, error(29, "Your app has been suspended.")),
            (401, error(2, "This application is blocked.")),
            (402, error(2, FAILED)),
        ],
        BUG: [
            (400, error(1104, "The token you provided is not valid or has expired.")),  # of a report
            (400, error(1, "Parameter 'page_size' was not numeric (was 3e)")),
            (400, error(400, "Invalid ad account id")),
            (400, error(4196, "The request was invalid.")),
            (405, error(5, "Method not allowed")),
            (422, error(4170, "The feed name already exists.")),
            (404, error(11, "API method not found.")),
        ],
    },
    "api": {
        lost(Reason.ACCESS_LOST): [
            (200, _refused(error(29, NOT_PERMITTED))),
            (404, error(2, "AdAccount not found.")),
            (404, error(404, "AdAccount not found.")),
            (404, error(50, "Advertiser not found.")),
            (404, error(404, "Ad account not found.")),
            (404, error(2)),
        ],
        BUG: [
            (200, _refused(error(2, "Advertiser not found."))),
            (404, error(30, "User not found.")),
            (404, error(50, "Pin not found.")),
            (404, error(4161, "Sorry! We could not find your catalogs feed.")),
        ],
        DOUBT: [
            (404, "<html>"),
            (401, "<html>"),
            (404, {"message": "Not Found"}),
            (403, {"message": "Forbidden", "status": 403}),
            (401, error([2], "x")),
            (401, error(10**40)),
            (403, error(654, "You must have a business account.")),
            (401, error(987654)),
            (400, error(987654)),
        ],
        RESTRICTED: [
            (200, _refused(error(2625, DISAPPROVED))),
            (403, error(29, "This ad account is suspended.")),
            (400, error(2625, DISAPPROVED)),
        ],
        FINE: [
            (200, {"items": [], "bookmark": None}),
            (200, [{"AD_ACCOUNT_ID": "1"}]),
            (201, {"id": "1"}),
            (204, None),
            (200, ""),
            (200, {"items": [{"data": {"id": "1"}, "exceptions": []}]}),
            (
                200,
                {
                    "items": [
                        {"data": None, "exceptions": [error(1)]},
                        {"data": {"id": "1"}, "exceptions": []},
                    ]
                },
            ),
        ],
    },
    "introspect": {
        FINE: [
            (200, {"id": "1", "username": "a"}),
        ],
        PASSES: [
            (401, "<html>"),
            (404, error(2, "AdAccount not found.")),
        ],
    },
    "list_accounts": {
        FINE: [
            (200, {"items": [], "bookmark": None}),
        ],
        PASSES: [
            (200, {"data": []}),
        ],
    },
    "exchange": {
        FINE: [
            (200, {"access_token": "pina_a", "expires_in": 1}),
        ],
        PASSES: [
            (200, {"id": "1"}),
        ],
        BUG.by("state"): [
            (401, error(283, INVALID)),
            (400, error(283, INVALID)),
            (401, error(2, FAILED)),
            (400, {"error": "invalid_grant"}),
        ],
        APP.by("client"): [
            (401, {"error": "invalid_client"}),
        ],
        BUG.by("bad request"): [
            (400, error(1, "Invalid request")),
        ],
    },
    "refresh": {
        FINE: [
            (200, {"access_token": "pina_a", "expires_in": 1}),
        ],
        PASSES: [
            (200, []),
            (200, None),
            (200, error(283, INVALID)),
            (500, error(283, INVALID)),
        ],
        dead(Reason.AUTHORISATION_CANCELLED): [
            (401, error(283, INVALID)),  # pinterest-python-sdk 114
            (400, error(283, INVALID)),
            (401, error(283, INVALID, status="failure")),
            (401, error("283", INVALID)),
            (401, error(283, "The user revoked your application.")),
        ],
        APP: [
            (401, error(283, INVALID, data="Invalid Application ID")),
            (200, error(283, INVALID, data="Invalid Application ID")),
            (401, error(3, NO_TRIAL)),
            (401, error(2, FAILED)),
            (401, {"error": "invalid_client"}),
            (400, {"error": "unauthorized_client"}),
            (400, error(283, "Your app has been blocked.")),
            (402, error(283, INVALID)),
        ],
        DOUBT: [
            (401, error([283], INVALID)),
            (401, {"code": True, "message": "The authorization grant is invalid"}),
            (400, {"error": "invalid_grant"}),
            (403, error(283, INVALID)),
            (403, error(29, NOT_PERMITTED)),
            (404, error(283, INVALID)),
            (401, "<html>"),
            (401, {"message": "The authorization grant is invalid"}),
        ],
        LIMITED: [
            (429, error(283, INVALID)),
        ],
        BUG: [
            (400, error(1, "Invalid request")),
        ],
    },
}
LIMITS = [
    ({"retry-after": "7"}, error(8, TOO_MANY), 7),
    ({"x-ratelimit-reset": "42"}, error(8, TOO_MANY), 42),
    ({"x-ratelimit-reset": "0"}, error(8, TOO_MANY), 1),
    ({"x-ratelimit-reset": "99999999"}, error(8, TOO_MANY), 86_400),
    ({"x-ratelimit-reset": "{now+120}"}, error(8, TOO_MANY), 121),
    ({"x-ratelimit-reset": "soon", "x-ratelimit-limit": "100, 100;w=1"}, error(8, TOO_MANY), None),
    ({}, error(8, TOO_MANY), None),
]
DEADLY = ("283",)
SAME = [
    ("api", 403, error(654, "Pin 12345 has a problem.")),
    ("api", 403, error(654, "Pin 99 has a problem.")),
]
OTHER = ("api", 403, error(655, "Pin 99 has a problem."))
SPOKEN = [("api", 403, error(2625, f"{DISAPPROVED} access_token=pina_abcdefghijklmnop"))]
