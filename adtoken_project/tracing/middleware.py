"""Requests as spans: method, route and status. Not their address, which may hold codes, lease ids and links of invitations."""

from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

from adtoken_project import logs
from tokens import spans

UNTOLD = (
    "/livez",
    "/readyz",
    "/healthz",
    "/metrics",
    f"/{settings.STATIC_URL.strip('/')}/",
)  # asked all the time
OF_JOBS = "/api/"  # jobs have keys; from strangers no trace is taken up, nor their word on whether it is to be exported
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class TraceMiddleware:
    """Makes a span of each request, below the one that a job names in `traceparent`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not spans.on():
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        if request.path.startswith(UNTOLD):
            return self.get_response(request)
        method = request.method if request.method in METHODS else "OTHER"
        facts = {"http.request.method": str(method), "adtoken.request_id": logs.request_id.get()}
        parent = request.headers.get("traceparent", "") if request.path.startswith(OF_JOBS) else ""
        with spans.span(str(method), kind="server", facts=facts, parent=parent) as note:
            answer = self.get_response(request)
            match = request.resolver_match
            status = answer.status_code
            note({"http.response.status_code": status, "http.route": f"/{match.route}" if match else ""})
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                note({"error.type": str(status)})
        return answer
