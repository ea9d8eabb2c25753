"""The states of accounts as SQL, so that filters and sort order say the same as `accounts.health.health_of`."""

from datetime import datetime, tzinfo

from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable, OrderBy

from accounts.health import Health
from accounts.models import Account
from ui.calendar_days import AT_RISK, URGENT, end_of_window

_NOT_PAUSED = Q(paused_at=None)
_WORKS = _NOT_PAUSED & Q(state=Account.State.CONNECTED, usable_count__gt=0, restriction="")


def in_health(accounts: QuerySet[Account], key: str, *, now: datetime, zone: tzinfo) -> QuerySet[Account]:
    """Keep the accounts whose health is `key` for a reader in `zone`; a key that is no Health keeps none."""
    urgent, at_risk = (end_of_window(days, now=now, zone=zone) for days in (URGENT, AT_RISK))
    works = _WORKS
    fixed: dict[str, Q] = {
        Health.PAUSED: ~_NOT_PAUSED | Q(state=Account.State.PAUSED),
        Health.DEACTIVATED: _NOT_PAUSED & Q(state=Account.State.DEACTIVATED),
        Health.INTERRUPTED: _NOT_PAUSED & Q(state=Account.State.INTERRUPTED),
        Health.RESTRICTED: _NOT_PAUSED & Q(state=Account.State.CONNECTED) & ~Q(restriction=""),
        Health.URGENT: works & Q(deadline__lt=urgent),
        Health.AT_RISK: works & Q(deadline__gte=urgent, deadline__lt=at_risk),
    }
    if key in fixed:
        return accounts.filter(fixed[key])
    later = accounts.filter(works & (Q(deadline=None) | Q(deadline__gte=at_risk)))
    if key == Health.NO_BACKUP:
        return later.filter(people_count__lte=1)
    unknown = Q(deadline_kind__in=[Account.DeadlineKind.UNKNOWN, Account.DeadlineKind.NONE])
    if key == Health.DATE_UNKNOWN:
        return later.filter(unknown, people_count__gt=1)
    return later.filter(~unknown, people_count__gt=1) if key == Health.HEALTHY else later.none()


def ends_at_once(*, now: datetime, zone: tzinfo) -> Q:
    """Accounts that are dark, or will be within 7 days: what `in_health` calls deactivated or urgent."""
    urgent = end_of_window(URGENT, now=now, zone=zone)
    dark = _NOT_PAUSED & Q(state=Account.State.DEACTIVATED)
    return dark | (_WORKS & Q(deadline__lt=urgent))


def needs_a_person(*, now: datetime, zone: tzinfo) -> Q:
    """Accounts that go dark, or are dark, unless a person acts: deactivated, or a deadline within 30 days."""
    soon = Q(deadline__lt=end_of_window(AT_RISK, now=now, zone=zone)) & ~Q(state=Account.State.INTERRUPTED)
    return _NOT_PAUSED & (Q(state=Account.State.DEACTIVATED) | soon)


def only_one_person(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Keep the accounts that exactly one person carries, whatever their pill."""
    return accounts.filter(_NOT_PAUSED, people_count=1)


DEADLINE = F("deadline")  # what a click on the column's head sorts by


def by_deadline() -> list[OrderBy | Combinable | str]:
    """Return the list's usual order: deactivated, then by deadline, then unknown, then never, then paused."""
    place = Case(
        When(paused_at__isnull=False, then=Value(4)),
        When(deadline_kind=Account.DeadlineKind.NONE, then=Value(0)),
        When(deadline_kind=Account.DeadlineKind.DATE, then=Value(1)),
        When(deadline_kind=Account.DeadlineKind.UNKNOWN, then=Value(2)),
        default=Value(3),
    )
    return [OrderBy(place), F("deadline").asc(nulls_last=True), "name", "pk"]
