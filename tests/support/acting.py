"""What staff do with an account, as a job of one does it, by somebody who sees every team."""

from datetime import datetime

from django.db import transaction

from accounts.jobs import services
from accounts.jobs.models import MOVE, PAUSE, RESUME
from accounts.jobs.services import KINDS, Result
from accounts.models import Account, Job
from users.models import Team, User


def pause(*, account: Account, actor: User, note: str, now: datetime) -> Result:
    """Pause an account."""
    return _act(PAUSE, account, actor, note, now)


def resume(*, account: Account, actor: User, note: str, now: datetime) -> Result:
    """Resume an account."""
    return _act(RESUME, account, actor, note, now)


def move_to_team(*, account: Account, team: Team, actor: User, note: str, now: datetime) -> Result:
    """Move an account."""
    return _act(MOVE, account, actor, note, now, subject_id=team.pk)


@transaction.atomic
def _act(kind: str, account: Account, actor: User, note: str, now: datetime, subject_id: int = 0) -> Result:
    seer = User.objects.get(pk=actor.pk)
    seer.is_superuser = True  # not saved
    job = Job.objects.create(
        user=seer, kind=kind, subject_id=subject_id, total=1, note=note, created_at=now, state="ready"
    )
    results = KINDS[kind].act(job, [account.pk], now)
    services._write_items(job, results, now)
    finish = KINDS[kind].finish
    if finish:
        finish(job, now)
    return results[0]
