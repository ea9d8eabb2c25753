"""Which one state an account has, and a token in its pool. `in_health` says the same of accounts by conditions that indexes serve.

Pages and mails give a state its word and colour (ui.pills, families "account" and "token").
"""

from datetime import datetime, tzinfo
from enum import StrEnum

from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable, OrderBy

from accounts.models import Account, AccountToken
from tokens.models import Token
from ui.dates import AT_RISK, URGENT, end_of_window, within


class Health(StrEnum):
    """The state of an account, in the order of the list's filter."""

    DEACTIVATED = "deactivated"
    INTERRUPTED = "interrupted"
    URGENT = "urgent"
    AT_RISK = "at_risk"
    RESTRICTED = "restricted"
    NO_BACKUP = "no_backup"
    DATE_UNKNOWN = "date_unknown"
    HEALTHY = "healthy"
    PAUSED = "paused"


class InPool(StrEnum):
    """What a token does in the pool of one account."""

    ACTIVE = "active"
    BACKUP = "backup"
    RETRYING = "retrying"
    READ_ONLY = "read_only"
    NO_ACCESS = "no_access"
    STOPPED = "stopped"


_UNKNOWN = (Account.DeadlineKind.UNKNOWN, Account.DeadlineKind.NONE)
_NOT_PAUSED = Q(paused_at=None)
_WORKS = _NOT_PAUSED & Q(state=Account.State.CONNECTED, usable_count__gt=0, restriction="")


def health_of(account: Account, *, now: datetime, zone: tzinfo) -> Health:
    """Return the one state of an account: the first fact, worst first, that is true for a reader in `zone`."""
    state, dated = account.state, account.deadline_kind == Account.DeadlineKind.DATE
    found = (
        (account.paused_at is not None or state == Account.State.PAUSED, Health.PAUSED),
        (state == Account.State.INTERRUPTED, Health.INTERRUPTED),
        (state == Account.State.DEACTIVATED or account.usable_count == 0, Health.DEACTIVATED),
        (bool(account.restriction), Health.RESTRICTED),
        (dated and within(account.deadline, URGENT, now=now, zone=zone), Health.URGENT),
        (dated and within(account.deadline, AT_RISK, now=now, zone=zone), Health.AT_RISK),
        (account.people_count <= 1, Health.NO_BACKUP),
        (account.deadline_kind in _UNKNOWN, Health.DATE_UNKNOWN),
    )
    return next((health for holds, health in found if holds), Health.HEALTHY)


def in_pool(
    *,
    active: bool,
    state: str,
    access: str,
    can_publish: str,
    demoted: bool = False,
    doubted: bool = False,
) -> InPool:
    """Return what a token does in one account's pool.

    `state` is valid, cooling or dead; `access` ok or lost; `can_publish` yes, no or unknown (unknown counts as yes). What makes
    a token useless here goes before "active": the pointer may stay on a token in passing trouble, which is not served. `demoted`: others
    go first. `doubted`: the channel says that it is over.
    """
    if state == Token.State.DEAD:
        return InPool.STOPPED
    if access == AccountToken.Access.LOST:
        return InPool.NO_ACCESS
    if state == Token.State.COOLING:
        return InPool.RETRYING
    if can_publish == AccountToken.CanPublish.NO:
        return InPool.READ_ONLY
    if doubted or (demoted and not active):
        return InPool.RETRYING
    return InPool.ACTIVE if active else InPool.BACKUP


def state_in_pool(entry: AccountToken, *, active: bool, doubted: bool = False) -> InPool:
    """Return what the token of a pool entry does there. `active`: it is the one that is served. `doubted`: for staff, whether it is."""
    token = entry.token
    return in_pool(
        active=active,
        state=token.state,
        access=entry.access,
        can_publish=entry.can_publish,
        demoted=token.demoted_at is not None,
        doubted=doubted,
    )


def in_health(accounts: QuerySet[Account], key: str, *, now: datetime, zone: tzinfo) -> QuerySet[Account]:
    """Keep the accounts whose health is `key` for a reader in `zone`; a key that is no Health keeps none."""
    urgent, at_risk = (end_of_window(days, now=now, zone=zone) for days in (URGENT, AT_RISK))
    fixed: dict[str, Q] = {
        Health.PAUSED: ~_NOT_PAUSED | Q(state=Account.State.PAUSED),
        Health.DEACTIVATED: _NOT_PAUSED & Q(state=Account.State.DEACTIVATED),
        Health.INTERRUPTED: _NOT_PAUSED & Q(state=Account.State.INTERRUPTED),
        Health.RESTRICTED: _NOT_PAUSED & Q(state=Account.State.CONNECTED) & ~Q(restriction=""),
        Health.URGENT: _WORKS & Q(deadline__lt=urgent),
        Health.AT_RISK: _WORKS & Q(deadline__gte=urgent, deadline__lt=at_risk),
    }
    if key in fixed:
        return accounts.filter(fixed[key])
    later = accounts.filter(_WORKS & (Q(deadline=None) | Q(deadline__gte=at_risk)))
    if key == Health.NO_BACKUP:
        return later.filter(people_count__lte=1)
    unknown = Q(deadline_kind__in=_UNKNOWN)
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
