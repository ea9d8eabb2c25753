"""Pages that do one thing to many: the lines that say what will be done, and what is skipped and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from ui.confirm import ConfirmLine


@dataclass(frozen=True)
class Item(ConfirmLine):
    """One thing that will be done, or is skipped with a reason."""

    again: bool = False  # a tick on the page does it all the same


def live(items: Sequence[ConfirmLine]) -> int:
    """Count what is not skipped."""
    return sum(not item.skipped for item in items)
