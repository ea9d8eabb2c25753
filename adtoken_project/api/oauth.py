"""The token endpoint over HTTP (RFC 6749, section 3.2): who asks, what is asked for, and the errors of the other API in its form."""

import json
from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from ninja.errors import AuthenticationError, HttpError

from accounts.api_keys.services import PREFIX
from adtoken_project.api import errors
from adtoken_project.api.application import api, count_call, key_auth
from broker.api.codes import Code
from broker.gate.grants import GrantRefused, grant
from broker.leases.callers import Caller
from broker.leases.texts import text
from infra import scrub
from users.sessions.client_address import client_address

PATH = "/api/v1/oauth/token"
BELOW = "/oauth/token"  # the gate: where a vendor's client of OAuth 2 renews its token
_ERRORS = {
    Code.NO_KEY: "invalid_client",
    Code.PERSON_NEEDED: "invalid_grant",
    Code.NOT_FOUND: "invalid_target",  # RFC 8707
    Code.OUR_FAULT: "server_error",
    Code.TOO_MANY: "temporarily_unavailable",
}
_KEPT = {401, 405, 413, 429}  # statuses that clients know beside 400


@csrf_exempt
def token(request: HttpRequest) -> HttpResponse:
    """Answer a tool that asks for an access token."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])  # the middleware words it
    try:
        sent = _sent(request)
        request.auth, said = grant(  # type: ignore[attr-defined]  # the log line names the key
            sent,
            client=_client(request, sent),
            address=client_address(request),
            now=timezone.now(),
            count=partial(count_call, request),
        )
    except GrantRefused as refused:
        return _error(400, refused.error, str(refused))
    except Exception as error:  # noqa: BLE001  # what the API has no words for, it raises again
        return as_oauth(api.on_exception(request, error))
    return JsonResponse(said)


def as_oauth(answer: HttpResponse) -> HttpResponse:
    """Return a problem of the other API as an error of RFC 6749, section 5.2, with the same headers."""
    if answer.headers.get("Content-Type") != errors.MEDIA_TYPE:
        return answer
    said, status = json.loads(answer.content), answer.status_code
    otherwise = "temporarily_unavailable" if status >= 500 else "invalid_request"
    return _error(
        status if status in _KEPT or status >= 500 else 400,
        _ERRORS.get(said["code"], otherwise),
        " ".join([said["detail"], *said.get("steps", [])]),
        {
            name: answer[name]
            for name in ("Retry-After", "WWW-Authenticate", "Allow")
            if name in answer.headers
        },
    )


def _error(status: int, error: str, description: str, headers: Any = None) -> HttpResponse:
    said = {"error": error, "error_description": description}
    return JsonResponse(said, status=status, headers=headers)


def _sent(request: HttpRequest) -> dict[str, str]:
    """Return the parameters of the body, a form or JSON. Raises GrantRefused, HttpError, RequestDataTooBig."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > errors.LARGEST_BODY:
        raise RequestDataTooBig
    if request.GET:
        raise GrantRefused("invalid_request", "grant_in_address")  # it is in logs already
    if request.content_type == "application/json":
        try:
            found = json.loads(request.body)
        except (ValueError, RecursionError) as error:
            raise HttpError(400, text("no_json")) from error
        pairs = list(found.items()) if isinstance(found, dict) else [("", None)]
    else:
        pairs = [(name, value) for name, values in request.POST.lists() for value in values]
    if len(dict(pairs)) != len(pairs) or not all(
        isinstance(value, str) and not scrub.UNSTORABLE.search(value) for _, value in pairs
    ):
        raise GrantRefused("invalid_request", "grant_body")
    return dict(pairs)


def _client(request: HttpRequest, sent: dict[str, str]) -> Caller | None:
    """Return the key that came: as the client's secret in the body or by Basic, or as a bearer. Raises AuthenticationError for a wrong one.

    A secret of another shape is that of the vendor's app, which a tool may hold still: it says nothing here.
    """
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    secret = sent.get("client_secret", "")
    if kind.lower() == "bearer":
        secret = value.strip()
    elif kind.lower() == "basic":
        secret = _secret_of(value)
    if not secret.startswith(PREFIX):
        return None
    caller = key_auth.authenticate(request, secret)
    if caller is None:
        raise AuthenticationError
    found = request.auth = replace(caller, address=client_address(request))  # type: ignore[attr-defined]  # the log line names the key
    return found


def _secret_of(basic: str) -> str:
    """Return the password of HTTP Basic, which a client of OAuth encodes as a form does."""
    try:
        return unquote_plus(b64decode(basic, validate=True).decode().partition(":")[2])
    except (NotBase64, ValueError):
        return ""
