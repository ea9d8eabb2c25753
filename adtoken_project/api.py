"""The one API object: keys, errors as problem+json, OpenAPI at /api/v1/openapi.json."""

import json
import logging
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import HttpBearer

from accounts import api as accounts_api
from accounts import broker
from accounts.broker.callers import Caller, authenticate
from tokens.vault import NothingStored, VaultError

logger = logging.getLogger(__name__)


class ApiKeyAuth(HttpBearer):
    """`Authorization: Bearer adt_...`."""

    def authenticate(self, request: HttpRequest, token: str) -> Caller | None:
        """Return who this key is, or None."""
        return authenticate(token, now=timezone.now())


api = NinjaAPI(
    title="AdToken broker",
    version="1",
    description="Gives publishing jobs a token that works now. Every error is a problem (RFC 9457).",
    auth=ApiKeyAuth(),
    docs_url=None,
    urls_namespace="api",
)
api.add_router("", accounts_api.router)


def unknown(request: HttpRequest, rest: str) -> HttpResponse:  # noqa: ARG001  # a view
    """Answer addresses that are not in the schema as every other error."""
    return problem(404, "Not found", "There is no such address. See /api/v1/openapi.json.")


def problem(status: int, title: str, detail: str, **more: Any) -> HttpResponse:
    """Return a problem+json answer; it is never kept by a cache."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    answer = HttpResponse(
        json.dumps(body, cls=DjangoJSONEncoder), status=status, content_type="application/problem+json"
    )
    answer["Cache-Control"] = "no-store"
    if more.get("retry_after"):
        answer["Retry-After"] = str(more["retry_after"])
    if status == 401:
        answer["WWW-Authenticate"] = "Bearer"
    return answer


@api.exception_handler(broker.NotFound)
def _not_found(request: HttpRequest, error: broker.NotFound) -> HttpResponse:  # noqa: ARG001  # ninja's interface
    return problem(404, "Not found", str(error))


@api.exception_handler(broker.LeaseOver)
def _lease_over(request: HttpRequest, error: broker.LeaseOver) -> HttpResponse:  # noqa: ARG001
    return problem(410, "The lease is over", str(error))


@api.exception_handler(broker.Refused)
def _refused(request: HttpRequest, error: broker.Refused) -> HttpResponse:  # noqa: ARG001
    return problem(400, "Not possible", str(error))


@api.exception_handler(broker.Held)
def _held(request: HttpRequest, error: broker.Held) -> HttpResponse:  # noqa: ARG001
    held = accounts_api.held_problem(error).dict(exclude_none=True)
    return problem(409, held.pop("title"), held.pop("detail"), **_rest(held))


@api.exception_handler(broker.Busy)
def _busy(request: HttpRequest, error: broker.Busy) -> HttpResponse:  # noqa: ARG001
    return problem(503, "We are checking", str(error), retry_after=error.retry_after)


@api.exception_handler(VaultError)
def _sealed_for_good(request: HttpRequest, error: VaultError) -> HttpResponse:  # noqa: ARG001
    logger.error("credentials do not open: %s", error)
    detail = "The stored credentials do not open. An operator must check FERNET_KEYS; no token was touched."
    if isinstance(error, NothingStored):
        detail = (
            "The channel's app has no secret. An operator enters it under Channel apps; no token was touched."
        )
    return problem(503, "Out of order", detail, retry_after=300)


@api.exception_handler(accounts_api.ScopeMissing)
def _scope_missing(request: HttpRequest, error: accounts_api.ScopeMissing) -> HttpResponse:  # noqa: ARG001
    return problem(403, "Scope missing", f"This API key lacks the scope {error}.")


@api.exception_handler(accounts_api.BadCursor)
def _bad_cursor(request: HttpRequest, error: accounts_api.BadCursor) -> HttpResponse:  # noqa: ARG001
    return problem(422, "Not valid", "The cursor is not one that we gave. Start without it.")


@api.exception_handler(AuthenticationError)
def _unauthorised(request: HttpRequest, error: AuthenticationError) -> HttpResponse:  # noqa: ARG001
    return problem(401, "Not authenticated", "Send a valid API key: Authorization: Bearer adt_...")


@api.exception_handler(ValidationError)
def _not_valid(request: HttpRequest, error: ValidationError) -> HttpResponse:  # noqa: ARG001
    fields = [{"where": list(item["loc"]), "what": item["msg"]} for item in error.errors]
    words = "; ".join(f"{'.'.join(map(str, item['where']))}: {item['what']}" for item in fields)
    return problem(422, "Not valid", words, errors=fields)


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:  # noqa: ARG001
    return problem(error.status_code, "Not possible", str(error))


def _rest(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in {"type", "status"}}
