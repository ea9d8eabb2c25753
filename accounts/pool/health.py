"""The state of an account: the columns that settling writes, which one state they are for a reader, and lists by it; and why an account
is not carried, by the pool entry that stopped it: one answer for mails, pages and the API.

Pages and mails give a state its word and colour (ui.pills, families "account" and "token").
"""

from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Protocol, Self

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.expressions import Combinable, OrderBy
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tokens.channels.kinds import Reason
from tokens.models import Token
from ui.dates import AT_RISK, URGENT, end_of_window, within

UNLINKED = "unlinked"  # the account's reason where staff took the last usable token out of the pool
OUTSIDE = "outside_team"  # of an entry: the account's team accepts log-ins of its own people only
READING_REFUSED = "reading_refused"  # why a pool shifted: readings of one log-in's ad accounts blame our app, others' do not
DECIDED_HERE = frozenset({UNLINKED, OUTSIDE, READING_REFUSED, Token.REMOVED})  # by us, not by a channel


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


class AccountHealth(models.Model):
    """What the state of an account is told from. `accounts.pool.services.settle` alone writes most of it."""

    class State(models.TextChoices):
        CONNECTED = "connected", _("Connected")
        INTERRUPTED = "interrupted", _("Interrupted")
        DEACTIVATED = "deactivated", _("Deactivated")
        PAUSED = "paused", _("Paused")

    class DeadlineKind(models.TextChoices):
        DATE = "date", _("Date")
        NEVER = "never", _("Never")
        UNKNOWN = "unknown", _("Unknown")
        NONE = "none", _("None")

    # Why the channel limits it; empty: it does not. Written by readings.
    restriction = models.CharField(max_length=300, blank=True)
    # Written by staff.
    paused_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=12, choices=State, default=State.DEACTIVATED)
    reason = models.CharField(max_length=40, blank=True)
    since = models.DateTimeField(default=timezone.now)  # since when it is in this state
    deadline = models.DateTimeField(null=True, blank=True)
    deadline_kind = models.CharField(max_length=10, choices=DeadlineKind, default=DeadlineKind.NONE)
    usable_count = models.PositiveIntegerField(default=0)
    # How many people's living tokens can carry it.
    people_count = models.PositiveIntegerField(default=0, db_default=0)
    cycle = models.PositiveIntegerField(default=1)
    # Since when the deadline is known.
    cycle_since = models.DateTimeField(default=timezone.now, db_default=Now())
    # The deadline as it stood when the cycle began.
    cycle_deadline = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def is_paused(self) -> bool:
        """Whether staff stopped it on purpose."""
        return self.paused_at is not None

    @property
    def is_deactivated(self) -> bool:
        """Whether nobody carries it, and trying again brings nothing back."""
        return self.state == self.State.DEACTIVATED

    @property
    def lacks_backup(self) -> bool:
        """Whether one person carries it, or nobody."""
        return self.people_count <= 1

    def health(self, *, now: datetime, zone: tzinfo) -> Health:
        """Return the one state: the first fact, worst first, that is true for a reader in `zone`. `HealthQuerySet` asks it of rows."""
        dated = self.deadline_kind == self.DeadlineKind.DATE
        found = (
            (self.is_paused or self.state == self.State.PAUSED, Health.PAUSED),
            (self.state == self.State.INTERRUPTED, Health.INTERRUPTED),
            (self.is_deactivated or self.usable_count == 0, Health.DEACTIVATED),
            (bool(self.restriction), Health.RESTRICTED),
            (dated and within(self.deadline, URGENT, now=now, zone=zone), Health.URGENT),
            (dated and within(self.deadline, AT_RISK, now=now, zone=zone), Health.AT_RISK),
            (self.lacks_backup, Health.NO_BACKUP),
            (self.deadline_kind in _UNKNOWN, Health.DATE_UNKNOWN),
        )
        return next((health for holds, health in found if holds), Health.HEALTHY)


_UNKNOWN = (AccountHealth.DeadlineKind.UNKNOWN, AccountHealth.DeadlineKind.NONE)
_NOT_PAUSED = Q(paused_at=None)
_DEACTIVATED = _NOT_PAUSED & Q(state=AccountHealth.State.DEACTIVATED)
_WORKS = _NOT_PAUSED & Q(state=AccountHealth.State.CONNECTED, usable_count__gt=0, restriction="")


class HealthQuerySet[Row: models.Model](models.QuerySet[Row]):
    """Accounts by their health, by conditions that indexes serve. Days and weeks are those of a reader in `zone`."""

    def in_health(self, key: str, *, now: datetime, zone: tzinfo) -> Self:
        """Those whose health is `key`; a key that is no Health keeps none."""
        urgent, at_risk = (end_of_window(days, now=now, zone=zone) for days in (URGENT, AT_RISK))
        state = AccountHealth.State
        fixed: dict[str, Q] = {
            Health.PAUSED: ~_NOT_PAUSED | Q(state=state.PAUSED),
            Health.DEACTIVATED: _DEACTIVATED,
            Health.INTERRUPTED: _NOT_PAUSED & Q(state=state.INTERRUPTED),
            Health.RESTRICTED: _NOT_PAUSED & Q(state=state.CONNECTED) & ~Q(restriction=""),
            Health.URGENT: _WORKS & Q(deadline__lt=urgent),
            Health.AT_RISK: _WORKS & Q(deadline__gte=urgent, deadline__lt=at_risk),
        }
        if key in fixed:
            return self.filter(fixed[key])
        later = self.filter(_WORKS & (Q(deadline=None) | Q(deadline__gte=at_risk)))
        if key == Health.NO_BACKUP:
            return later.filter(people_count__lte=1)
        unknown = Q(deadline_kind__in=_UNKNOWN)
        if key == Health.DATE_UNKNOWN:
            return later.filter(unknown, people_count__gt=1)
        return later.filter(~unknown, people_count__gt=1) if key == Health.HEALTHY else later.none()

    def dark_or_urgent(self, *, now: datetime, zone: tzinfo) -> Self:
        """Those that are dark, or will be within 7 days: what `in_health` calls deactivated or urgent."""
        return self.filter(
            _DEACTIVATED | (_WORKS & Q(deadline__lt=end_of_window(URGENT, now=now, zone=zone)))
        )

    def needing_a_person(self, *, now: datetime, zone: tzinfo) -> Self:
        """Those that go dark, or are dark, unless a person acts: deactivated, or a deadline within 30 days."""
        soon = Q(deadline__lt=end_of_window(AT_RISK, now=now, zone=zone))
        soon &= ~Q(state=AccountHealth.State.INTERRUPTED)
        return self.filter(_NOT_PAUSED & (Q(state=AccountHealth.State.DEACTIVATED) | soon))

    def carried_by_one(self) -> Self:
        """Those that exactly one person carries, whatever their pill."""
        return self.filter(_NOT_PAUSED, people_count=1)


DEADLINE = F("deadline")  # what a click on the column's head sorts by


def by_deadline() -> list[OrderBy | Combinable | str]:
    """Return the list's usual order: deactivated, then by deadline, then unknown, then never, then paused."""
    kind = AccountHealth.DeadlineKind
    place = Case(
        When(paused_at__isnull=False, then=Value(4)),
        When(deadline_kind=kind.NONE, then=Value(0)),
        When(deadline_kind=kind.DATE, then=Value(1)),
        When(deadline_kind=kind.UNKNOWN, then=Value(2)),
        default=Value(3),
    )
    return [OrderBy(place), F("deadline").asc(nulls_last=True), "name", "pk"]


class InPool(StrEnum):
    """What a token does in the pool of one account."""

    ACTIVE = "active"
    BACKUP = "backup"
    RETRYING = "retrying"
    READ_ONLY = "read_only"
    NO_ACCESS = "no_access"
    STOPPED = "stopped"


class Entry(Protocol):
    """A row of a pool, or its columns. `access` is ok or lost; `can_publish` yes, no or unknown, which counts as yes."""

    access: str
    access_reason: str
    can_publish: str
    doubt: str


def reason_of_entry(entry: Entry, *, state: str, reason: str) -> str:
    """Return why an entry is of no use for its account, by the state and reason of its token, or "".

    Its log-in stopped, the channel took the role away, or a permission is missing. Only the first is a fact of the token.

    A dead token goes first: nothing can be known of the role before the person has consented again. A token in passing trouble goes last.
    """
    if state == Token.State.DEAD:
        return reason or Reason.UNKNOWN
    if entry.access == "lost":
        return entry.access_reason or Reason.ACCESS_LOST
    if entry.can_publish == "no":
        return entry.access_reason or Reason.PUBLISHING_LOST
    if state == Token.State.COOLING:
        return reason
    return Token.DOUBTED if entry.doubt == "stopped" else ""
