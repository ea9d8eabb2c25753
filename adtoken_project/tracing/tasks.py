"""Runs of tasks as spans, below the request or task that asked for them. Their arguments are not told."""

from collections.abc import Callable
from typing import Any

from celery import signals
from celery.utils.dispatch import Signal

from adtoken_project import logs
from tokens import spans

CARRIED = "adtoken_traceparent"  # the header of a call to a worker


def connect() -> None:
    """Trace calls and runs in this process."""
    for signal, receiver in _heard():
        signal.connect(receiver, dispatch_uid=CARRIED)


def disconnect() -> None:
    """Stop tracing."""
    for signal, _ in _heard():
        signal.disconnect(dispatch_uid=CARRIED)


def _heard() -> list[tuple[Signal, Callable[..., None]]]:
    return [
        (signals.before_task_publish, _carry),
        (signals.task_prerun, _begins),
        (signals.task_postrun, _ends),
    ]


def _carry(headers: dict[str, Any] | None = None, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    if headers is not None and (current := spans.current()):
        headers[CARRIED] = current


def _begins(task_id: str = "", task: Any = None, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    run = task.request
    facts = {
        "adtoken.task": task.name,
        "adtoken.task_id": task_id,
        "adtoken.request_id": logs.request_id.get(),
    }
    parent = run.get(CARRIED) or (run.headers or {}).get(CARRIED) or ""
    run.span = spans.span(f"task {task.name}", kind="consumer", facts=facts, parent=parent)
    run.note = run.span.__enter__()


def _ends(task: Any = None, state: str = "", retval: Any = None, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    run = task.request
    if getattr(run, "span", None) is None:
        return
    if state == "FAILURE":
        run.note({"error.type": type(retval).__name__})
    run.span.__exit__(None, None, None)
    run.span = None
