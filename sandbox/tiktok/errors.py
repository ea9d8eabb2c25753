"""TikTok's errors: HTTP 200 always, the number in the body. Codes: TikTok's SDK; texts marked (unverified) have no source."""

from typing import Any

from starlette.responses import JSONResponse

from sandbox.store import random_text


class BusinessError(Exception):
    """An error answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def envelope(code: int, message: str, data: Any) -> JSONResponse:
    """The body that all answers have."""
    return JSONResponse({"code": code, "message": message, "request_id": request_id(), "data": data})


def request_id() -> str:
    """An id of a request, which begins with the day as real ones do."""
    return "20261125" + random_text(24).upper()


def bad_parameter(text: str) -> BusinessError:
    """A parameter that is missing or wrong (text unverified)."""
    return BusinessError(40002, text)


def no_token() -> BusinessError:
    """No Access-Token header (text unverified)."""
    return BusinessError(40104, "Access token is empty, please specify it in the Header: Access-Token.")


def dead_token() -> BusinessError:
    """Never issued, revoked, or sent with "Bearer" before it."""
    return BusinessError(40105, "Access token is incorrect or has been revoked.")


def expired_token() -> BusinessError:
    """Its date has passed (text unverified)."""
    return BusinessError(40102, "Access token has expired.")


def bad_refresh() -> BusinessError:
    """A refresh token that is unknown, or whose consent has ended (text unverified)."""
    return BusinessError(40107, "Refresh token is invalid.")


def gone_user() -> BusinessError:
    """The person's TikTok for Business account is suspended or closed (cause and text unverified)."""
    return BusinessError(40106, "Invalid core user.")


def login_wanted() -> BusinessError:
    """The person must log in first (cause and text unverified)."""
    return BusinessError(40309, "Please log in.")


def forbidden_app() -> BusinessError:
    """The app is switched off (text unverified)."""
    return BusinessError(40113, "The developer app is forbidden.")


def wrong_secret() -> BusinessError:
    """App id and secret do not belong together."""
    return BusinessError(40101, "Invalid App ID or secret")


def other_app() -> BusinessError:
    """The token was given to another app."""
    text = "The app_id is inconsistent with the token's app information. Please retry after correcting it."
    return BusinessError(40000, text)


def bad_code() -> BusinessError:
    """A code that was used, is too old, or was never given (text unverified)."""
    return BusinessError(40110, "Auth_code is invalid, expired or has been used.")


def unknown_advertiser(native_id: str) -> BusinessError:
    """An ad account that is not there, or not for this person."""
    return BusinessError(40001, f"The advertiser {native_id} doesn't exist or has been deleted.")


def not_granted(path: str, method: str) -> BusinessError:
    """The advertiser did not grant this to the app."""
    return BusinessError(40001, f"advertiser does not grant you /{path}/:{method} permission")


def unknown_path() -> BusinessError:
    """No such endpoint (that it comes with HTTP 200 is unverified)."""
    return BusinessError(40400, "Route not found.")


def wrong_version() -> BusinessError:
    """Another version than v1.3 (text unverified)."""
    return BusinessError(40006, "This API version is not supported.")
