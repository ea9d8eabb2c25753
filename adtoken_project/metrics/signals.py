"""What is counted of requests and tasks, and where."""

import re
import time
from collections.abc import Mapping
from typing import Any

from celery.signals import before_task_publish, task_postrun, task_prerun

from adtoken_project.metrics import counted

SENT_AT = "adtoken_sent_at"  # the header of a call that says when it was sent, in seconds since 1970
_OPERATION = re.compile(r"/api/v1/(?:accounts|leases)/.+/(lease|report|sign)$")


def request(*, path: str, status: int, seconds: float, leases: Mapping[int, int] | None = None) -> None:
    """Count a request of the API, and the leases that it asked for: `leases` says of a batch how many were answered by which status."""
    operation = _operation(path)
    counted.add("request", operation, str(status))
    counted.took("request seconds", operation, seconds=seconds)
    if operation == "lease":
        leases = {status: 1}
    for answered, number in (leases or {}).items():
        counted.add("lease", str(answered), amount=number)


def _operation(path: str) -> str:
    """Return what a path asks for, one of six words."""
    if found := _OPERATION.match(path):
        return found[1]
    if path == "/api/v1/leases":
        return "leases"
    return "accounts" if path.startswith("/api/v1/accounts") else "other"


@before_task_publish.connect
def _sent(headers: dict[str, Any] | None = None, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    if headers is not None:
        headers[SENT_AT] = time.time()


@task_prerun.connect
def _begins(task: Any = None, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    task.request.began = time.monotonic()


@task_postrun.connect
def _ends(task: Any = None, state: str = "", **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    began = getattr(task.request, "began", None)
    counted.add("task", task.name)
    counted.add("task seconds", task.name, amount=time.monotonic() - began if began else 0.0)
    if state == "SUCCESS":
        counted.happened("task", task.name)
    else:
        counted.add("task failed", task.name)
