"""What a team stops that takes log-ins of its own people only: found in the transaction that changed the team or its people."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import QuerySet

from accounts.models import Account, AccountEvent
from accounts.pool.reasons import OUTSIDE
from users.models import User


def stopped(*, team_ids: Collection[int], since: datetime) -> QuerySet[Account]:
    """Return the accounts of these teams that stopped since then because their team no longer takes the log-ins that carried them."""
    found = Account.objects.filter(team__in=team_ids, state=Account.State.DEACTIVATED, reason=OUTSIDE)
    return found.filter(since__gte=since).order_by("name", "pk")


def note_actor(*, team_ids: Collection[int], since: datetime, actor: User) -> None:
    """Write who did it onto what stopped or shifted since then. The leads are told, but for whoever did it."""
    events = AccountEvent.objects.filter(account__team__in=team_ids, cause=OUTSIDE, at__gte=since, actor=None)
    events.update(actor=actor)
