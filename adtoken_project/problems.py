"""Errors of the API as RFC 9457 has them (application/problem+json)."""

import json
from http import HTTPStatus
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpResponse

MEDIA_TYPE = "application/problem+json"
LARGEST_BODY = 256_000  # bytes: a lease and a report are small, and a report needs the error only
RETRY_AFTER = 10  # seconds, where we know no better

# What Django itself answers below /api/: title and detail by status.
_KNOWN = {
    400: ("Not readable", "The request cannot be read. Host, headers and body must be well formed."),
    403: ("Not allowed", "This is not allowed."),
    404: ("Not found", "There is no such address. See /api/v1/openapi.json."),
    405: ("Method not allowed", "This address does not take this method. The header Allow names those that it takes."),
    413: ("Too large", f"The body is too large: {LARGEST_BODY // 1000} kB at most. Of a report, the status and the error itself will do."),
    500: ("Our fault", "Something broke on our side. The log has it; nothing was handed out."),
    503: ("Not now", "Not possible at the moment. Try again."),
}  # fmt: skip


def problem(status: int, title: str, detail: str, **more: Any) -> HttpResponse:
    """Return a problem+json answer, with Retry-After where `more` has `retry_after` (seconds)."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    answer = HttpResponse(json.dumps(body, cls=DjangoJSONEncoder), status=status, content_type=MEDIA_TYPE)
    if more.get("retry_after"):
        answer["Retry-After"] = str(more["retry_after"])
    if status == HTTPStatus.UNAUTHORIZED:
        answer["WWW-Authenticate"] = "Bearer"
    return answer


def plain(status: int) -> HttpResponse:
    """Return the problem of an answer that did not come from one of our views."""
    fallback = (HTTPStatus(status).phrase, "The request was refused.")
    title, detail = _KNOWN.get(status, fallback)
    return problem(status, title, detail)
