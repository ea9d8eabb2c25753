"""How far ahead macros warn: what can be renewed without a person is renewed before that."""

import time
from datetime import timedelta

from macros.models import MacroAction

REMEMBERED = 60.0  # seconds; every token that is checked asks

_known: list[tuple[float, timedelta]] = []


def widest() -> timedelta:
    """Return the earliest warning of all enabled macros, before the deadline."""
    if not _known or time.monotonic() - _known[0][0] > REMEMBERED:
        days = MacroAction.objects.filter(macro__enabled=True).values_list("days", flat=True)
        most = max((max(some) for some in days if some), default=0)
        _known[:] = [(time.monotonic(), timedelta(days=most))]
    return _known[0][1]


def forget() -> None:
    """Ask the database next time."""
    _known.clear()
