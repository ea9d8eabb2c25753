"""What a mail of macros carries: it takes up what others carried; and line by line, for the page "why this mail?"."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.db.models import F, QuerySet

from macros.models import Evaluation, NewsNotice, Notice
from notifications import kinds
from notifications.models import Message
from ui import kept
from ui.phrases import phrase

SHOWN = 100  # facts on the page of one message
N = TypeVar("N", Notice, NewsNotice)


def join(
    newest: Message, older: Sequence[Message], *, key: str, notices_of: Callable[[Message], QuerySet[Any]]
) -> None:
    """Have a message carry what older ones to its reader do, in the caller's transaction. One that names several teams is of none.

    `key` of a payload says the run whose notices a message carries. They are the newest run's from then on, and count there.
    """
    for one in older:
        if one.payload[key] != newest.payload[key]:
            moved = notices_of(one).update(evaluation=newest.payload[key])
            runs = Evaluation.objects.all()
            runs.filter(pk=newest.payload[key]).update(notice_count=F("notice_count") + moved)
            runs.filter(pk=one.payload[key], notice_count__gte=moved).update(
                notice_count=F("notice_count") - moved
            )
        if one.team_id != newest.team_id:
            newest.team = None


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
