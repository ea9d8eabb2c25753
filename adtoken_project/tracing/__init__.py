"""Traces by OpenTelemetry, where its standard variables name a collector; its packages are optional, and `export` alone imports them.

Requests, runs of tasks, refreshes, calls to channels and statements of the database become spans, joined over processes. The spans are our
own, so that what they may hold is decided here and not by what an instrumentation finds worth telling.
"""

from typing import Any

from django.db.backends.signals import connection_created

from adtoken_project.tracing import tasks
from adtoken_project.tracing.statements import watch
from tokens import spans


def follow(tracer: spans.Tracer) -> None:
    """Have everything that is traced make its spans by this."""
    spans.use(tracer)
    tasks.connect()
    connection_created.connect(_connected, dispatch_uid="adtoken_project.tracing")


def leave() -> None:
    """Make no more spans: tests go on in the same process."""
    spans.use(None)
    tasks.disconnect()
    connection_created.disconnect(dispatch_uid="adtoken_project.tracing")


def _connected(connection: Any, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    if watch not in connection.execute_wrappers:
        connection.execute_wrappers.append(watch)
