"""The daily evaluation of all macros: finds notices, writes the messages that will carry them.

One transaction holds the run's row, its notices and its messages. The unique row of a day decides that there is one scheduled run, however
many beats tick; a run that fails leaves no row, so that the next tick tries again; a day on which nothing ran is caught up by the next one.
"""

import logging
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from infra import locks
from infra.locks import Lock
from macros.mutes.services import end_due
from macros.notices.models import WARNING, Evaluation
from macros.notices.values import Span
from macros.warnings import finding
from notifications.outbox.services import deliver_soon
from users.installation import hold

logger = logging.getLogger(__name__)

KIND = WARNING


@dataclass(frozen=True)
class EvaluationReport:
    """What a run found. `evaluation_id` is None when nothing was written: a dry run, or the day has its run already."""

    on: date
    notices: int = 0
    messages: int = 0
    evaluation_id: int | None = None


def zone() -> ZoneInfo:
    """Return the project's time zone: whose calendar days count."""
    return ZoneInfo(settings.TIME_ZONE)


def local_day(now: datetime) -> date:
    """Return the calendar day in the project's time zone."""
    return now.astimezone(zone()).date()


def evaluate(
    *,
    now: datetime,
    on: date | None = None,
    trigger: Evaluation.Trigger = Evaluation.Trigger.HAND,
    dry_run: bool = False,
) -> EvaluationReport:
    """Find what no run has found and write its messages, as if today were `on`. A dry run counts and writes nothing.

    A scheduled run of a day that has one already finds nothing and writes nothing. Raises OnHold where it would write: what a copy finds
    is the original's to tell.
    """
    if not dry_run:
        hold.refuse()
        end_due(now)
    on = on or local_day(now)
    span = Span(moment_of(on, now=now), on, on, zone())
    if dry_run:
        counted = finding.count_findings(span)
        return EvaluationReport(on, counted.notices, counted.mails)
    with transaction.atomic():
        locks.take(Lock.EVALUATION)
        evaluation, created = _begin(on, trigger, now)
        if not created:
            return EvaluationReport(on)
        found = finding.write_findings(run=evaluation, span=span)
        evaluation.notice_count, evaluation.message_count = found
        evaluation.finished_at = now
        evaluation.save(update_fields=["notice_count", "message_count", "finished_at"])
        if evaluation.message_count:
            deliver_soon()
    logger.info(
        "Macros of %s: %s notices, %s messages", on, evaluation.notice_count, evaluation.message_count
    )
    return EvaluationReport(on, evaluation.notice_count, evaluation.message_count, evaluation.pk)


def evaluate_if_due(*, now: datetime) -> EvaluationReport | None:
    """Run today's evaluation if the hour has come and no run of today is recorded. None: not now.

    Where what it found did not reach its readers, it runs once more, for whoever is told in their place.
    """
    end_due(now)
    local = now.astimezone(zone())
    if local.hour < settings.MACROS_HOUR:
        return None
    runs = Evaluation.objects.filter(on_date=local.date())
    scheduled = runs.filter(trigger=Evaluation.Trigger.SCHEDULE).first()
    if scheduled is None:
        return evaluate(now=now, trigger=Evaluation.Trigger.SCHEDULE)
    dropped = scheduled.dropped_at
    if dropped is None or runs.filter(started_at__gte=dropped).exists():
        return None
    return evaluate(now=now)


def moment_of(on: date, *, now: datetime) -> datetime:
    """Return the moment that a run of `on` stands for: now if that is today, else the set hour of that day."""
    if on == local_day(now):
        return now
    return hour_of(on)


def hour_of(day: date) -> datetime:
    """Return the set hour of a day."""
    return datetime.combine(day, time(settings.MACROS_HOUR), tzinfo=zone())


def next_run(now: datetime) -> date:
    """Return the day of the next scheduled run: today, or tomorrow when today's is done."""
    today = local_day(now)
    done = Evaluation.objects.filter(trigger=Evaluation.Trigger.SCHEDULE, on_date=today).exists()
    return today + timedelta(days=1) if done else today


def _begin(on: date, trigger: Evaluation.Trigger, now: datetime) -> tuple[Evaluation, bool]:
    """Write the run's row. The lock is held, so a scheduled run that got here first is visible."""
    if trigger == Evaluation.Trigger.SCHEDULE:
        return Evaluation.objects.get_or_create(on_date=on, trigger=trigger, defaults={"started_at": now})
    return Evaluation.objects.create(on_date=on, trigger=trigger, started_at=now), True
