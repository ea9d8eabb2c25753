"""What jobs call all the time, in the event loop: leases, signatures, reports of good answers, each on its ordinary way.

Whatever else there is to say, refusals and errors too, is said by ninja in a thread, which begins anew: nothing was handed out until then.
"""

import json
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import DisallowedHost, SynchronousOnlyOperation
from django.core.handlers.wsgi import WSGIRequest
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from pydantic import BaseModel

from accounts.models import ApiKey
from adtoken_project.api.errors import LARGEST_BODY, plain_problem
from adtoken_project.api.middleware import ApiMiddleware
from adtoken_project.telemetry import logs, request_ids
from adtoken_project.web.views import RETRY_AFTER
from broker.api import api, limits
from broker.api.schemas import LeaseIn, LeasesIn, ReportIn, SignIn, SignOut
from broker.gate.threads import once
from broker.leases import natively
from broker.leases.callers import Caller, authenticate, known_caller
from broker.leases.errors import BrokerError
from broker.leases.natively import Unordinary
from broker.reports import services as reports
from infra import async_database, spans
from tokens.vault.services import VaultError
from users.installation import hold

logger = logging.getLogger(__name__)
JSON = "application/json; charset=utf-8"
# What the ordinary way raises where it ends.
_ENDS = (
    Unordinary, BrokerError, VaultError, hold.OnHold, api.ScopeMissing, api.BadQuery, DisallowedHost,
    psycopg.Error, DatabaseError, InterfaceError, ValueError, RecursionError,  # a body that does not fit, a lease that does not open
    SynchronousOnlyOperation,  # something is asked of PostgreSQL that is mostly known
)  # fmt: skip


async def answer(environ: dict[str, Any]) -> HttpResponse | None:
    """Answer a request, given as WSGI has it; None: Django does. Its body is not read from then."""
    if environ["REQUEST_METHOD"] != "POST":
        return None
    request = WSGIRequest(environ)
    matches = ((path, pattern.fullmatch(request.path_info)) for path, pattern in api.OF_JOBS.items())
    path, names = next((one for one in matches if one[1]), ("", None))
    if names is None:
        return None
    found = request_ids.of_request(environ.get("HTTP_X_REQUEST_ID", ""))  # request.headers copies all of them
    logs.request_id.set(found)
    with spans.span(f"POST {path}", kind="server", parent=environ.get("HTTP_TRACEPARENT", "")):
        try:
            made = await _made(request, *_WAYS[path.rpartition("/")[2]], names.groupdict())
            said = HttpResponse(made.model_dump_json(), content_type=JSON)
        except _ENDS as error:
            if not _is_away(error):
                return None
            said = plain_problem(HTTPStatus.SERVICE_UNAVAILABLE)
            said["Retry-After"] = str(RETRY_AFTER)
        except Exception:
            logger.exception("the ordinary way of %s ended", path)
            return None
    said[request_ids.HEADER] = found
    return _api.finish(request, _api.dress(request, said), environ["adtoken.began"])


def _is_away(error: BaseException | None) -> bool:
    """Return whether PostgreSQL gave no connection while it was waited for: a thread would wait once more."""
    while error is not None and not isinstance(error, async_database.Away):
        error = error.__cause__
    return error is not None


async def _made(request: WSGIRequest, body: type[BaseModel], way: "Way", names: Any) -> BaseModel:
    request.get_host()
    raw: bytes = request.META["wsgi.input"].getvalue()
    scheme, _, key = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    unsafe = settings.SECURE_SSL_REDIRECT and not request.is_secure()
    if unsafe or scheme.lower() != "bearer" or not 0 < len(raw) <= LARGEST_BODY:
        raise Unordinary
    if not hold.refuse_by_memory():
        await once("hold", hold.refuse)
    caller = known_caller(key) or await once(("key", key), authenticate, key, now=timezone.now())
    if caller is None:
        raise Unordinary
    request.auth = caller  # type: ignore[attr-defined]  # as ninja does
    asking = api.caller_of(request, ApiKey.Scope.LEASE)
    wanted = body.model_validate(json.loads(raw))
    share = limits.count_call(caller.key_id)
    request.share = share  # type: ignore[attr-defined]  # the headers say it
    request.META[limits.COUNTED] = share  # a thread that begins anew does not count it again
    if share is not None and share.left < 0:
        raise Unordinary
    return await way(request, asking, wanted, **names)


async def _lease(
    _request: HttpRequest, caller: Caller, wanted: LeaseIn, channel: str, native_id: str
) -> BaseModel:
    life, now = wanted.min_valid_for, timezone.now()
    return api.lease_out(
        await natively.lease(caller, channel, native_id, now=now, min_valid_for=life, purpose=wanted.purpose)
    )


async def _lease_many(request: HttpRequest, caller: Caller, wanted: LeasesIn) -> BaseModel:
    names = [(one.channel, one.native_id) for one in wanted.accounts]
    life, now = wanted.min_valid_for, timezone.now()
    given = await natively.lease_many(caller, names, now=now, min_valid_for=life, purpose=wanted.purpose)
    return api.leases_out(request, wanted, given)


async def _sign(_request: HttpRequest, caller: Caller, wanted: SignIn, lease_id: str) -> BaseModel:
    header = await natively.sign(
        caller, lease_id, method=wanted.method, url=wanted.url, params=wanted.params, now=timezone.now()
    )
    return SignOut(authorization=header)


async def _report(_request: HttpRequest, caller: Caller, told: ReportIn, lease_id: str) -> BaseModel:
    found = await reports.report_natively(
        caller, lease_id, status=told.status, body=told.body, method=told.method, now=timezone.now()
    )
    return api.report_out(found)


Way = Callable[..., Awaitable[BaseModel]]
_WAYS: dict[str, tuple[type[BaseModel], Way]] = {  # by the last word of the path
    "lease": (LeaseIn, _lease), "leases": (LeasesIn, _lease_many), "sign": (SignIn, _sign), "report": (ReportIn, _report),
}  # fmt: skip
_api = ApiMiddleware(lambda _request: HttpResponse())  # for what holds for every answer
