"""LinkedIn's error answers: one form for OAuth, one for the API. What no source proves is marked (unverified)."""

import secrets
from typing import Any

from starlette.responses import JSONResponse, Response

BAD_CODE = (
    "Unable to retrieve access token: appid/redirect uri/code verifier does not match authorization code. "
    "Or authorization code expired. Or external member binding exists"
)
BAD_REFRESH = "The provided authorization grant or refresh token is invalid, expired or revoked"


class OauthError(Exception):
    """An answer of /oauth/v2: `error` and `error_description`."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status, self.error, self.description = status, error, description

    def response(self) -> Response:
        """The HTTP answer."""
        body = {"error": self.error, "error_description": self.description}
        return JSONResponse(body, status_code=self.status)


class ApiError(Exception):
    """An answer of the API: `status`, `message`, and mostly `serviceErrorCode` and `code`."""

    def __init__(self, status: int, message: str, *, number: int | None = None, code: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.number, self.code = status, message, number, code

    def response(self) -> Response:
        """The HTTP answer."""
        body: dict[str, Any] = {"status": self.status}
        if self.number is not None:
            body["serviceErrorCode"] = self.number
        if self.code:
            body["code"] = self.code
        body["message"] = self.message
        return JSONResponse(body, status_code=self.status)


def missing(parameter: str) -> OauthError:
    """A parameter that the token endpoint needs."""
    return OauthError(400, "invalid_request", f'A required parameter "{parameter}" is missing')


def wrong_client(client_id: str) -> OauthError:
    """An app that LinkedIn does not know."""
    return OauthError(400, "invalid_client_id", f'The passed in client_id is invalid "{client_id}"')


def wrong_secret() -> OauthError:
    """A secret that is not the app's (name of the error unverified)."""
    return OauthError(401, "invalid_client", "Client authentication failed")


def suspended() -> OauthError:
    """An app that LinkedIn has stopped (unverified)."""
    return OauthError(401, "unauthorized_client", "This application is suspended")


def token_refused(standing: str) -> ApiError:
    """The 401 of a token that does not work: unknown, expired, revoked, or too new, which is told as revoked."""
    if standing == "expired":
        text = "The token used in the request has expired"
        return ApiError(401, text, number=65602, code="EXPIRED_ACCESS_TOKEN")
    if standing == "unknown":
        return ApiError(401, "Invalid access token", number=65600, code="INVALID_ACCESS_TOKEN")
    text = "The token used in the request has been revoked by the user"
    return ApiError(401, text, number=65601, code="REVOKED_ACCESS_TOKEN")


def no_token() -> ApiError:
    """A call without a token."""
    return ApiError(401, "Empty oauth2_access_token", number=401)


def wrong_scheme() -> ApiError:
    """A token that does not come as Bearer (number unverified)."""
    return ApiError(401, "Unknown authentication scheme", number=401)


def denied(what: str) -> ApiError:
    """A scope or a role that is missing: LinkedIn does not say which."""
    return ApiError(403, f"Not enough permissions to access: {what}", number=100, code="ACCESS_DENIED")


def no_version() -> ApiError:
    """A versioned call without LinkedIn-Version."""
    text = "A version must be present. Please specify a version by adding the Linkedin-Version header."
    return ApiError(400, text, code="VERSION_MISSING")


def inactive_version(version: str) -> ApiError:
    """A version that was sunset, or never was."""
    full = f"{version}01" if len(version) == 6 else version
    return ApiError(426, f"Requested version {full} is not active", code="NONEXISTENT_VERSION")


def bad_request(text: str) -> ApiError:
    """A call that LinkedIn cannot read (code unverified)."""
    return ApiError(400, text, number=0, code="ILLEGAL_ARGUMENT")


def no_resource() -> ApiError:
    """An address that does not exist."""
    return ApiError(404, "No virtual resource found", number=0, code="RESOURCE_NOT_FOUND")


def traced(response: Response) -> Response:
    """Add the headers by which LinkedIn's support finds a call. There are none for rate limits."""
    response.headers["x-li-uuid"] = secrets.token_urlsafe(16)
    response.headers["x-li-fabric"] = "sandbox"
    response.headers["x-li-request-id"] = secrets.token_hex(8)
    return response


def unknown_fields(names: list[str]) -> ApiError:
    """A projection of fields that do not exist (words seen of a body's fields; of a projection unverified)."""
    paths = ", ".join(f"/{name}" for name in names)
    text = f"Unpermitted fields present in PROJECTION: Data Processing Exception while processing fields [{paths}]"
    return ApiError(403, text, number=100, code="ACCESS_DENIED")
