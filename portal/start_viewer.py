"""Who looks at the start page, and what is worked out for them: at each look, or, where they see very many accounts, before it.

Figures that take long are kept for whoever sees the same accounts in the same time zone. A worker renews them (`start_ahead`); the page
shows their age, and works out by itself what is not there or too old. A figure counts days from today, so one of yesterday is not shown.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from django.db.models import F, JSONField, QuerySet, Value
from django.db.models.expressions import CombinedExpression
from django.utils import timezone

from accounts.models import Account, AccountToken, StartFigures
from users.models import Membership, User

MANY = 2_000  # accounts: up to here every figure is worked out for each visit
OLDEST = timedelta(hours=2)  # a figure that is older is not shown; a worker is never that late
NOTED = timedelta(minutes=1)  # within it a further look is not written down
MOST_TEAMS = 20  # whoever is in more shares figures with nobody
ALL = "all"


@dataclass(frozen=True)
class Figure[T]:
    """A figure that is kept: how it is worked out, and how it is written as JSON and read again."""

    name: str
    work_out: Callable[["Viewer"], T]
    written: Callable[[T], Any]
    read: Callable[[Any], T]

    def entry(self, value: T, at: datetime) -> list[Any]:
        """Return the figure as it is kept."""
        return [at.timestamp(), self.written(value)]


@dataclass(frozen=True)
class Viewer:
    """Who looks, at which accounts, when and where. `row`: where figures are kept, if there are many accounts."""

    user: User
    accounts: QuerySet[Account]
    now: datetime
    zone: tzinfo
    row: StartFigures | None = None
    new: dict[str, list[Any]] = field(default_factory=dict)  # what is not kept yet
    shown: list[datetime] = field(default_factory=list)  # when what was shown had been worked out

    @staticmethod
    def count(accounts: QuerySet[Account], *, limit: int) -> int:
        """Return how many accounts these are. `limit` is a number of accounts: so many and one more are counted, by one query."""
        return accounts.order_by().values("pk")[: limit + 1].count()

    @property
    def oldest(self) -> datetime | None:
        """When the oldest of the figures that were asked for was worked out; None where none is kept."""
        return min(self.shown, default=self.now) if self.row else None

    def kept[T](self, figure: Figure[T]) -> tuple[T, datetime]:
        """Return a figure and when it was worked out: now, unless there are many accounts."""
        found = self.known(figure)
        if found is None:
            found = figure.work_out(self), self.now
            self.new[figure.name] = figure.entry(*found)
        self.shown.append(found[1])
        return found

    def known[T](self, figure: Figure[T]) -> tuple[T, datetime] | None:
        """Return a figure that is kept, with its time; None where there is none of today, or it is too old."""
        entry = self.row.figures.get(figure.name) if self.row else None
        if entry is None:
            return None
        at = datetime.fromtimestamp(entry[0], tz=UTC)
        is_of_today = at.astimezone(self.zone).date() == self.now.astimezone(self.zone).date()
        return (figure.read(entry[1]), at) if is_of_today and self.now - at < OLDEST else None

    def keep(self) -> None:
        """Keep what had to be worked out, for the next look."""
        if self.row and self.new:
            more = CombinedExpression(F("figures"), "||", Value(self.new, JSONField()), JSONField())
            StartFigures.objects.filter(pk=self.row.pk).update(figures=more)


def viewer_of(user: User) -> Viewer:
    """Return the viewer, now, in the time zone of this request. Where there are many accounts it is noted that somebody looked."""
    viewer = unkept(user, timezone.now())
    if Viewer.count(viewer.accounts, limit=MANY) <= MANY:
        return viewer
    row, _ = StartFigures.objects.get_or_create(
        whose=whose(user), zone=str(viewer.zone), defaults={"user": user, "looked_at": viewer.now}
    )
    if viewer.now - row.looked_at > NOTED:
        StartFigures.objects.filter(pk=row.pk).update(looked_at=viewer.now, user=user)
    return Viewer(user, viewer.accounts, viewer.now, viewer.zone, row)


def unkept(user: User, now: datetime) -> Viewer:
    """Return the viewer for whom everything is worked out, in the time zone that is set."""
    return Viewer(user, Account.objects.visible_to(user), now, timezone.get_current_timezone())


def whose(user: User) -> str:
    """Return what stands for the accounts that a person sees: the same for all who see the same by their teams. Two queries at most."""
    if user.sees_all_teams:
        return ALL
    teams = sorted(Membership.objects.filter(user=user).values_list("team", flat=True))
    if len(teams) > MOST_TEAMS or AccountToken.objects.filter(token__consented_by=user).exists():
        return f"person {user.pk}"
    return f"teams {' '.join(map(str, teams))}"
