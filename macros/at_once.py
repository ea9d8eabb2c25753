"""What macros tell at once: an account is deactivated, another log-in took over, it works again, the channel restricts it.

Whoever writes events of accounts leaves a row in the same transaction (`accounts.FreshEvents`). A sweep takes these rows when the oldest
has waited for `GATHER`, so that what one cause does to many accounts is one mail for each reader, and asks of each event whether it holds
still. Rows are taken, and notices and messages written, in one transaction: nothing is told twice, and nothing is lost.

That an account is deactivated is a notice of threshold 0, as the daily evaluation writes it, and its mail the same; the rest are
`NewsNotice`s and a mail of their own.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from accounts.models import FreshEvents
from macros import delays, evaluation, news, news_sql, sql
from macros.models import Evaluation, MacroAction
from notifications.tasks import deliver_soon
from users.recipients import operators

GATHER = timedelta(seconds=30)
BLIP = timedelta(seconds=60)  # dark for less: that it stopped was told to nobody, so that it works is no news

Pairs = list[tuple[int, int]]  # ids of an action and of an event


@transaction.atomic
def tell(now: datetime) -> int:
    """Write the mails about what happened since the last time. Returns how many. Cheap where nothing happened: two small queries."""
    if not evaluation.locked_at_once():
        return 0
    moments, events = _fresh(now), delays.take_due(now)
    told_at_once = MacroAction.objects.filter(kind__in=dict(MacroAction.Kind.at_once()))
    if not (moments or events) or not told_at_once.filter(macro__enabled=True).exists():
        return 0
    dark, others, due = _look(moments, events, now)
    delays.delay(due)
    return _write(dark, others, now) if dark or others else 0


def _fresh(now: datetime) -> list[datetime]:
    """Take the moments of events that were written, all of them once the oldest has waited."""
    if not FreshEvents.objects.filter(at__lte=now - GATHER).exists():
        return []
    with connection.cursor() as cursor:
        cursor.execute("delete from accounts_freshevents returning at")
        return sorted({row[0] for row in cursor.fetchall()})


def _look(
    moments: Sequence[datetime], events: Sequence[int], now: datetime
) -> tuple[Pairs, Pairs, dict[int, datetime]]:
    """Return what is to be told now of accounts that are dark, and of others; and when which events are looked at again."""
    values: dict[str, Any] = {
        "moments": list(moments),
        "first": moments[0] if moments else None,
        "last": moments[-1] if moments else None,
        "events": list(events),
        "blip": BLIP,
        "now": now,
    }
    found: dict[bool, Pairs] = defaultdict(list)
    due: dict[int, datetime] = {}
    with connection.cursor() as cursor:
        cursor.execute(news_sql.LOOK, values)
        for action, event, kind, again_at in cursor.fetchall():
            if again_at is None:
                found[kind == MacroAction.Kind.DEACTIVATED].append((action, event))
            else:
                due[event] = max(again_at, due.get(event, again_at))
    return found[True], found[False], due


def _write(dark: Pairs, others: Pairs, now: datetime) -> int:
    """Write notices and messages, and the run's row where there is anything to tell. Returns how many messages."""
    run = Evaluation.objects.create(
        on_date=evaluation.local_day(now), trigger=Evaluation.Trigger.EVENT, started_at=now, finished_at=now
    )
    for found, insert, messages, kind in (
        (dark, news_sql.INSERT_DARK, sql.MESSAGES, evaluation.KIND),
        (others, news_sql.INSERT_NEWS, sql.NEWS_MESSAGES, news.KIND),
    ):
        values: dict[str, Any] = {
            "evaluation": run.pk,
            "actions": [action for action, _ in found],
            "events": [event for _, event in found],
            "operators": operators(),
            "kind": kind,
            "now": now,
        }
        if found:
            run.notice_count += _execute(insert, values)
            run.message_count += _execute(messages, values)
    if not run.notice_count:
        run.delete()
        return 0
    run.save(update_fields=["notice_count", "message_count"])
    deliver_soon()
    return run.message_count


def _execute(text: str, values: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return int(cursor.rowcount)
