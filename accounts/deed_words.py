"""How far a deed on many is and what came of it, in one line; the words are in templates/words/deeds.txt."""

from functools import partial

from accounts import jobs
from accounts.deed_kinds import UNDO
from accounts.models import Deed
from ui.counts import number
from ui.phrases import blocks, phrase

WORDS = "words/deeds.txt"
say = partial(phrase, WORDS)


def far(deed: Deed) -> str:
    """Return "20 of 4,990 accounts are done"."""
    return _of_kind("far", deed.kind, done=number(deed.done), total=number(deed.total))


def came_of_it(deed: Deed) -> str:
    """Return "1 paused, 2 skipped, 1 failed"."""
    kind = "undo" if deed.kind.startswith(UNDO) else deed.kind
    parts = [_of_kind("acted", kind, number=number(deed.acted), count=deed.acted)]
    parts += [say("skipped", number=number(deed.skipped))] if deed.skipped else []
    parts += [say("failed", number=number(deed.failed))] if deed.failed else []
    return ", ".join(parts)


def result(deed: Deed) -> str:
    """Return how far it is while it goes on, then what came of it, with where it ended if not all was done."""
    if deed.state in jobs.GOING:
        return far(deed)
    if deed.state == Deed.State.FAILED:
        return say("ended_early", result=came_of_it(deed), far=far(deed))
    return came_of_it(deed)


def fell_short(deed: Deed) -> bool:
    """Return whether something of it could not be done."""
    return bool(deed.failed) or deed.state == Deed.State.FAILED


def _of_kind(block: str, kind: str, **facts: object) -> str:
    """Return a phrase of a kind of deed, or the one for all."""
    own = f"{block}_{kind}"
    return say(own if own in blocks(WORDS) else block, **facts)
