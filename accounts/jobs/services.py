"""Asking for jobs, and doing them: claimed by a process that says that it lives while it works; another goes on where one died."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import F, Func, Q, QuerySet
from django.utils import timezone

from accounts.jobs.models import Job, JobItem
from accounts.models import Account
from infra import database_clock, liveness
from ui.errors import Refusal
from users.installation import hold
from users.models import User

# --- the kinds of jobs: whoever does one registers it, when the app loads ----------------------------------------------------


Outcome = JobItem.Outcome


@dataclass(frozen=True)
class Result:
    """What came of one thing. `why` is a block of words/jobs.txt that names `facts`; of these, `was` is the value before."""

    key: int
    outcome: JobItem.Outcome
    why: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def done(cls, key: int, why: str = "", **facts: object) -> "Result":
        """It was done."""
        return cls(key, Outcome.DONE, why, facts)

    @classmethod
    def skips(cls, key: int, why: str = "", **facts: object) -> "Result":
        """It was left as it is, on purpose."""
        return cls(key, Outcome.SKIPPED, why, facts)

    @classmethod
    def fails(cls, key: int, why: str, **facts: object) -> "Result":
        """It could not be done."""
        return cls(key, Outcome.FAILED, why, facts)


Finish = Callable[[Job, datetime], object]
Act = Callable[[Job, Sequence[int], datetime], Sequence[Result]]


@dataclass(frozen=True)
class JobKind:
    """A kind of job: what one needs to do it (nothing, for what people do to what is their own), and how some things are done.

    `act` gets the job, the keys of the next things, `size` at most, and the time, in a transaction. It returns what came of each, in their
    order; a Refusal is the answer for all of them.
    `after` is called with the first key once that is committed, for what happens outside any transaction. A worker that dies before it
    leaves it undone, so it is what a sweep would do as well.
    `holds` says, before each part, whether what the job is about is still as it must be; where not, it ends as failed. `finish` is called
    once, in the transaction that ends the job, however it ends; `job.state` says how.
    """

    permission: str
    act: Act
    size: int | None = None  # None: many
    after: Callable[[Job, int, datetime], object] | None = None
    holds: Callable[[Job], bool] | None = None
    finish: Finish | None = None

    def allows(self, user: User) -> bool:
        """Return whether a person holds the permission, where one is needed."""
        return not self.permission or user.has_perm(self.permission)


def results_in_order(keys: Sequence[int], results: Mapping[int, Result]) -> list[Result]:
    """Return the results in the order of the keys. What has none is an account that the person no longer sees."""
    return [results.get(key) or Result.skips(key, "not_seen") for key in keys]


KINDS: dict[str, JobKind] = {}


def register_kind(name: str, kind: JobKind) -> None:
    """Say how a job of this kind is done."""
    KINDS[name] = kind


State = Job.State
KEPT_FOR = timedelta(days=1)
MOST_ATTEMPTS = 5  # workers that may die of one
MANY = 100  # things in one transaction
_COLUMNS = {
    JobItem.Outcome.DONE: "acted",
    JobItem.Outcome.SKIPPED: "skipped",
    JobItem.Outcome.FAILED: "failed",
}

logger = logging.getLogger(__name__)


def start_job(
    *,
    user: User,
    kind: str,
    keys: Sequence[int] | QuerySet[Any, Any],
    now: datetime,
    subject_id: int = 0,
    note: str = "",
    options: Mapping[str, object] | None = None,
    once: str = "",
) -> tuple[Job, bool]:
    """Have a job done. Return it, and False where its page asked already, or one of a kind of which one goes on at a time is under way.

    `keys`: the ids of its things, or a query of one column, in order: then they stay in the database. `once`: what its page was given.
    """
    facts: dict[str, Any] = {"subject_id": subject_id, "note": note[:300], "once": once}
    ids = ArraySubquery(keys) if isinstance(keys, QuerySet) else list(keys)
    while True:
        try:
            with transaction.atomic():
                made = Job.objects.create(
                    user=user,
                    kind=kind,
                    keys=ids,
                    total=0,
                    options=dict(options or {}),
                    created_at=now,
                    **facts,
                )
                Job.objects.filter(pk=made.pk).update(total=Func("keys", function="cardinality"))
                return Job.objects.get(pk=made.pk), True
        except IntegrityError:
            known = Job.objects.filter(user=user, once=once) if once else Job.objects.none()
            running = Job.objects.going().filter(kind=kind, subject_id=subject_id)
            if found := known.first() or running.first():
                return found, False


def accounts_of_job(job: Job, keys: Sequence[int]) -> QuerySet[Account]:
    """Return those of these accounts that the job's person sees now."""
    return Account.objects.visible_to(job.user).filter(pk__in=keys)


def lock_accounts(job: Job, keys: Iterable[int]) -> list[Account]:
    """Lock and return the same."""
    return list(Account.objects.visible_to(job.user).filter(pk__in=list(keys)).locked())


def do_next_job(
    *,
    clock: Callable[[], datetime],
    goes_on: Callable[[], bool],
    only: int | None = None,
) -> bool:
    """Do the job that waits longest (`only`: this one), or go on with one whose worker died. Return whether there was one.

    It is done in its person's time zone. A worker that is to stop leaves the rest to another one. On hold all of them wait.
    """
    if not goes_on() or hold.current() is not None:
        return False
    job = _claim(only, clock())
    if job is None:
        return False
    kind = KINDS.get(job.kind)
    if kind is None or job.attempts > MOST_ATTEMPTS:
        logger.error(
            "Job %s is given up: of a kind that nobody knows (%s), or begun too often", job.pk, job.kind
        )
        _end(job, kind, State.FAILED, clock())
        return True
    try:
        with liveness.kept(partial(_keep, job)), timezone.override(job.user.zone):
            state = _go_on(job, kind, clock, goes_on)
            if state is not None:
                _end(job, kind, state, clock())
    except hold.OnHold:
        _put_back(job)
    except OperationalError:
        logger.warning("Job %s is begun again where it was: PostgreSQL did not take it", job.pk)
        _put_back(job, counted=True)
    except Exception:
        logger.exception("Job %s could not be done", job.pk)
        _end(job, kind, State.FAILED, clock())
    return True


def do_job_now(job: Job) -> None:
    """Do this job in the caller's process, unless a worker has it. On hold it waits."""
    do_next_job(clock=database_clock.now, goes_on=lambda: True, only=job.pk)


def sweep_jobs(*, now: datetime) -> int:
    """Remove what was over a day ago. Returns how many rows."""
    return Job.objects.over_before(now - KEPT_FOR).delete()[0]


@transaction.atomic
def _claim(only: int | None, now: datetime) -> Job | None:
    due = Q(state=State.WAITING)
    if liveness.may_take_over():
        due |= Q(state=State.MAKING, claimed_until__lt=now)
    jobs = Job.objects.filter(due) if only is None else Job.objects.filter(due, pk=only)
    job = jobs.order_by("pk").select_for_update(skip_locked=True, no_key=True).first()
    if job is None:
        return None
    job.state, job.attempts = State.MAKING, job.attempts + 1
    job.claimed_until = now + liveness.CLAIM
    job.save(update_fields=["state", "attempts", "claimed_until"])
    return job


def _keep(job: Job, now: datetime) -> None:
    Job.objects.claimed(job).update(claimed_until=now + liveness.CLAIM)


def _put_back(job: Job, *, counted: bool = False) -> None:
    """Leave the rest to another worker. That is no attempt that came to nothing, unless it is `counted` as one."""
    attempts = job.attempts if counted else job.attempts - 1
    Job.objects.claimed(job).update(state=State.WAITING, claimed_until=None, attempts=attempts)


@transaction.atomic
def _end(job: Job, kind: JobKind | None, state: Job.State, now: datetime) -> None:
    """End a job, unless another worker has begun since. Of what it did not come to, its items say so."""
    ended = Job.objects.claimed(job).update(state=state, claimed_until=None, ended_at=now)
    if not ended:
        return
    job.state = state
    _give_up(job, now)
    if kind is not None and kind.finish is not None:
        kind.finish(job, now)


def _give_up(job: Job, now: datetime) -> None:
    """Say of all things that the job did not come to that they were not reached, and empty its keys."""
    row = Job.objects.filter(pk=job.pk)
    left = row.values_list(f"keys__{job.done}_{job.total}", flat=True).get() or []
    JobItem.objects.bulk_create(
        (
            JobItem(job=job, place=place, key=key, outcome=JobItem.Outcome.FAILED, why="not_reached", at=now)
            for place, key in enumerate(left, job.done + 1)
        ),
        batch_size=1_000,
    )
    row.update(keys=[], failed=F("failed") + len(left))


def _go_on(
    job: Job, kind: JobKind, clock: Callable[[], datetime], goes_on: Callable[[], bool]
) -> Job.State | None:
    """Do what is left. Return how it ended; None where it is another worker's now."""
    for keys in _parts(job, kind.size or MANY):
        if not goes_on() or hold.current() is not None:
            _put_back(job)
            return None
        if not _may(job, kind) or (kind.holds is not None and not kind.holds(job)):
            return State.FAILED
        if not _do(job, kind, keys, clock()):
            return None
        if kind.after:
            kind.after(job, keys[0], clock())
    return State.READY


def _parts(job: Job, size: int) -> Iterator[Sequence[int]]:
    """Yield the keys of what is left, `size` at a time; `job.done` grows meanwhile."""
    while job.done < job.total:
        part = Job.objects.values_list(f"keys__{job.done}_{job.done + size}", flat=True).get(pk=job.pk)
        if not part:
            raise LookupError(f"Job {job.pk} names {job.done} things and not {job.total}.")
        yield part


def _may(job: Job, kind: JobKind) -> bool:
    """Return whether the person may still do it: asked anew for each part, since a job may take minutes."""
    # What the person may do, the object has kept; and whoever saw that person off may have taken the job over.
    before = job.user_id
    job.user = User.objects.get(pk__in=Job.objects.filter(pk=job.pk).values("user"))
    if job.user_id != before:
        job.refresh_from_db(fields=["options"])
    return job.user.is_active and kind.allows(job.user)


@transaction.atomic
def _do(job: Job, kind: JobKind, keys: Sequence[int], now: datetime) -> bool:
    """Do it to some things, and keep what came of each. Return False where another worker has begun since.

    The row is written before, so that a worker that was taken for dead waits here and does nothing twice.
    """
    mine = Job.objects.claimed(job)
    if not mine.update(done=job.done + len(keys)):
        return False
    results = _results(job, kind, keys, now)
    _write_items(job, results, now)
    counts = Counter(one.outcome for one in results)
    mine.update(**{_COLUMNS[one]: F(_COLUMNS[one]) + number for one, number in counts.items()})
    job.done += len(keys)
    return True


def _write_items(job: Job, results: Sequence[Result], now: datetime) -> None:
    """Keep what came of the things that come next."""
    JobItem.objects.bulk_create(
        JobItem(
            job=job,
            place=place,
            key=one.key,
            outcome=one.outcome,
            why=one.why,
            facts=dict(one.facts),
            at=now,
        )
        for place, one in enumerate(results, job.done + 1)
    )


def _results(job: Job, kind: JobKind, keys: Sequence[int], now: datetime) -> list[Result]:
    """Return what came of each. One that is at fault spoils no other: then each is done by itself."""
    try:
        with transaction.atomic():
            return list(kind.act(job, keys, now))
    except Refusal as refusal:
        return [Result.fails(key, "as_told", text=str(refusal)) for key in keys]
    except (hold.OnHold, OperationalError):
        raise
    except Exception:
        logger.exception("Job %s could not be done to %s", job.pk, keys)
        if len(keys) == 1:
            return [Result.fails(keys[0], "our_fault")]
    return [one for key in keys for one in _results(job, kind, [key], now)]
