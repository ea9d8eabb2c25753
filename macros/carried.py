"""What a mail of macros carries: it takes up what others carried; and line by line, for the page "why this mail?"."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from macros.models import Evaluation, NewsNotice, Notice
from notifications import kinds
from notifications.models import Message
from ui import kept
from ui.phrases import phrase

SHOWN = 100  # facts on the page of one message


def join(
    newest: Message, older: Sequence[Message], *, key: str, notices_of: Callable[[Message], QuerySet[Any]]
) -> None:
    """Have a message carry what older ones to its reader do, in the caller's transaction. One that names several teams is of none.

    `key` of a payload says the run whose notices a message carries. They are the newest run's from then on, and count there once that is
    committed.
    """
    gained = Counter[int]()  # by run
    for one in older:
        if one.payload[key] != newest.payload[key]:
            moved = notices_of(one).update(evaluation=newest.payload[key])
            gained.update({newest.payload[key]: moved, one.payload[key]: -moved})
        if one.team_id != newest.team_id:
            newest.team = None
    transaction.on_commit(partial(_count, gained), robust=True)


def _count(gained: Counter[int]) -> None:
    """Write how many notices runs have got, or lost, each by itself: they are of all readers, whose mails are made at the same time. Who
    held several while waiting for another one could wait in a circle.
    """
    for run, number in gained.items():
        runs = Evaluation.objects.filter(pk=run, notice_count__gte=-number)
        runs.update(notice_count=F("notice_count") + number)


def facts[N: (Notice, NewsNotice)](notices: Iterable[N], found: Callable[[N], str]) -> list[kinds.Fact]:
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
