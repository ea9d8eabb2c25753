"""Pinterest's errors as they are answered: a code, a message, and sometimes `status`. Rows marked (unverified) have no source."""

from typing import Any

from starlette.responses import JSONResponse


class PinterestError(Exception):
    """An error answer."""

    def __init__(self, status: int, code: int, message: str, /, **more: Any) -> None:
        super().__init__(message)
        self.status, self.body = status, {"code": code, "message": message, **more}

    def response(self) -> JSONResponse:
        """The HTTP answer."""
        return JSONResponse(self.body, status_code=self.status)


def authentication_failed() -> PinterestError:
    """An access token that does not work, whatever the cause, or an app that is not who it says it is."""
    return PinterestError(401, 2, "Authentication failed.", status="failure")


def grant_invalid() -> PinterestError:
    """A refresh token that does not work, whatever the cause; also a code."""
    return PinterestError(401, 283, "The authorization grant is invalid")


def app_unknown() -> PinterestError:
    """An app that was deactivated: the shape of the older API, for the newest (unverified)."""
    more: dict[str, Any] = {
        "status": "failure",
        "data": "Invalid Application ID",
        "endpoint_name": "oauth_connect",
    }
    return PinterestError(401, 283, "The authorization grant is invalid", **more)


def scope_missing() -> PinterestError:
    """A call for which the token has no scope."""
    text = (
        "Your token does not have sufficient permissions to perform this operation. Please ensure your token is authorized with the "
        "correct set of scopes."
    )
    return PinterestError(401, 3, text)


def not_permitted() -> PinterestError:
    """An ad account on which the person has no role, or not this one."""
    return PinterestError(403, 29, "You are not permitted to access that resource.")


def account_not_found() -> PinterestError:
    """No ad account has this id."""
    return PinterestError(404, 2, "AdAccount not found.")


def account_refused(code: int) -> PinterestError:
    """An account that was disapproved (2625), or is being reviewed (2626). Documented of catalogs, of ad accounts (unverified)."""
    texts = {
        2625: "Sorry, you cannot perform this action as your account has been disapproved. Please see business hub for more details. ",
        2626: "We are reviewing your account. Please see business hub for more details. ",
    }
    return PinterestError(403, code, texts[code] + "https://www.pinterest.com/business/hub/")


def bad_request(text: str, code: int = 1) -> PinterestError:
    """A parameter that is missing or wrong."""
    return PinterestError(400, code, text)


def no_address() -> PinterestError:
    """An address that does not exist (unverified)."""
    return PinterestError(404, 11, "API method not found.")
