"""What staff do to many accounts at once: pause, resume, give to another team. Each account once, with one event."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from accounts.jobs import services
from accounts.jobs.models import MOVE, PAUSE, RESUME, Job
from accounts.jobs.services import JobKind, Result, register_kind, results_in_order
from accounts.models import Account, AccountEvent
from accounts.pool import permissions
from accounts.pool import services as pool
from accounts.pool.errors import ActionRefused
from accounts.pool.health import OUTSIDE
from users.models import Team, User
from users.people.queries import names_for

FollowUp = Callable[[Collection[int], User, datetime], object]  # ids of the accounts, who moved them, when
_FOLLOW_UPS: list[FollowUp] = []


def register_follow_up(follow_up: FollowUp) -> None:
    """Say what follows in the transaction that moved accounts to another team, and holds their rows."""
    _FOLLOW_UPS.append(follow_up)


def register_jobs() -> None:
    """Say how these jobs are done."""
    register_kind(MOVE, JobKind(permissions.MOVE, move_accounts))
    register_kind(PAUSE, JobKind(permissions.PAUSE, pause_accounts))
    register_kind(RESUME, JobKind(permissions.RESUME, resume_accounts))


def pause_accounts(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
    """Stop serving those on purpose that are not paused; they are not warned about either."""
    found = services.lock_accounts(job, keys)
    fresh = [one for one in found if not one.is_paused]
    results = {one.pk: Result.skips(one.pk, "paused_already") for one in found}
    results |= {one.pk: Result.done(one.pk, state=one.state) for one in fresh}
    for one in fresh:
        one.paused_at, one.paused_by, one.pause_note = now, job.user, job.note
    Account.objects.bulk_update(fresh, ["paused_at", "paused_by", "pause_note"])
    _settle(job, [one.pk for one in fresh], "paused", now)
    return results_in_order(keys, results)


def resume_accounts(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
    """Serve those again that are paused, as far as their pools allow."""
    found = services.lock_accounts(job, keys)
    paused = [one for one in found if one.is_paused]
    results = {one.pk: Result.skips(one.pk, "not_paused") for one in found}
    results |= {one.pk: Result.done(one.pk, was=one.pause_note) for one in paused}
    ids = [one.pk for one in paused]
    Account.objects.filter(pk__in=ids).update(paused_at=None, paused_by=None, pause_note="")
    AccountEvent.objects.bulk_create(
        AccountEvent(
            account_id=pk,
            kind=AccountEvent.Kind.RESUMED,
            source="staff",
            actor=job.user,
            note=job.note,
            at=now,
        )
        for pk in ids
    )
    _settle(job, ids, "resumed", now)
    return results_in_order(keys, results)


def _settle(job: Job, ids: Sequence[int], cause: str, now: datetime) -> None:
    pool.settle(account_ids=ids, cause=cause, now=now, source="staff", actor=job.user, note=job.note)


def move_accounts(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
    """Move to the team `job.subject_id` what is not there. Its log-ins stay, as far as that team takes them.

    Whoever reads an account's team (leases, macros, mails, pages) sees the new one at once. Raises ActionRefused where the person may give
    nothing to it, or it is gone.
    """
    team = job.user.teams_managed.filter(pk=job.subject_id).first()
    if team is None:
        raise ActionRefused("no_such_team")
    found = services.lock_accounts(job, keys)
    moved = [one for one in found if one.team_id != team.pk]
    before = Team.objects.in_bulk([one.team_id for one in moved])
    came_from = {one.pk: before[one.team_id] for one in moved}
    stopped = _move(job, moved, team, now)
    names = names_for(job.user)
    results = {one.pk: Result.skips(one.pk, "in_team_already") for one in found}
    results |= {
        pk: Result.done(pk, "stopped_there" if pk in stopped else "", team=was.pk, was=names.team(was))
        for pk, was in came_from.items()
    }
    return results_in_order(keys, results)


def _move(job: Job, accounts: Sequence[Account], team: Team, now: datetime) -> set[int]:
    """Move them, with one event each. Return those that stopped there: the team takes log-ins of its own people only."""
    ids = [one.pk for one in accounts]
    lived = [one.pk for one in accounts if not one.is_deactivated]
    AccountEvent.objects.bulk_create(
        AccountEvent(
            account=one,
            kind=AccountEvent.Kind.MOVED,
            from_team_id=one.team_id,
            to_team=team,
            source="staff",
            actor=job.user,
            note=job.note,
            at=now,
        )
        for one in accounts
    )
    Account.objects.filter(pk__in=ids).update(team=team)
    pool.settle(account_ids=ids, cause=OUTSIDE, now=now, source="staff", actor=job.user, note=job.note)
    for follow_up in _FOLLOW_UPS:
        follow_up(ids, job.user, now)
    stopped = Account.objects.filter(pk__in=lived, state=Account.State.DEACTIVATED)
    return set(stopped.values_list("pk", flat=True))
