"""Who looks at the start page, at which accounts, when and where: what every figure there is worked out from."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Account
from ui.counts import counted
from users.models import User


@dataclass(frozen=True)
class Viewer:
    """Who looks, at which accounts, when and where."""

    user: User
    accounts: QuerySet[Account]
    now: datetime
    zone: tzinfo

    @staticmethod
    def count(accounts: QuerySet[Account]) -> int:
        """Return how many accounts these are, counted as far as pages count."""
        return counted(accounts)


def viewer_of(user: User) -> Viewer:
    """Return the viewer, now, in the time zone of this request."""
    now, zone = timezone.now(), timezone.get_current_timezone()
    return Viewer(user, Account.objects.visible_to(user), now, zone)
