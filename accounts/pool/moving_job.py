"""Giving accounts to another team."""

from collections.abc import Sequence
from datetime import datetime

from accounts.asks import endings
from accounts.jobs import services
from accounts.jobs.handlers import Outcome, Result, in_order
from accounts.jobs.models import Job
from accounts.models import Account, AccountEvent
from accounts.pool import services as pool
from accounts.pool import signals as moves
from accounts.pool.errors import ActionRefused
from accounts.pool.reasons import OUTSIDE
from users.models import Team
from users.people.visibility import names_for, teams_of

# Pausing and resuming accounts: each of them once, with one event, the pools settled together.


def pause(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
    """Stop serving those on purpose that are not paused; they are not warned about either."""
    found = services.locked(job, keys)
    fresh = [one for one in found if one.paused_at is None]
    results = {one.pk: Result.skips(one.pk, "paused_already") for one in found}
    results |= {one.pk: Result.done(one.pk, state=one.state) for one in fresh}
    for one in fresh:
        one.paused_at, one.paused_by, one.pause_note = now, job.user, job.note
    Account.objects.bulk_update(fresh, ["paused_at", "paused_by", "pause_note"])
    _settle(job, [one.pk for one in fresh], "paused", now)
    return in_order(keys, results)


def resume(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
    """Serve those again that are paused, as far as their pools allow."""
    found = services.locked(job, keys)
    paused = [one for one in found if one.paused_at is not None]
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
    return in_order(keys, results)


def _settle(job: Job, ids: Sequence[int], cause: str, now: datetime) -> None:
    pool.settle(account_ids=ids, cause=cause, now=now, source="staff", actor=job.user, note=job.note)


def move(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
    """Move to the team `job.subject_id` what is not there. Its log-ins stay, as far as that team takes them.

    Whoever reads an account's team (leases, macros, mails, pages) sees the new one at once. Raises ActionRefused where the person may give
    nothing to it, or it is gone.
    """
    team = teams_of(job.user).filter(pk=job.subject_id).first()
    if team is None:
        raise ActionRefused("no_such_team")
    found = services.locked(job, keys)
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
    return in_order(keys, results)


def finish(job: Job, now: datetime) -> None:
    """End what was asked for what moved."""
    done = job.items.filter(outcome=Outcome.DONE)
    moved = Account.objects.filter(pk__in=done.values("key"))
    endings.of_moved(moved=moved, actor=job.user, now=now)


def _move(job: Job, accounts: Sequence[Account], team: Team, now: datetime) -> set[int]:
    """Move them, with one event each. Return those that stopped there: the team takes log-ins of its own people only."""
    ids = [one.pk for one in accounts]
    lived = [one.pk for one in accounts if one.state != Account.State.DEACTIVATED]
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
    moves.follow(account_ids=ids, actor=job.user, now=now)
    stopped = Account.objects.filter(pk__in=lived, state=Account.State.DEACTIVATED)
    return set(stopped.values_list("pk", flat=True))
