"""Errors of the API as RFC 9457 has them (application/problem+json)."""

from http import HTTPStatus
from typing import Any

from django.http import HttpResponse

from broker.api import errors
from broker.api.codes import Code
from broker.api.schemas import Problem

MEDIA_TYPE = "application/problem+json"
LARGEST_BODY = 256_000  # bytes: a lease and a report are small, and a report needs the error only
_PLAIN = {
    400: Code.UNREADABLE,
    403: Code.NOT_ALLOWED,
    404: Code.UNKNOWN_ADDRESS,
    405: Code.METHOD_NOT_ALLOWED,
    413: Code.TOO_LARGE,
    500: Code.OUR_FAULT,
    503: Code.UNAVAILABLE,
}


def problem(code: Code, detail: str, **more: Any) -> HttpResponse:
    """Return a problem as an answer; `more` as of `broker.api.errors.problem`."""
    return answer_of(errors.problem(code, detail, **more))


def answer_of(found: Problem) -> HttpResponse:
    """Return a problem+json answer, with Retry-After where it has `retry_after` (seconds)."""
    answer = HttpResponse(
        found.model_dump_json(exclude_none=True), status=found.status, content_type=MEDIA_TYPE
    )
    if found.retry_after:
        answer["Retry-After"] = str(found.retry_after)
    if found.status == HTTPStatus.UNAUTHORIZED:
        answer["WWW-Authenticate"] = "Bearer"
    return answer


def plain_problem(status: int, detail: str = "") -> HttpResponse:
    """Return the problem of an answer that did not come from one of our views."""
    code = _PLAIN.get(status, Code.REFUSED)
    return problem(code, detail or code.meaning, status=status)
