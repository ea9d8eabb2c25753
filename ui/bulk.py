"""Pages that do one thing to many: what will be done, what is skipped and why, and one count at the end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ui.confirm import ConfirmLine, Done, Said
from ui.refusal import Refusal

Act = Callable[[Said], object]  # may raise Refusal


@dataclass(frozen=True)
class Item(ConfirmLine):
    """One thing that will be done, or is skipped with a reason."""

    act: Act | None = None  # None: it is always skipped
    again: bool = False  # a tick on the page does it all the same
    act_again: Act | None = None  # what the tick does; None: the same


def run(items: Sequence[Item], said: Said) -> Done:
    """Do what is not skipped, one by one; one that fails stops no other. The facts are the counts `number` and `skipped`."""
    number, skipped, failures = 0, 0, []
    for item in items:
        act = _act(item, said)
        if act is None:
            skipped += 1
            continue
        try:
            act(said)
        except Refusal as refusal:
            failures.append(f"{item.who}: {refusal}")
        else:
            number += 1
    return Done({"number": number, "skipped": skipped}, good=number > 0, failures=failures)


def _act(item: Item, said: Said) -> Act | None:
    """Return what is done to it, None where it is skipped."""
    if item.again and said.again:
        return item.act_again or item.act
    return None if item.skipped else item.act


def live(items: Sequence[Item]) -> int:
    """Count what is not skipped."""
    return sum(not item.skipped for item in items)
