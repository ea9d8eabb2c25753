"""What holds for every answer below /api/, whoever made it: a view, or Django.

Jobs have keys and no sessions, so that nothing of what pages need runs for them (docs/decisions/0058-web-server-and-leases.md).
"""

import hashlib
import logging
import re
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware
from django.urls import resolve
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import override

from adtoken_project.api import oauth
from adtoken_project.api.application import key_auth
from adtoken_project.api.errors import MEDIA_TYPE, plain_problem, problem
from adtoken_project.api.once import answer_once
from adtoken_project.api.scim import PREFIX as SCIM
from adtoken_project.api.scim import as_scim
from adtoken_project.ops import metrics
from adtoken_project.telemetry import logs
from broker.api import limits
from broker.api.codes import Code
from broker.leases.callers import Caller
from broker.leases.records import hash_of
from broker.leases.texts import text
from broker.scim.api import MEDIA_TYPE as SCIM_TYPE
from infra import request_logs
from infra.private_parts import convert_exception_to_response
from users.people.languages import ENGLISH
from users.sessions.client_address import client_address

logger = logging.getLogger(__name__)

View = Callable[[HttpRequest], HttpResponse]
PREFIX = "/api/"
PAGES = frozenset({"/api/v1/docs"})  # of people: they go through all that pages go through
_LEASE = re.compile(r"/leases/([^/]+)")
KEPT = ("Allow", "Retry-After", "WWW-Authenticate")


class ApiMiddleware:
    """Serves the API: refuses plain HTTP and foreign hosts, keeps answers out of caches, and turns every error into problem+json.

    What comes after it in settings.MIDDLEWARE is for pages: sessions, log-ins, forms, second factors, time zones, what browsers may load.
    """

    def __init__(self, get_response: View) -> None:
        self._page = get_response
        self._job: View = convert_exception_to_response(_serve)  # type: ignore[assignment]  # it is not asynchronous
        self._security = SecurityMiddleware(_serve)  # for its headers

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        path = request.path
        if not path.startswith(PREFIX):
            facts = {"request_id": logs.request_id.get(), "address": client_address(request) or "-"}
            request.META[logs.OF_REQUEST] = facts
            return self._page(request)
        began = time.monotonic()
        with override(ENGLISH):  # of jobs, whatever the installation speaks
            answer = self._answer(request, self._page if path in PAGES else self._job)
        return self.finish(request, answer, began)

    def finish(self, request: HttpRequest, answer: HttpResponse, began: float) -> HttpResponse:
        """Count, log and seal an answer. `began`: monotonic seconds."""
        path, seconds = request.path, time.monotonic() - began
        leases = getattr(request, "leases", None)  # of a batch
        metrics.count_request(path=path, status=answer.status_code, seconds=seconds, leases=leases)
        _log(request, answer, seconds)
        answer["Cache-Control"] = "no-store"
        # The key decides what is answered, never a cookie; and nothing of it is kept anyway.
        answer.headers.pop("Vary", None)
        return answer

    def _answer(self, request: HttpRequest, respond: View) -> HttpResponse:
        if settings.SECURE_SSL_REDIRECT and not request.is_secure():
            # A redirect would let a job go on sending its key in clear, first to us and then once more.
            return _worded(request, problem(Code.HTTPS_ONLY, text("https_only")))
        head = request.method == "HEAD"
        if head:
            request.method = "GET"
        answer = self.dress(request, _worded(request, respond(request)))
        if head:
            answer.content = b""
        return answer

    def dress(self, request: HttpRequest, answer: HttpResponse) -> HttpResponse:
        """Add the headers that each answer has."""
        self._security.process_response(request, answer)
        share: limits.Share | None = getattr(request, "share", None)
        if share is not None:
            limits.tell(share, answer)
        if answer.status_code != HTTPStatus.NOT_MODIFIED:
            answer["Content-Length"] = str(len(answer.content))
        return answer


def _serve(request: HttpRequest) -> HttpResponse:
    """Answer a job. Raises DisallowedHost for a Host header that is not ours."""
    request.get_host()
    match = request.resolver_match = resolve(request.path_info)
    respond = partial(match.func, request, *match.args, **match.kwargs)
    answer = respond() if request.path == oauth.PATH else answer_once(request, key_auth, respond)
    if request.method == "GET" and answer.status_code == HTTPStatus.OK:
        etag = quote_etag(hashlib.sha256(answer.content).hexdigest()[:32])
        answer["ETag"] = etag
        answer = get_conditional_response(request, etag=etag, response=answer) or answer
    return answer


def _worded(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """Return the answer, an error in the form of the address that was asked."""
    if request.path == oauth.PATH:
        own = answer.headers.get("Content-Type") == "application/json"
        return answer if own else oauth.as_oauth(_as_problem(answer))
    return as_scim(_as_problem(answer)) if request.path.startswith(SCIM) else _as_problem(answer)


def _as_problem(answer: HttpResponse) -> HttpResponse:
    kind = answer.headers.get("Content-Type")
    if answer.status_code < HTTPStatus.BAD_REQUEST or kind in (MEDIA_TYPE, SCIM_TYPE):
        return answer
    said = plain_problem(answer.status_code)
    for name in KEPT:
        if name in answer.headers:
            said[name] = answer[name]
    return said


def _log(request: HttpRequest, answer: HttpResponse, seconds: float) -> None:
    """Write who was answered what. Lease ids are named as the record names them."""
    log_call(
        method=str(request.method),
        path=_LEASE.sub(lambda found: f"/leases/{hash_of(found[1])[:8]}…", request.path),
        status=answer.status_code,
        caller=getattr(request, "auth", None),
        address=client_address(request),
        seconds=seconds,
    )
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        request_logs.leave_out(request)  # Django would add a line without key and address


def log_call(
    *, method: str, path: str, status: int, caller: Caller | None, address: str | None, seconds: float
) -> None:
    """Write a line of a machine's call: key, address, method, path without its query, status, duration."""
    facts: dict[str, Any] = {
        "method": method,
        "path": path,
        "status": status,
        "key_id": caller.key_id if caller else None,
        "address": address,
        "duration_ms": round(seconds * 1000, 1),
    }
    words = "API: %(method)s %(path)s answered %(status)s to %(key)s from %(address)s in %(duration_ms)s ms"
    logger.log(
        _level(status),
        words,
        {**facts, "key": f"key {caller.key_id} ({caller.name})" if caller else "no valid key"},
        extra={"facts": facts},
    )


def _level(status: int) -> int:
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.NOT_IMPLEMENTED):
        # "Come again later", "that part of SCIM is not here": no error, and jobs and directories ask again and again. What broke has a line
        # of its own.
        return logging.INFO
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return logging.ERROR
    return logging.WARNING if status >= HTTPStatus.BAD_REQUEST else logging.INFO
