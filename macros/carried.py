"""What a mail of macros carried, line by line, for the page "why this mail?"."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from macros.models import NewsNotice, Notice
from notifications import kinds
from ui import kept
from ui.phrases import phrase

SHOWN = 100  # facts on the page of one message
N = TypeVar("N", Notice, NewsNotice)


def facts(notices: Iterable[N], found: Callable[[N], str]) -> list[kinds.Fact]:
    """Return a line for each notice, loaded with its account and macro: what was `found`, by which macro, and what became of it."""
    return [
        kinds.Fact(
            what=phrase(
                kinds.FACTS,
                "notice",
                macro=notice.macro_title,
                account=str(notice.account),
                channel=notice.account.get_channel_display(),
                found=found(notice),
            ),
            outcome=notice.get_outcome_display(),
            reason=kept.said(notice.outcome_reason),
        )
        for notice in notices
    ]
