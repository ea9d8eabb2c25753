"""Facebook: codes of the Graph and Marketing API, what debug_token says, the exchange, and the way back from the dialog."""

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
    doubt,
    lost,
)
from tokens.channels.kinds import Reason


def error(code: Any, subcode: Any = None, message: str = "", **more: Any) -> dict[str, Any]:
    """An error of the Graph."""
    found = {"message": message, "type": "OAuthException", "code": code, **more}
    return {"error": found if subcode is None else {**found, "error_subcode": subcode}}


def debug(
    code: int | None = None, subcode: int | None = None, message: str = "", **more: Any
) -> dict[str, Any]:
    """What debug_token says of a token that does not live."""
    inner: dict[str, Any] = {"is_valid": False, "scopes": [], **more}
    if code is not None:
        said = {"code": code, "message": message}
        inner["error"] = said if subcode is None else {**said, "subcode": subcode}
    return {"data": inner}


NO_TOKEN: list[Any] = [{}, None, [], {"access_token": " "}, {"access_token": 5}]
NO_LIST: list[Any] = [{}, [], {"data": {}}, {"moon": 1}]
ANSWERS: Answers = {
    "api": {
        dead(Reason.AUTHORISATION_CANCELLED): [
            (400, error(190, 458)),
            (400, error(190, 458, "The user has not authorized application 258.")),
        ],
        dead(Reason.SECURITY_CHECKPOINT): [
            (400, error(190, 459)),
            (400, error(190, 464)),
            (401, error(190, 490, "The user is enrolled in a blocking, logged-in checkpoint")),
        ],
        dead(Reason.PASSWORD_CHANGED): [
            (400, error(190, 460)),
            (400, error(102, 460)),
            (200, error(190, 460)),  # an error inside HTTP 200
            (400, error("190", "460")),
        ],
        dead(Reason.EXPIRED): [
            (401, error(190, 463)),
        ],
        dead(Reason.SESSION_INVALID): [
            (400, error(190, 467)),
            (400, error(190, 466)),
        ],
        DOUBT: [
            (400, error(190)),
            (400, error(190, 0)),
            (400, error(102)),
            (400, error(100, 33, "Object with ID 'me' does not exist")),
            (400, error(987654)),
            (401, "<html>"),
            (400, error(460)),  # a sub-code where the code stands
            (400, error(10**30)),
            (400, {"error": [error(190, 460)]}),
        ],
        PASSES: [
            (400, error(190, 460, is_transient=True)),
            (400, error(1)),
            (400, error(2)),
            (200, {"error": "server_error"}),
            (0, error(190, 460)),
            (451, {}),
        ],
        doubt(Reason.PASSWORD_CHANGED): [
            (500, error(190, 460)),
        ],
        lost(Reason.ACCESS_LOST): [
            (400, error(190, message="must be granted before impersonating a user's page")),
            (400, error(190, 492)),
            (403, error(10)),
            (403, error(200, message="(#200) Requires business_management")),
            (400, error(299)),
            (400, error(100, 33)),
            (403, error(270)),
        ],
        APP: [
            (400, error(190, 493)),
            (400, error(101)),
            (400, error(3)),
            (400, error(100, message="Invalid appsecret_proof provided")),
            (400, error(200, message="API access blocked.")),
            (400, error(200, message="API access deactivated. To reactivate, go to the app dashboard.")),
            (
                403,
                error(200, message="(#200) Access to this data is temporarily disabled for non-active apps"),
            ),
            (400, error(190, message="Error validating application. Application has been deleted.")),
            (400, error(190, 460, "The application is suspended")),  # words about the app win
            (
                403,
                error(
                    270,
                    message="(#270) This Ads API request is not allowed for apps with development access level",
                ),
            ),
            (400, error(2635, message="(#2635) You are calling a deprecated version of the Ads API.")),
            (401, {"error": "invalid_client"}),
            (402, error(190, 460)),
        ],
        lost(Reason.SCOPE_MISSING): [
            (403, error(200, message="owner has NOT grant ads_management")),
            (400, error(294)),
            (400, error(100, message="Missing permissions")),
        ],
        RESTRICTED: [
            (400, error(100, error_user_title="Ad account is disabled")),
        ],
        BUG: [
            (400, error(100, message="Param status must be one of")),
            (400, error(2500)),
            (400, error(12, message="(#12) bio field is deprecated")),
        ],
        lost(Reason.ADVERTISING_REFUSED): [
            (400, error(368)),
        ],
        lost(Reason.VERIFICATION_REQUIRED): [
            (400, error(31, 3858385)),
            (200, error(31, 3858385)),
            (400, error(31)),
        ],
        lost(Reason.TWO_FACTOR_REQUIRED): [
            (400, error(415)),
        ],
        LIMITED: [
            (400, error(4)),
            (400, error(17, 2446079)),
            (400, error(613)),
            (400, error(80004, 2446079)),
            (403, error(17)),
        ],
        FINE: [
            (200, {"data": []}),
            (201, {"id": "1"}),
            (204, None),
            (200, ""),
        ],
        doubt(Reason.SESSION_INVALID): [
            (400, error(190, 999)),  # in no list: never dead by itself
            (500, error(190, 999)),
        ],
    },
    "introspect": {
        FINE: [
            (200, {"data": {"is_valid": True}}),
        ],
        dead(Reason.AUTHORISATION_CANCELLED): [
            (200, debug(190, 458)),
        ],
        dead(Reason.SECURITY_CHECKPOINT): [
            (200, debug(190, 459)),
            (200, debug(190, 464)),
        ],
        dead(Reason.PASSWORD_CHANGED): [
            (200, debug(190, 460)),
            (200, {"data": {"is_valid": False, "error": {"code": 190, "error_subcode": 460}}}),
        ],
        dead(Reason.EXPIRED): [
            (200, debug(190, 463)),
        ],
        dead(Reason.SESSION_INVALID): [
            (200, debug(190, 467)),
            (200, debug(190, 999)),
        ],
        dead(Reason.UNKNOWN): [
            (200, debug(190)),
        ],
        doubt(Reason.UNKNOWN): [
            (200, debug()),
            (400, error(100, message="App_id did not match the Viewing App")),
        ],
        PASSES: [
            (200, debug(190, message="Cannot get application info due to a system error.")),
            (503, debug(190, 460)),
            (400, "<html>"),
            (401, {}),
            (200, {}),
            (200, {"data": {"is_valid": "false"}}),
            (200, []),
        ],
        APP: [
            (200, debug(190, 493)),
            (400, error(190, message="Invalid OAuth access token signature.")),
            (400, error(190, 460)),  # said of our app's own token
            (400, error(101)),
            (200, debug(190, message="Error validating application. Application has been deleted.")),
            (400, error(100, message="(#100) You must provide an app access token, or a user access token")),
            (400, error(1, message="Error validating client secret.")),
            (402, {}),
        ],
        LIMITED: [
            (400, error(4)),
        ],
    },
    "exchange": {
        BUG.by("state"): [
            (400, error(100, 36007, "expired")),
            (400, error(100, 36009, "used")),
        ],
        APP.by("redirect address"): [
            (400, error(100, 36008, "redirect_uri")),
            (400, error(191, message="The specified URL is not owned by the application")),
        ],
        BUG.by("bad request"): [(400, error(100, message="Invalid verification code format."))],
        APP.by("client secret"): [(400, error(1, message="Error validating client secret."))],
        APP.by("client secret missing"): [(400, error(1, message="Missing client_secret parameter."))],
        PASSES.by("passing by its code"): [(400, error(1, message="An unknown error occurred"))],
        dead(Reason.EXPIRED).by("expired"): [
            (400, error(190, 463, "Session has expired"))
        ],  # of a living token
    },
    # Good by its status, and yet without what was asked for.
    "exchange refresh": {
        PASSES.by("answer without a token"): [(200, body) for body in NO_TOKEN],
    },
    "list_accounts": {
        PASSES.by("answer without a list"): [(200, body) for body in NO_LIST],
    },
}

# Headers and body of a limit, and the seconds that it lasts.
LIMITS = [
    ({"x-business-use-case-usage": '{"1": [{"estimated_time_to_regain_access": 7}]}'}, error(80004), 420),
    ({"x-ad-account-usage": '{"reset_time_duration": 100}'}, error(80004), 100),
    ({"x-ad-account-usage": '{"reset_time_duration": 99999999}'}, error(80004), 86_400),
    (
        {"x-business-use-case-usage": '{"1": [null, {"estimated_time_to_regain_access": "x"}], "2": 3}'},
        error(80004),
        None,
    ),
    ({"x-business-use-case-usage": "[[[[", "x-ad-account-usage": "null"}, error(80004), None),
    ({}, error(80004), None),
]
# Without one of these in it, no answer is the end of a token.
DEADLY = ("190", "102")
SAME = [
    ("api", 400, error(190, 999, "Since 12:00")),
    ("api", 400, error(190, 999, "Since 13:59")),
]  # a new cause, twice
OTHER = ("api", 400, error(987654))
SPOKEN = [
    ("api", 400, error(190, message="Malformed access token EAABsbCS1iHgBAKXZBwh and access_token=abcdef")),
]
