"""Inviting somebody for the accounts that nobody known here could carry once a person's log-ins are gone: a step of their end.

It is the first step, since what is at hand is looked for before anything is added. The step notes which accounts these are, however many,
and begins the job that invites from the list of accounts, too: some accounts in a transaction, one mail for each address at the end.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from accounts import backup_invitations, leaving
from accounts.handing_over import INVITING, OWN_REMOVAL
from accounts.jobs import services
from accounts.leaving import Scope
from accounts.models import Account, Job
from users.models import User

WITHIN = "within"  # of an invitation's options: the job (id) of which it is a step


def wanted(email: str, team_ids: Sequence[int] = (), *, but: Sequence[int] = ()) -> dict[str, Any]:
    """Return what a job's options hold of one address. `team_ids`: for accounts of these teams alone; none: for all, `but` these."""
    return {"email": email.strip().lower(), "teams": list(team_ids), "but": list(but)}


def _is_meant(to: Mapping[str, Any], team_id: int) -> bool:
    return team_id in to["teams"] if to["teams"] else team_id not in to.get("but", ())


def nobody(of: Scope, now: datetime) -> list[Account]:
    """Return the accounts that stop or keep one person, and that nobody else could carry who is known here, however many. For a worker."""
    helped = set(leaving.offers_of_all(of))
    for about in leaving.stopped_of_all(of, now).values():
        helped |= {account.pk for account, _ in about}
    found = Account.objects.filter(pk__in=of.at_risk.values("pk")).exclude(pk__in=helped)
    return list(found.select_related("team").order_by("pk"))


def begin(*, to: Mapping[str, Any], of: Scope, within: Job, place: int, now: datetime) -> bool:
    """Have a worker invite one address for what the job's person may invite to, in the caller's transaction, which does that step.

    `place`: which of the job's addresses it is. Returns False where there is nothing to ask. Raises InviteRefused.
    """
    accounts = nobody(of, now)
    own = backup_invitations.invitable(within.user, accounts)
    ids = [one.pk for one in accounts if one.pk in own and _is_meant(to, one.team_id)]
    if not ids:
        return False
    backup_invitations.demand_other(to["email"], by=within.user)
    services.start(
        keys=ids,
        user=within.user,
        kind=INVITING,
        note=within.note,
        options={"email": to["email"], "name": to["email"], WITHIN: within.pk},
        once=f"within {within.pk}, {place}",
        now=now,
    )
    return True


def begun_by(job: Job) -> QuerySet[Job]:
    """Return the invitations that were steps of a job, as far as they are still known: for a day."""
    return _of(job.user_id).filter(options__contains={WITHIN: job.pk})


def begun_by_removals_of(user: User) -> QuerySet[Job]:
    """Return those that were steps of what the person asked for: of removing the own log-ins, where nobody else was seen off."""
    removals = Job.objects.filter(user=user, kind=OWN_REMOVAL).values_list("pk", flat=True)
    return _of(user.pk).filter(**{f"options__{WITHIN}__in": list(removals)})


def _of(user_id: int) -> QuerySet[Job]:
    return Job.objects.filter(user=user_id, kind=INVITING).order_by("pk")
