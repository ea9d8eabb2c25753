"""Beginning a job that somebody asks for, on a page or by API: a small one is done by the time that it answers."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.jobs import services
from accounts.jobs.models import Job
from accounts.jobs.services import KINDS
from accounts.jobs.tasks import run_jobs
from infra import asking_workers, database_clock
from users.installation import hold
from users.models import User

SMALL = 50  # things that are done by the process that asks for it


def begin(
    *, user: User, kind: str, keys: Sequence[int] | QuerySet[Any, Any], **facts: Any
) -> tuple[Job, bool]:
    """Have it done to these things once this transaction is committed. `facts` and the answer: those of `services.start_job`.

    Raises OnHold where nothing is done.
    """
    hold.refuse()
    job, is_new = services.start_job(user=user, kind=kind, keys=keys, now=database_clock.now(), **facts)
    if is_new:
        transaction.on_commit(partial(_do_or_ask, job))
    return job, is_new


def _do_or_ask(job: Job) -> None:
    """Do a small job; what is big, or calls a channel, is a worker's, and so is what could not be done now."""
    if job.total <= SMALL and KINDS[job.kind].after is None:
        services.do_job_now(job)
    if Job.objects.filter(pk=job.pk, state=Job.State.WAITING).exists():
        asking_workers.ask(run_jobs)
