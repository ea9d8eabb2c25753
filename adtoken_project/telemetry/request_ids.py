"""One id for each request and each run of a task, so that the lines of a log that belong together can be found.

A proxy or a job may send its own as `X-Request-ID`; every answer says by which id the request is known here. What a request asks a worker
to do carries the id along.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

from celery.signals import before_task_publish, task_postrun, task_prerun
from django.http import HttpRequest, HttpResponse

from adtoken_project.telemetry import logs
from infra import scrub

HEADER = "X-Request-ID"
CARRIED = "adtoken_request_id"  # the header of a call to a worker
_FINE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{6,62})[A-Za-z0-9]")


class RequestIdMiddleware:
    """Gives every request an id, and the answer the same."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        found = of_request(request.headers.get(HEADER, ""))
        before = logs.request_id.set(found)
        try:
            answer = self.get_response(request)
        finally:
            logs.request_id.reset(before)
        answer[HEADER] = found
        return answer


def of_request(sent: str) -> str:
    """Return the id of a request: the one that came with it, where that can be taken."""
    return accepted(sent) or str(uuid4())


def accepted(sent: str) -> str:
    """Return the id that somebody sent, or "" where it is too long, holds other characters, or looks like a token."""
    return sent if _FINE.fullmatch(sent) and scrub.text(sent) == sent else ""


@before_task_publish.connect
def _carry(headers: dict[str, Any] | None = None, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    if headers is not None and logs.request_id.get():
        headers[CARRIED] = logs.request_id.get()


@task_prerun.connect
def _begins(task_id: str = "", task: Any = None, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    task.request.log_marks = (
        logs.request_id.set(accepted(_carried(task.request))),
        logs.task.set({"task": task.name, "task_id": task_id}),
    )


def _carried(run: Any) -> str:
    """Return the id that came with a call: Celery hands headers over as a message brought them, or as the caller gave them."""
    return run.get(CARRIED) or (run.headers or {}).get(CARRIED) or ""


@task_postrun.connect
def _ends(task: Any = None, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    marks = getattr(task.request, "log_marks", None)
    if marks:
        with suppress(ValueError):  # begun in another context
            logs.request_id.reset(marks[0])
            logs.task.reset(marks[1])
