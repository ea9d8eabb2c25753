"""A job of its own table, for forecasts alone: how far it is, and which worker has it."""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import ClassVar

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from users import liveness


class Job(models.Model):
    """One job of one person: so many things, of which some are done. A worker that dies is followed by another one."""

    names_things_in: ClassVar[str]  # an array of ids, which is emptied once it is over; "": there is none

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        MAKING = "making", _("Being made")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    total = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0)  # of `total`
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    # How often a worker has begun or gone on with it.
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        default_permissions = ()


logger = logging.getLogger(__name__)
State = Job.State
GOING = (State.WAITING, State.MAKING)
MOST_ATTEMPTS = 5  # workers that may die of one


def run_next[J: Job](jobs: QuerySet[J], work: Callable[[J], object], now: datetime) -> bool:
    """Do the job that waits longest, or go on with one whose worker died, in its person's time zone. Return whether there was one.

    `work` ends the job by `end`, or puts it back by `put_back`. One of which it raises has failed, and does not come again and again.
    """
    job = _claim(jobs, now) if jobs.filter(state__in=GOING).exists() else None
    if job is None:
        return False
    try:
        with liveness.kept(partial(_keep, job)), timezone.override(job.user.zone):
            work(job)
    except Exception:
        logger.exception("%s %s could not be done", type(job).__name__, job.pk)
        end(job, State.FAILED, now)
    return True


def mine[J: Job](job: J) -> QuerySet[J]:
    """Return the row, unless another worker has begun since."""
    rows: QuerySet[J] = type(job)._default_manager.filter(  # noqa: SLF001  # Django documents it
        pk=job.pk, state=State.MAKING, attempts=job.attempts
    )
    return rows


def put_back(job: Job, *, counted: bool = False) -> None:
    """Leave the rest to another worker. That is no attempt that came to nothing, unless it is `counted` as one."""
    attempts = job.attempts if counted else job.attempts - 1
    mine(job).update(state=State.WAITING, claimed_until=None, attempts=attempts)


def end(job: Job, state: Job.State, now: datetime) -> bool:
    """Say that it is over, and empty what named the things that were to be done. Return False where another worker has begun since."""
    facts: dict[str, object] = {"state": state, "claimed_until": None, "ended_at": now}
    if job.names_things_in:
        facts[job.names_things_in] = []
    return mine(job).update(**facts) > 0


@transaction.atomic
def _claim[J: Job](jobs: QuerySet[J], now: datetime) -> J | None:
    due = Q(state=State.WAITING)
    if liveness.may_take_over():
        due |= Q(state=State.MAKING, claimed_until__lt=now)
    job = jobs.filter(due).order_by("pk").select_for_update(skip_locked=True, no_key=True).first()
    if job is None:
        return None
    job.state, job.attempts = State.MAKING, job.attempts + 1
    job.claimed_until = now + liveness.CLAIM
    if job.attempts > MOST_ATTEMPTS:
        job.state, job.claimed_until, job.ended_at = State.FAILED, None, now
    job.save(update_fields=["state", "attempts", "claimed_until", "ended_at"])
    return job if job.state == State.MAKING else None


def _keep(job: Job, now: datetime) -> None:
    mine(job).update(claimed_until=now + liveness.CLAIM)
