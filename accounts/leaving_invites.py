"""Inviting somebody for the accounts that nobody known here could carry once a person's log-ins are gone: a step of their end.

It is the first step, since what is at hand is looked for before anything is added. However many accounts: one mail for each address.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from accounts import backup_invitations, leaving
from accounts.backup_invitations import Asking
from accounts.leaving import Scope
from accounts.models import Account, BackupInvitation
from users.models import User


def wanted(email: str, team_ids: Sequence[int] = (), *, but: Sequence[int] = ()) -> dict[str, Any]:
    """Return what a deed's options hold of one address. `team_ids`: for accounts of these teams alone; none: for all, `but` these."""
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


def send(*, to: Mapping[str, Any], of: Scope, actor: User, note: str, now: datetime) -> bool:
    """Invite one address, in the caller's transaction, for what the actor may invite to. Returns False where there is nothing to ask.

    Raises InviteRefused, and OnHold.
    """
    accounts = nobody(of, now)
    own = backup_invitations.invitable(actor, accounts)
    mine = [one for one in accounts if one.pk in own and _is_meant(to, one.team_id)]
    asking = Asking(to["email"], actor, now, note=note)
    rows = backup_invitations.write(accounts=mine, asking=asking)
    backup_invitations.mail(
        rows=BackupInvitation.objects.filter(pk__in=[row.pk for row in rows]), asking=asking
    )
    return bool(rows)
