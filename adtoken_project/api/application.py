"""The one API object: keys, errors as problem+json, OpenAPI at /api/v1/openapi.json, a page for people at /api/v1/docs."""

import logging
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.renderers import JSONRenderer
from ninja.security import HttpBearer

import broker
from adtoken_project.api import description as api_description
from adtoken_project.api.errors import LARGEST_BODY, answer_of, plain_problem, problem
from broker.actions import api as actions_api
from broker.api import api as accounts_api
from broker.api import limits, problems
from broker.api.codes import Code
from broker.api.errors import problem_of
from broker.asks import api as asks_api
from broker.events import api as events_api
from broker.gate import api as gate_api
from broker.histories import api as histories_api
from broker.leases.callers import Caller, authenticate
from broker.leases.texts import text
from broker.people import api as people_api
from tokens.vault.services import VaultError
from users.installation import hold

logger = logging.getLogger(__name__)


class ApiKeyAuth(HttpBearer):
    """`Authorization: Bearer adt_...`."""

    def authenticate(self, request: HttpRequest, token: str) -> Caller | None:
        """Return who this key is, or None. Raises RequestDataTooBig for a body that no call needs: it is not even read; and TooMany."""
        if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_BODY:
            raise RequestDataTooBig
        caller = authenticate(token, now=timezone.now())
        if caller is not None:
            count_call(request, caller)
        return caller


def count_call(request: HttpRequest, caller: Caller) -> None:
    """Count a call of a key, once, whoever asks again. Raises TooMany."""
    if not hasattr(request, "share"):
        counted = request.META.get(limits.COUNTED)
        request.share = counted or limits.count_call(caller.key_id)  # type: ignore[attr-defined]  # the headers say it
    share: limits.Share | None = request.share  # type: ignore[attr-defined]
    if share is not None and share.left < 0:
        raise limits.TooMany(share)


class Compact(JSONRenderer):
    """Writes JSON as pydantic does, who writes what the event loop answers."""

    json_dumps_params = {"separators": (",", ":"), "ensure_ascii": False}  # as ninja declares it


class BrokerAPI(NinjaAPI):
    """Ninja's API whose description says what is really answered."""

    def get_openapi_schema(self, **options: Any) -> Any:
        """Return the description with the errors that every operation may answer."""
        return api_description.finish(super().get_openapi_schema(**options))


key_auth = ApiKeyAuth()
api = BrokerAPI(
    title="AdToken broker",
    version="1",
    description=api_description.INTRODUCTION,
    auth=key_auth,
    renderer=Compact(),
    docs_url="/docs",
    urls_namespace="api",
    servers=[{"url": settings.BASE_URL, "description": "This installation"}],
)
api.add_router("", accounts_api.router)
api.add_router("", histories_api.router)
api.add_router("", events_api.router)
api.add_router("", asks_api.router)
api.add_router("", actions_api.router)
api.add_router("", gate_api.router)
api.add_router("", people_api.router)
api.add_router("", problems.router)


@csrf_exempt
def unknown(request: HttpRequest, rest: str) -> HttpResponse:  # noqa: ARG001  # a view
    """Answer addresses that are not in the schema as every other error."""
    return plain_problem(404)


@api.exception_handler(broker.BrokerError)
def _refused(request: HttpRequest, error: broker.BrokerError) -> HttpResponse:  # noqa: ARG001  # ninja's interface
    return answer_of(problem_of(error))


@api.exception_handler(hold.OnHold)
def _on_hold(request: HttpRequest, error: hold.OnHold) -> HttpResponse:  # noqa: ARG001
    return problem(Code.ON_HOLD, str(error), retry_after=hold.RETRY_AFTER)


@api.exception_handler(VaultError)
def _sealed_for_good(request: HttpRequest, error: VaultError) -> HttpResponse:  # noqa: ARG001
    logger.error("credentials do not open: %s", error)
    return answer_of(problem_of(error))


@api.exception_handler(accounts_api.ScopeMissing)
def _scope_missing(request: HttpRequest, error: accounts_api.ScopeMissing) -> HttpResponse:  # noqa: ARG001
    return problem(Code.SCOPE_MISSING, text("scope_missing", name=str(error)))


@api.exception_handler(accounts_api.BadQuery)
def _bad_query(request: HttpRequest, error: accounts_api.BadQuery) -> HttpResponse:  # noqa: ARG001
    return _invalid([{"location": "query", "field": error.name, "detail": error.detail}])


@api.exception_handler(RequestDataTooBig)
def _too_large(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:  # noqa: ARG001
    return plain_problem(413)


@api.exception_handler(limits.TooMany)
def _too_many(request: HttpRequest, error: limits.TooMany) -> HttpResponse:  # noqa: ARG001
    return problem(Code.TOO_MANY, text("too_many_calls"), retry_after=error.share.seconds)


@api.exception_handler(AuthenticationError)
def _unauthorised(request: HttpRequest, error: AuthenticationError) -> HttpResponse:  # noqa: ARG001
    return problem(Code.NO_KEY, text("no_key"))


@api.exception_handler(ValidationError)
def _not_valid(request: HttpRequest, error: ValidationError) -> HttpResponse:  # noqa: ARG001
    return _invalid([_field_problem(item) for item in error.errors])


def _invalid(errors: list[dict[str, str]]) -> HttpResponse:
    words = "; ".join(f"{one['field'] or text('the_body')}: {one['detail']}" for one in errors)
    return problem(Code.NOT_VALID, words, errors=errors)


def _field_problem(item: dict[str, Any]) -> dict[str, str]:
    """Name the field as the caller does. Below "body" the first name is that of our view's argument."""
    location, *names = item["loc"]
    names = names[1:] if location == "body" else names
    detail = text("no_field") if item["type"] == "extra_forbidden" else str(item["msg"])
    return {"location": location, "field": ".".join(map(str, names)), "detail": detail}


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:  # noqa: ARG001
    return plain_problem(error.status_code, str(error))
