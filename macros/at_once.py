"""What macros tell at once: an account is deactivated, another log-in took over, it works again, the channel restricts it, too few people
could carry it.

Whoever writes events of accounts leaves a row in the same transaction (`accounts.FreshEvents`). A sweep takes these rows when the oldest
has waited for `GATHER`, so that what one cause does to many accounts is one mail for each reader, and asks of each event whether it holds
still; what goes on happening after that, `macros.bursts` gathers. Rows are taken, and notices and messages written, in one transaction:
nothing is told twice, and nothing is lost.

That an account is deactivated is a notice of threshold 0, as the daily evaluation writes it, and its mail the same; the rest are
`NewsNotice`s and a mail of their own. Too few people is no event: the rows name the accounts whose people came or went.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Min

from accounts.models import AccountEvent, FreshEvents
from macros import bursts, delays, evaluation, few_people, missed, news, news_sql
from macros.models import Evaluation, MacroAction, NewsNotice, Notice, Shortage
from macros.notices import services
from notifications.tasks import deliver_soon
from users.recipients import operators

GATHER = timedelta(seconds=30)
MAILED_BEFORE = timedelta(hours=2)  # before an event the mail of its cause is written at most
# What is older, as what somebody snoozed for weeks, was told long ago: of what went dark that is noted where the mail was sent.
LOOKED_BACK = timedelta(days=14)
BLIP = timedelta(seconds=60)  # dark for less: that it stopped was told to nobody, so that it works is no news
KINDS = [*dict(MacroAction.Kind.at_once()), MacroAction.Kind.FEW_PEOPLE]

Pairs = list[tuple[int, int]]  # ids of an action and of an event


@dataclass
class Fresh:
    """What was written since the last time: moments of events, and ids of accounts that fewer or more people could carry than before."""

    moments: list[datetime] = field(default_factory=list)
    fell: list[int] = field(default_factory=list)
    rose: list[int] = field(default_factory=list)


@transaction.atomic
def tell(now: datetime) -> int:
    """Write the mails about what happened since the last time. Returns how many. Cheap where nothing happened: three small queries."""
    if not evaluation.locked_at_once():
        return 0
    missed.look_due(now)
    fresh, due_events = _fresh(now), delays.take_due(now)
    if not (fresh.moments or due_events):
        return 0
    told_at_once = MacroAction.objects.filter(kind__in=KINDS, macro__enabled=True)
    kinds = set(told_at_once.values_list("kind", flat=True).distinct())
    if not kinds:
        return 0
    events, shortages = delays.split(due_events)
    dark, others, due = _look(fresh.moments, events, now)
    short = few_people.Short()
    if MacroAction.Kind.FEW_PEOPLE in kinds:
        short = few_people.look(fell=fresh.fell, rose=fresh.rose, again=shortages, now=now)
    delays.delay(due | delays.of_shortages(short.later))
    if not (dark or others or short.told):
        return 0
    since = _mailed_since(fresh.moments, due_events, now)
    return _write(dark, others, short, since, now)


def _fresh(now: datetime) -> Fresh:
    """Take what was written, all of it once the oldest has waited."""
    if not FreshEvents.objects.filter(at__lte=now - GATHER).exists():
        return Fresh()
    with connection.cursor() as cursor:
        cursor.execute("delete from accounts_freshevents returning at, fell, rose")
        rows = cursor.fetchall()
    return Fresh(
        sorted({row[0] for row in rows}),
        sorted({account for row in rows for account in row[1]}),
        sorted({account for row in rows for account in row[2]}),
    )


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
        "again": now + few_people.AGAIN,
        "now": now,
    }
    found: dict[bool, Pairs] = defaultdict(list)
    due: dict[int, datetime] = {}
    with connection.cursor() as cursor:
        cursor.execute(news_sql.LOOK, values)
        for action, event, kind, at in cursor.fetchall():
            if at:
                due[event] = at
            else:
                found[kind == MacroAction.Kind.DEACTIVATED].append((action, event))
    return found[True], found[False], due


def _mailed_since(moments: Sequence[datetime], due: Sequence[int], now: datetime) -> datetime:
    """Return from when on a mail of a log-in's end may have told the same: since before the oldest of what is looked at, which may have
    waited for days while the sweep did not run. `due`: what is looked at again, as `delays` numbers it.
    """
    events, shortages = delays.split(due)
    oldest = [now, *moments[:1]]
    if events:
        found = AccountEvent.objects.filter(pk__in=events).aggregate(at=Min("at"))["at"]
        oldest.append(found or now)
    if shortages:
        found = Shortage.objects.filter(pk__in=shortages).aggregate(at=Min("began_at"))["at"]
        oldest.append(found or now)
    return max(min(oldest) - MAILED_BEFORE, now - LOOKED_BACK)


def _write(dark: Pairs, others: Pairs, short: few_people.Short, since: datetime, now: datetime) -> int:
    """Write notices and messages, and the run's row where there is anything to tell. Returns how many messages. `since`: from when on mails
    of ended log-ins count.

    What readers were told of within the hour is looked at again when that is over.
    """
    run = Evaluation.objects.create(
        on_date=evaluation.local_day(now), trigger=Evaluation.Trigger.EVENT, started_at=now, finished_at=now
    )
    news_count, later = _insert(news_sql.INSERT_NEWS, others, run, since, now)
    few_count, few_later = few_people.tell(short, evaluation=run.pk, mailed_since=since, now=now)
    dark_count, dark_later = _insert(news_sql.INSERT_DARK, dark, run, since, now)
    delays.delay(later | few_later | dark_later)
    news_count += few_count
    if not (dark_count or news_count):
        run.delete()
        return 0
    if dark_count:
        dark_count -= _mail(run, evaluation.KIND, Notice, "evaluation", now)
    if news_count:
        news_count -= _mail(run, news.KIND, NewsNotice, "news", now)
    run.notice_count = dark_count + news_count
    if not run.notice_count:  # all of it joined mails that wait
        run.delete()
        return 0
    run.save(update_fields=["notice_count", "message_count"])
    deliver_soon()
    return run.message_count


def _mail(run: Evaluation, kind: str, told: type[Notice] | type[NewsNotice], key: str, now: datetime) -> int:
    """Write the messages of what a run found, but for what joins mails that wait. Returns how many notices did."""
    joined = bursts.join(run, kind=kind, table=told._meta.db_table, key=key, now=now)  # noqa: SLF001  # Django's documented API
    run.message_count += services.write_messages(run, told, kind=kind, key=key, now=now)
    bursts.space(run, kind=kind, key=key, now=now)
    return joined


def _insert(
    text: str, found: Pairs, run: Evaluation, since: datetime, now: datetime
) -> tuple[int, dict[int, datetime]]:
    """Write the notices of actions and events. Returns how many, and which events are looked at again when."""
    if not found:
        return 0, {}
    values: dict[str, Any] = {
        "evaluation": run.pk,
        "actions": [action for action, _ in found],
        "events": [event for _, event in found],
        "operators": operators(),
        "mailed_since": since,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return delays.written(cursor.fetchall())
