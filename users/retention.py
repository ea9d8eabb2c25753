"""How long history is kept: asked by the pruning, and by the pages that show history, which say from when."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from users.models import RetentionPeriod
from users.retention_kinds import HAND_OUTS, KINDS, LOG_INS


def usual(kind: str) -> int:
    """Return how many days a kind is kept where nobody set it. Of records RECORDS_DAYS says so, within their bounds."""
    known = KINDS[kind]
    return max(settings.RECORDS_DAYS, known.least) if kind in {HAND_OUTS, LOG_INS} else known.usual


def days(kind: str) -> int:
    """Return how many days a kind is kept."""
    chosen = RetentionPeriod.objects.filter(pk=kind).values_list("days", flat=True).first()
    return usual(kind) if chosen is None else max(chosen, KINDS[kind].least)


def kept_since(kind: str, now: datetime) -> datetime:
    """Return the moment from which on a kind is complete: what is older may be gone."""
    return now - timedelta(days=days(kind))


def install(sender: Any = None, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    """Make the rows that are missing, after every `migrate`."""
    RetentionPeriod.objects.bulk_create([RetentionPeriod(kind=kind) for kind in KINDS], ignore_conflicts=True)
