"""How far ahead macros warn: what can be renewed without a person is renewed before that."""

import time
from datetime import timedelta

from macros.models import MacroAction

REMEMBERED = 60.0  # seconds; every token that is checked asks

_known: list[tuple[float, timedelta]] = []


def widest() -> timedelta:
    """Return the earliest warning of all enabled macros, before the deadline."""
    for asked_at, answer in tuple(_known):  # another thread may forget it meanwhile
        if time.monotonic() - asked_at <= REMEMBERED:
            return answer
    days = MacroAction.objects.filter(macro__enabled=True).values_list("days", flat=True)
    most = timedelta(days=max((max(some) for some in days if some), default=0))
    _known[:] = [(time.monotonic(), most)]
    return most


def forget() -> None:
    """Ask the database next time."""
    _known.clear()
