"""Beginning a job that somebody asks for, on a page or by API: a small one is done by the time that it answers, others by a worker."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from celery import shared_task
from celery.worker import state as worker_state
from django.db import transaction
from django.db.models import QuerySet

from accounts.jobs import services
from accounts.jobs.models import Job
from infra import asking_workers, database_clock
from users.installation import hold
from users.models import User

SMALL = 50  # things that are done by the process that asks for it
SCHEDULE = {"Do what was asked for to many": ("accounts.tasks.run_jobs", 30)}


@shared_task(name="accounts.tasks.run_jobs")
def run_jobs() -> None:
    """Do what staff asked for to many at once. Several workers do several of them."""
    while services.do_next_job(clock=database_clock.now, goes_on=lambda: worker_state.should_stop is None):
        pass


def begin(
    *, user: User, kind: str, keys: Sequence[int] | QuerySet[Any, Any], **facts: Any
) -> tuple[Job, bool]:
    """Have it done to these things once this transaction is committed. `facts` and the answer: those of `services.start_job`.

    Raises OnHold where nothing is done.
    """
    hold.refuse()
    facts.setdefault("now", database_clock.now())
    job, is_new = services.start_job(user=user, kind=kind, keys=keys, **facts)
    if is_new:
        transaction.on_commit(partial(_do_or_ask, job))
    return job, is_new


def _do_or_ask(job: Job) -> None:
    """Do a small job; what is big, or calls a channel, is a worker's, and so is what could not be done now."""
    if job.total <= SMALL and services.KINDS[job.kind].after is None:
        services.do_job_now(job)
    if Job.objects.filter(pk=job.pk, state=Job.State.WAITING).exists():
        asking_workers.ask(run_jobs)
