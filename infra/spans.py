"""Spans of a trace: what was done, how long it took, and what it belongs to. They cost nothing until the root names what makes them.

What may be noted is short and of a bounded kind: names of calls, channels, statuses, numbers of rows. Never an address with its query, a
header, a body, or anything about a person; whoever exports them lets nothing else through.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import copy_context
from functools import partial
from typing import Any, Literal, Protocol

Kind = Literal["server", "client", "consumer"]  # answers others, asks others, does what was asked for earlier
Facts = Mapping[str, str | int | bool]
Note = Callable[[Facts], None]  # adds to a span that runs; `error.type` makes it one that failed


class Tracer(Protocol):
    """What makes spans."""

    def span(self, name: str, *, kind: Kind, parent: str, facts: Facts) -> AbstractContextManager[Note]:
        """Run what is inside as a span, below the one that runs here or below `parent`."""

    def current(self) -> str:
        """Return the span that runs here, as `traceparent` of W3C Trace Context; "" where none does."""


_tracer: Tracer | None = None


def use(tracer: Tracer | None) -> None:
    """Have this make the spans of this process from now on; None: there are none."""
    global _tracer
    _tracer = tracer


@contextmanager
def span(name: str, *, kind: Kind, facts: Facts | None = None, parent: str = "") -> Iterator[Note]:
    """Run what is inside as a span. `parent`: what `current` gave, perhaps in another process; "": the span that runs here."""
    if _tracer is None:
        yield _nothing
        return
    with _tracer.span(name, kind=kind, parent=parent, facts=facts or {}) as note:
        yield note


def current() -> str:
    """Return the span that runs here, to be carried to another process; "" where none does."""
    return _tracer.current() if _tracer else ""


def carried(call: Callable[[], Any]) -> Callable[[], Any]:
    """Return a call that another thread may make, and that belongs to the span which runs here."""
    return partial(copy_context().run, call) if _tracer else call


def _nothing(facts: Facts) -> None:
    """Take notes for no span."""
