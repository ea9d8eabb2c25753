"""The API object of SCIM: the keys and the errors of the other API, the errors in SCIM's form (RFC 7644, section 3.12)."""

import json

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError
from ninja.errors import ValidationError as NotValid
from pydantic import ValidationError
from scim2_models import Error, SCIMException

from adtoken_project.api import errors
from adtoken_project.api.application import api, key_auth
from broker.scim.api import MEDIA_TYPE, router

PREFIX = "/api/scim/"
_SCHEMA = str(Error.__schema__)

scim = NinjaAPI(
    title="SCIM", version="2.0", auth=key_auth, docs_url=None, openapi_url=None, urls_namespace="scim"
)
scim.add_router("", router)


def as_scim(answer: HttpResponse) -> HttpResponse:
    """Return the answer, a problem of the other API as an error of SCIM with the same headers."""
    if answer.headers.get("Content-Type") != errors.MEDIA_TYPE:
        return answer
    said = {
        "schemas": [_SCHEMA],
        "status": str(answer.status_code),
        "detail": json.loads(answer.content)["detail"],
    }
    answer.content = json.dumps(said).encode()
    answer.headers["Content-Type"] = MEDIA_TYPE
    return answer


@scim.exception_handler(SCIMException)
def _refused(request: HttpRequest, error: SCIMException) -> HttpResponse:  # ninja's interface
    if isinstance(error.__cause__, ValidationError):  # its text is for programmers
        return _not_valid(request, error.__cause__)
    return _error(error.to_error())


@scim.exception_handler(ValidationError)
def _not_valid(request: HttpRequest, error: ValidationError) -> HttpResponse:  # noqa: ARG001
    return _error(Error.from_validation_errors(error)[0])


def _error(said: Error) -> HttpResponse:
    return HttpResponse(said.model_dump_json(), status=said.status, content_type=MEDIA_TYPE)


for _kind in (Exception, AuthenticationError, HttpError, Http404, NotValid):
    scim.add_exception_handler(_kind, api.on_exception)  # the middleware gives it SCIM's form
