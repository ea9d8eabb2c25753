"""Telling operators what only they can fix: refusals of our app, answers that no verdict table knows, doubts, ends of versions.

One mail per channel app and occasion, whatever the number of tokens behind it. Marketers never get it. What was told is marked in the
transaction that writes the messages, so that nothing is told twice or lost; the text is made at sending, by `accounts.alerts.mails`.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts.models import RefusedWrite
from notifications import outbox
from tokens.channels import registry, versions
from tokens.doubts import services as doubts
from tokens.models import ChannelApp, Doubt, UnknownAnswer
from users.people.queries import operators

logger = logging.getLogger(__name__)

KIND = "operators"
QUIET = timedelta(hours=24)  # a fault that comes and goes is told of once in this time
GATHER = timedelta(hours=8)  # unknown answers of one app found within this time come in one mail


@transaction.atomic
def tell_operators(now: datetime) -> int:
    """Write what operators were not told yet. Returns how many messages were written. Cheap where nothing is new: two small queries.

    Without anybody to tell nothing is marked: who is added later hears of it then.
    """
    found = {*_untold_faults(now).values_list("pk", flat=True), *_untold().values_list("app_id", flat=True)}
    if not found:
        return 0
    to = operators()
    if not to:
        logger.warning("A channel app has trouble and there is nobody to tell: set OPERATOR_EMAILS.")
        return 0
    apps = ChannelApp.objects.filter(pk__in=found).order_by("pk")
    locked = apps.select_for_update(skip_locked=True, no_key=True)  # another worker is telling of the others
    return sum(_tell(app, to, now) for app in locked)


def _untold_faults(now: datetime) -> QuerySet[ChannelApp]:
    new = Q(fault_told_at=None) | Q(fault_told_at__lt=F("fault_since"), fault_told_at__lte=now - QUIET)
    return ChannelApp.objects.refused().filter(new)


def _untold() -> QuerySet[UnknownAnswer]:
    return UnknownAnswer.objects.filter(told_at=None)


def _tell(app: ChannelApp, to: Iterable[str], now: datetime) -> int:
    """Write one message per operator about one app, and mark what is in it. The app's row is locked."""
    fault = _untold_faults(now).filter(pk=app.pk).exists()
    answers = list(_untold().filter(app=app).order_by("first_seen_at", "pk"))
    lately = UnknownAnswer.objects.filter(app=app, told_at__gt=now - GATHER)
    if not fault and (not answers or lately.exists()):
        return 0
    _mark(app, answers, fault=fault, now=now)
    payload = {
        "app": app.pk,
        "fault": app.fault_since.isoformat() if fault and app.fault_since else "",
        "answers": [answer.pk for answer in answers],
    }
    return write_alert(f"{app.pk}:{now.isoformat()}", payload, to, now)


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


def _mark(app: ChannelApp, answers: Sequence[UnknownAnswer], *, fault: bool, now: datetime) -> None:
    if fault:
        ChannelApp.objects.filter(pk=app.pk).update(fault_told_at=now)
    UnknownAnswer.objects.filter(pk__in=[answer.pk for answer in answers]).update(told_at=now)


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
    if not to:
        logger.warning("A version of a channel's API ends and there is nobody to tell: set OPERATOR_EMAILS.")
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
