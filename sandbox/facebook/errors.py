"""Graph API errors as they are answered. Rows marked (unverified) have no source for their exact text."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import JSONResponse

from sandbox.store import random_text
from sandbox.world import FacebookToken

PACIFIC = ZoneInfo("America/Los_Angeles")


class GraphError(Exception):
    """An error answer: the fields of its `error` object and the HTTP status."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        subcode: int | None = None,
        status: int = 400,
        kind: str = "OAuthException",
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.subcode = code, message, subcode
        self.status, self.kind, self.more = status, kind, more

    def response(self) -> JSONResponse:
        """The HTTP answer; a dead token also gets the WWW-Authenticate header that Facebook sends."""
        error: dict[str, Any] = {"message": self.message, "type": self.kind, "code": self.code}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        error |= self.more
        error["fbtrace_id"] = "A" + random_text(22)
        headers = {}
        if self.code == 190:
            headers["WWW-Authenticate"] = f'OAuth "Facebook Platform" "invalid_token" "{self.message}"'
        return JSONResponse({"error": error}, status_code=self.status, headers=headers)


def when(moment: int) -> str:
    """A time as Facebook writes it in messages: Friday, 25-Sep-26 08:36:39 PDT."""
    return datetime.fromtimestamp(moment, PACIFIC).strftime("%A, %d-%b-%y %H:%M:%S %Z")


_INVALID = "Error validating access token: "
_DEAD = {
    459: "You cannot access the app till you log in to www.facebook.com and follow the instructions given.",
    460: "The session has been invalidated because the user changed their password or Facebook has changed the "
    "session for security reasons.",
    464: "Sessions for the user are not allowed because the user is not a confirmed user.",
    466: "The session has been invalidated by an API call.",  # (unverified)
    467: "The session is invalid because the user logged out.",
}


def dead(subcode: int, token: FacebookToken, now: int) -> GraphError:
    """The 190 row of a token that ended for the reason `subcode`."""
    if subcode == 458:
        text = f"The user has not authorized application {token.client_id}."
    elif subcode == 463:
        text = f"Session has expired on {when(token.expires_at)}. The current time is {when(now)}."
    elif subcode == 493:
        text = "The application is inactive."  # (unverified)
    else:
        text = _DEAD[subcode]
    return GraphError(190, _INVALID + text, subcode=subcode)


def unreadable() -> GraphError:
    """A string that is not one of our tokens."""
    return GraphError(190, "Invalid OAuth access token - Cannot parse access token")


def no_token() -> GraphError:
    """A call without a token."""
    text = "An active access token must be used to query information about the current user."
    return GraphError(2500, text)


def unknown_object(name: str) -> GraphError:
    """An object that does not exist, or that this token may not see: Facebook does not tell which."""
    return unsupported("get", name)


def not_granted() -> GraphError:
    """The user did not grant an ads permission for this ad account (code and text unverified)."""
    text = "(#200) Ad account owner has NOT grant ads_management or ads_read permission"
    return GraphError(200, text, status=403)


def unsupported(method: str, name: str) -> GraphError:
    """A method that the object does not take; of an object that does not exist Facebook says the same."""
    text = (
        f"Unsupported {method} request. Object with ID '{name}' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation. Please read the Graph API documentation at "
        "https://developers.facebook.com/docs/graph-api"
    )
    return GraphError(100, text, subcode=33, kind="GraphMethodException")


def version_retired(newest: str) -> GraphError:
    """A version that the Marketing API no longer serves."""
    text = f"(#2635) You are calling a deprecated version of the Ads API. Please update to the latest version: {newest}."
    return GraphError(2635, text)


def unknown_path(path: str) -> GraphError:
    """An address that does not exist; that a version of the future is answered so is unverified."""
    return GraphError(2500, f"Unknown path components: {path}")


def role_too_small() -> GraphError:
    """The user may not write on this ad account (text unverified)."""
    return GraphError(200, "(#200) Permissions error", status=403)


def cannot_manage() -> GraphError:
    """ads_management was not granted."""
    text = "(#294) Managing advertisements requires an access token with the extended permission for ads_management"
    return GraphError(294, text)


def data_access_expired() -> GraphError:
    """The user's 90 days are over: a permission error, not 190 (code and text unverified)."""
    text = "(#10) Application does not have permission for this action: data access has expired"
    return GraphError(10, text, status=403)


def account_blocked() -> GraphError:
    """A write on an ad account that is disabled or closed (row unverified)."""
    return GraphError(
        100,
        "Invalid parameter",
        is_transient=False,
        error_user_title="Ad account is disabled",
        error_user_msg="This ad account cannot be used to create or edit ads.",
    )


def bad_parameter(text: str) -> GraphError:
    """A parameter that is missing or wrong."""
    return GraphError(100, f"(#100) {text}")
