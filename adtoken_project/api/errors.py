"""Errors of the API as RFC 9457 has them (application/problem+json)."""

import json
from http import HTTPStatus
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpResponse

from broker.api.schemas import Problem
from broker.leases import errors as texts
from broker.leases.errors import text

MEDIA_TYPE = "application/problem+json"
LARGEST_BODY = 256_000  # bytes: a lease and a report are small, and a report needs the error only
RETRY_AFTER = 10  # seconds, where we know no better


def problem(status: int, title: str, detail: str, **more: Any) -> HttpResponse:
    """Return a problem+json answer, with Retry-After where `more` has `retry_after` (seconds)."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    answer = HttpResponse(json.dumps(body, cls=DjangoJSONEncoder), status=status, content_type=MEDIA_TYPE)
    if more.get("retry_after"):
        answer["Retry-After"] = str(more["retry_after"])
    if status == HTTPStatus.UNAUTHORIZED:
        answer["WWW-Authenticate"] = "Bearer"
    return answer


def answer_of(found: Problem) -> HttpResponse:
    """Return a problem that was made elsewhere as an answer."""
    said = found.model_dump(exclude_none=True, exclude={"type"})
    return problem(said.pop("status"), said.pop("title"), said.pop("detail"), **said)


def plain_problem(status: int) -> HttpResponse:
    """Return the problem of an answer that did not come from one of our views."""
    if not texts.has_text(f"answered_{status}"):
        return problem(status, HTTPStatus(status).phrase, text("answered"))
    detail = text(f"answered_{status}", kilobytes=LARGEST_BODY // 1000)
    return problem(status, text(f"title_{status}"), detail)
