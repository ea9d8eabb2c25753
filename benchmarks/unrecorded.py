"""The application as it would be without the record of hand-outs: only to measure what the record costs. Nothing else may start it."""

from typing import Any

from adtoken_project.asgi import application  # isort: split

from broker.leases import natively, records  # once the apps are loaded

__all__ = ["application"]


def _nothing(*_given: Any, **_facts: Any) -> None:
    """Write no row."""


async def _nothing_native(*_given: Any) -> None:
    """Write no row."""


records.write_record = _nothing
natively.together.write = _nothing_native  # type: ignore[method-assign, assignment]
