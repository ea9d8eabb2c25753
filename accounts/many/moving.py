"""Giving accounts to another team."""

from collections.abc import Sequence
from datetime import datetime

from accounts import moves, pool
from accounts.asks import endings
from accounts.errors import ActionRefused
from accounts.jobs import services
from accounts.jobs.handlers import Outcome, Result, in_order
from accounts.jobs.models import Job
from accounts.models import Account, AccountEvent
from accounts.pool_reasons import OUTSIDE
from users.models import Team
from users.visibility import names_for, teams_of


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
