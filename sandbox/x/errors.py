"""Errors of X in its three dialects: v1.1 and OAuth (numbers), Ads (names), v2 (problem objects)."""

from typing import Any

from starlette.responses import JSONResponse


class XError(Exception):
    """What went wrong, by its v1.1 number; each dialect words it its own way."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class AdsError(Exception):
    """An error that only the Ads API has."""

    def __init__(self, status: int, code: str, message: str, **more: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.more = status, code, message, more


def not_authenticated() -> XError:
    """Wrong signature, unknown app or a nonce that was used: 32."""
    return XError(401, 32, "Could not authenticate you.")


def bad_header() -> XError:
    """No OAuth 1.0a header, or one that cannot be read: 215."""
    return XError(400, 215, "Bad Authentication data.")


def bad_clock() -> XError:
    """Timestamp outside the window: 135."""
    return XError(401, 135, "Timestamp out of bounds.")


def dead_token() -> XError:
    """Revoked, invalidated or never issued: 89."""
    return XError(401, 89, "Invalid or expired token.")


def suspended_app() -> XError:
    """The app is invalid or suspended: 416."""
    return XError(401, 416, "Invalid / suspended application")


def suspended_user() -> XError:
    """The owner of the token is suspended: 64."""
    return XError(403, 64, "Your account is suspended and is not permitted to access this feature.")


def locked_user() -> XError:
    """The owner must log in to unlock the account: 326."""
    text = "To protect our users from spam and other malicious activity, this account is temporarily locked. "
    return XError(403, 326, text + "Please log in to https://x.com to unlock your account.")


def gone_user() -> XError:
    """The owner closed the account, or the page does not exist: 34."""
    return XError(404, 34, "Sorry, that page does not exist.")


def callback_refused() -> XError:
    """The callback is not registered (number and text unverified)."""
    text = "Callback URL not approved for this client application. Approved callback URLs can be adjusted in your "
    return XError(403, 415, text + "application settings")


def v1(error: XError) -> JSONResponse:
    """The v1.1 body."""
    return JSONResponse({"errors": [{"code": error.code, "message": error.message}]}, error.status)


def v2(error: XError) -> JSONResponse:
    """The v2 body. It tells less: 401 or 403."""
    status = 403 if error.status == 403 else 401
    title = "Forbidden" if status == 403 else "Unauthorized"
    return JSONResponse({"title": title, "type": "about:blank", "status": status, "detail": title}, status)


_ADS_USER_ERRORS = {64: "CURRENT_USER_SUSPENDED", 326: "ACCOUNT_LOCKED_OUT"}


def as_ads(error: XError) -> AdsError:
    """The Ads API tells suspension and lock apart; everything else is one 401, signature and dead token alike."""
    if error.code in _ADS_USER_ERRORS:
        return AdsError(403, _ADS_USER_ERRORS[error.code], error.message)
    return AdsError(401, "UNAUTHORIZED_ACCESS", "This request is not properly authenticated")


def ads(error: AdsError, params: dict[str, Any]) -> JSONResponse:
    """The Ads body."""
    row = {"code": error.code, "message": error.message, **error.more}
    return JSONResponse({"errors": [row], "request": {"params": params}}, error.status)
