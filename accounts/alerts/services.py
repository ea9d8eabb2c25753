"""Telling operators what only they can fix: refusals of our app, answers that no verdict table knows, doubts, ends of versions.

One mail per channel app and occasion, whatever the number of tokens behind it. Marketers never get it. What was told is marked in the
transaction that writes the messages, so that nothing is told twice or lost; the text is made at sending, by `accounts.alerts.mails`.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import RefusedWrite
from notifications import outbox
from notifications.models import Message
from tokens.channels import registry, versions
from tokens.doubts import services as doubts
from tokens.models import ChannelApp, Doubt, UnknownAnswer
from users.people.queries import operators

KIND = "operators"
QUIET = timedelta(hours=24)  # a fault that comes and goes is told of once in this time
GATHER = timedelta(hours=8)  # unknown answers of one app found within this time come in one mail


def tell_operators(now: datetime) -> int:
    """Write of faults of apps, and of unknown answers, what operators were not told yet. Returns how many messages were written."""
    return _tell_of_faults(now) + _tell_of_answers(now)


def _tell_of_faults(now: datetime) -> int:
    """Write once of each fault, but of an app not sooner than `QUIET` after the last, also to whoever becomes an operator later."""
    return sum(
        _tell_of_fault(app.pk, since, now)
        for app in ChannelApp.objects.refused()
        if (since := app.fault_since)
    )


def _tell_of_fault(app: int, since: datetime, now: datetime) -> int:
    of_app = Message.objects.filter(kind=KIND, payload__contains={"app": app}).exclude(payload__fault="")
    told = set(of_app.not_lost().filter(created_at__gt=now - QUIET).values_list("recipient", flat=True))
    to = [address for address in operators() if address not in told]
    return write_alert(f"{app}:fault:{since.isoformat()}", _of_app(app, fault=since.isoformat()), to, now)


@transaction.atomic
def _tell_of_answers(now: datetime) -> int:
    """Write one message per operator and app, and mark what is in it. Without anybody to tell nothing is marked: it waits for somebody."""
    lately = UnknownAnswer.objects.filter(told_at__gt=now - GATHER)
    untold = UnknownAnswer.objects.filter(told_at=None).exclude(app__in=lately.values("app"))
    rows = untold.order_by("app_id", "first_seen_at", "pk").select_for_update(skip_locked=True, no_key=True)
    found = list(rows.values_list("app_id", "pk"))
    to = operators() if found else []
    if not to:
        return 0
    UnknownAnswer.objects.filter(pk__in=[pk for _, pk in found]).update(told_at=now)
    return sum(
        write_alert(f"{app}:{now.isoformat()}", _of_app(app, answers=[pk for _, pk in some]), to, now)
        for app, some in groupby(found, key=itemgetter(0))
    )


def _of_app(app: int, *, fault: str = "", answers: Sequence[int] = ()) -> dict[str, Any]:
    return {"app": app, "fault": fault, "answers": list(answers)}


def write_alert(key: str, payload: dict[str, Any], to: Iterable[str], now: datetime) -> int:
    """Write one message to each address; what has the same key is written once. Returns how many were written."""
    return sum(
        outbox.enqueue(
            kind=KIND,
            recipient=address,
            dedupe_key=f"{KIND}:{key}:{address}",
            payload=payload,
            now=now,
        )
        for address in to
    )


def tell_of_doubts(now: datetime) -> int:
    """Write to each operator, once a day and app, from the third log-in of the day on. Returns how many were written."""
    today = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return sum(
        write_alert(f"{app_id}:doubts:{today:%Y-%m-%d}", {"doubts": app_id}, operators(), now)
        for app_id in doubts.apps_of_many(Doubt.objects.filter(began_at__gte=today))
    )


@transaction.atomic
def tell_of_refusals(now: datetime) -> int:
    """Write one message per operator about the shifts that nobody was told of, and mark them. Returns how many messages were written."""
    untold = RefusedWrite.objects.untold().order_by("pk").select_for_update(skip_locked=True, no_key=True)
    found = list(untold.values_list("pk", flat=True))
    to = operators() if found else []
    if not to:
        return 0
    RefusedWrite.objects.filter(pk__in=found).update(told_at=now)
    return write_alert(f"refused:{found[0]}", {"refused_writes": found}, to, now)


@transaction.atomic
def tell_of_versions(now: datetime) -> int:
    """Write of ends of API versions that operators were not told of yet: 60 days ahead, 14 days ahead and at the end.

    Every message has a key of its own, so that the hourly run writes nothing twice; whoever becomes an operator later hears what still
    holds. Returns how many messages were written.
    """
    news = list(_ends(now))
    if not news:
        return 0
    to = operators()
    return sum(write_alert(key, payload, to, now) for key, payload in news)


def _ends(now: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the ends that are near, of channels that have an app in use: a key, the same for the same news, and the payload."""
    used = ChannelApp.objects.set_up().values_list("channel", flat=True)
    today = timezone.localdate(now)
    for key in sorted(set(used) & registry.CHANNELS.keys()):
        version = versions.in_use(registry.get(key))
        if version is None or version.end is None:
            continue
        stage = versions.stage(version.end, today)
        if stage is not None:
            payload = {"version": version.name, "channel": key, "end": version.end.isoformat()}
            yield f"version:{key}:{version.name}:{version.end}:{stage}", payload
