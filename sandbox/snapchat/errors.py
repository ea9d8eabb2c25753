"""Errors of Snapchat in its two dialects: the token endpoint's (OAuth 2) and the API's own.

Sources of the shapes: the OAuth names are RFC 6749's; the general body is a sample kept in the source of tap-snapchat-ads; `msg` is what
airbyte's test suite answers with. Which E-code belongs to what is contradictory, so most bodies here carry none; 403 with E3002 and its
text is an answer kept in the test suite of rudder-transformer.
"""

from typing import Any

from starlette.responses import JSONResponse

from sandbox.store import random_text

NOT_AVAILABLE = "We're sorry, but the requested resource is not available at this time"
EXPIRED = 'Bearer error="invalid_token", error_description="The access token expired"'


class TokenError(Exception):
    """The token endpoint refuses: an OAuth 2 name and an HTTP status."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status, self.error, self.description = status, error, description

    def response(self) -> JSONResponse:
        """The body."""
        body = {"error": self.error, "error_description": self.description}
        return JSONResponse(body, self.status, headers={"cache-control": "no-store"})


class ApiError(Exception):
    """The API refuses: the general body."""

    def __init__(
        self, status: int, text: str, *, code: str = "", msg: bool = False, header: str = ""
    ) -> None:
        super().__init__(text)
        self.status, self.text, self.code, self.msg, self.header = status, text, code, msg, header

    def response(self) -> JSONResponse:
        """The body, and WWW-Authenticate where there is one."""
        body: dict[str, Any] = {"request_status": "ERROR", "request_id": request_id()}
        if self.msg:
            body["msg"] = self.text
        else:
            body |= {"debug_message": self.text, "display_message": NOT_AVAILABLE}
        if self.code:
            body["error_code"] = self.code
        headers = {"www-authenticate": self.header} if self.header else {}
        return JSONResponse(body, self.status, headers=headers)


def request_id() -> str:
    """An id of a request, as long as real ones."""
    return f"57affee300ff0d91229fabb9710001737e{random_text(40).lower()}"


def unauthorized() -> ApiError:
    """A missing, unknown, expired or revoked access token: one answer for all (header unverified)."""
    return ApiError(401, "Unauthorized", msg=True, header=EXPIRED)


def forbidden(text: str = "Caller does not have permission") -> ApiError:
    """The person lacks a role, or the token a scope (the text for a scope is unverified)."""
    return ApiError(403, text, code="E3002")


def no_such_method() -> ApiError:
    """A path with another method: Snap's table names 405 (body unverified)."""
    return ApiError(405, "Method not allowed")


def not_found() -> ApiError:
    """Nothing there, or nothing to be seen."""
    return ApiError(404, "Resource can not be found", code="E3003")


def too_many() -> ApiError:
    """Over the limit. No header says for how long."""
    return ApiError(429, "Rate limit exceeded", msg=True)


def bad_request(text: str) -> ApiError:
    """A call that makes no sense (code and text unverified)."""
    return ApiError(400, text)
