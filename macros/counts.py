"""What a draft of a macro would tell, counted: the mails of the coming days, what it tells at once, who falls short of people.

As JSON has it, so that a worker can count for a page, whose reader's language it does not speak.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import datetime
from typing import Any

from macros import few_preview, news_preview, preview
from macros.few_preview import FewCount
from macros.news_preview import Found
from macros.preview import Ahead, Draft


@dataclass(frozen=True)
class Counts:
    """The counts. None is what took too long, and of `few` also what the draft does not ask for."""

    ahead: Ahead | None
    at_once: Found | None
    few: FewCount | None


def _ahead(draft: Draft, now: datetime, longest: int | None) -> Any:
    try:
        return asdict(preview.ahead(draft, now=now, longest=longest))
    except preview.TakesTooLongError:
        return None


def _at_once(draft: Draft, now: datetime, longest: int | None) -> Any:
    return news_preview.find(draft, now=now, longest=longest)


def _few(draft: Draft, now: datetime, longest: int | None) -> Any:
    found = few_preview.count(draft, now=now, longest=longest)
    return astuple(found) if found else None


# Part -> what counts it, in the milliseconds that it may take; None: as many as in a web process.
PARTS: Mapping[str, Callable[[Draft, datetime, int | None], Any]] = {
    "ahead": _ahead,
    "at_once": _at_once,
    "few": _few,
}


def of(draft: Draft, *, now: datetime) -> Counts:
    """Count now. Where the mails of the coming days take too long, nothing else is counted."""
    found: dict[str, Any] = {}
    for name, count in PARTS.items():
        found[name] = count(draft, now, None)
        if found["ahead"] is None:
            break
    return read(found)


def read(found: Mapping[str, Any]) -> Counts:
    """Return what was counted, from its parts."""
    ahead: Mapping[str, Any] | None = found.get("ahead")
    few: Sequence[int] | None = found.get("few")
    return Counts(
        Ahead(**ahead) if ahead else None,
        found.get("at_once"),
        FewCount(*few) if few else None,
    )
