"""Who looks at the start page; what is worked out for them, and for how long that is shown where they see very many accounts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, TypeVar

from django.core.cache import cache
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Account
from users.models import User

MANY = 2_000  # accounts: up to here every figure is worked out for each visit
KEPT_FOR = 300  # seconds that the figures of more are shown before they are worked out anew
T = TypeVar("T")


def viewer_of(user: User) -> "Viewer":
    """Return the viewer, now, in the time zone of this request."""
    accounts = Account.objects.visible_to(user)
    many = Viewer.count(accounts, limit=MANY) > MANY
    return Viewer(user, accounts, timezone.now(), timezone.get_current_timezone(), many)


@dataclass(frozen=True)
class Viewer:
    """Who looks, at which accounts, when and where. `many`: so many that figures are kept for a while."""

    user: User
    accounts: QuerySet[Account]
    now: datetime
    zone: tzinfo
    many: bool

    @staticmethod
    def count(accounts: QuerySet[Account], *, limit: int) -> int:
        """Return how many accounts these are. `limit` is a number of accounts: so many and one more are counted, by one query."""
        return accounts.order_by().values("pk")[: limit + 1].count()

    def kept(self, name: str, work_out: Callable[[], T]) -> tuple[T, datetime]:
        """Return a figure and when it was worked out: now, unless there are many accounts."""
        if not self.many:
            return work_out(), self.now
        found: tuple[T, datetime] | None = self.known(name)
        if found is None:
            found = work_out(), self.now
            cache.set(self._key(name), found, KEPT_FOR)
        return found

    def known(self, name: str) -> Any:
        """Return a figure that is kept, with its time; None where there is none."""
        return cache.get(self._key(name))

    def _key(self, name: str) -> str:
        whose = "all" if self.user.sees_all_teams else self.user.pk
        return f"start_page:{name}:{whose}:{self.zone}:{self.now.astimezone(self.zone):%Y%m%d}"
