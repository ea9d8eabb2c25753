"""What every page and mail needs to know of an account, worked out once: health, deadline, who carries it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Prefetch, QuerySet, When
from django.utils import timezone

from accounts.models import Account, AccountToken
from accounts.pool.health import Health, health_of
from tokens.models import Token
from ui.dates import DeadlineFacts
from ui.name_visibility import NameVisibility
from users.models import User


@dataclass(frozen=True)
class Summary:
    """An account with its pool in order, and what that means."""

    account: Account
    entries: Sequence[AccountToken]
    health: Health
    deadline: DeadlineFacts
    undated: int  # usable tokens whose date is not known, beside a known one

    @property
    def usable(self) -> list[AccountToken]:
        """The entries that could be served."""
        return [entry for entry in self.entries if entry.is_usable]

    @property
    def active(self) -> AccountToken | None:
        """The entry that is served now."""
        return next((entry for entry in self.entries if entry.token_id == self.account.active_token_id), None)

    def active_name(self, names: NameVisibility) -> str:
        """Return who carries the account now as the reader may know it, or ""."""
        return names.within(self.active.token, self.account) if self.active else ""


def with_pools(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Return the accounts with their pools, in a fixed number of queries."""
    pool = AccountToken.objects.select_related("token", "token__app", "token__consented_by", "added_by")
    return accounts.select_related("team", "active_token").prefetch_related(Prefetch("pool", queryset=pool))


def summarise(account: Account, now: datetime) -> Summary:
    """Summarise one account whose pool was loaded by `with_pools` (or is loaded now)."""
    entries = account.pool_in_order()
    usable = [entry for entry in entries if entry.is_usable]
    undated = 0
    if account.deadline_kind == Account.DeadlineKind.DATE:
        undated = sum(entry.token.deadline_kind == Token.DeadlineKind.UNKNOWN for entry in usable)
    renews = any(
        entry.token.deadline == account.deadline and entry.token.renews_itself(now) for entry in usable
    )
    health = health_of(account, now=now, zone=timezone.get_current_timezone())
    deadline = DeadlineFacts(
        account.deadline_kind, account.deadline, usable=account.usable_count > 0, renews=renews
    )
    return Summary(account, entries, health, deadline, undated)


def deadline_of(token: Token, *, usable: bool, now: datetime) -> DeadlineFacts:
    """Return what is known of the end of a token; of a dead one when it stopped: its own date no longer says anything."""
    if token.state == Token.State.DEAD:
        return DeadlineFacts("date", token.state_since, usable=False)
    return DeadlineFacts(token.deadline_kind, token.deadline, usable=usable, renews=token.renews_itself(now))


def first_of(
    accounts: QuerySet[Account], now: datetime, *, count: int, before: Collection[int] = ()
) -> list[Summary]:
    """Summarise the first few of what may be thousands: those of the ids `before`, then those that stopped, then by name."""
    place = Case(When(pk__in=list(before), then=0), When(state=Account.State.DEACTIVATED, then=1), default=2)
    return [summarise(account, now) for account in with_pools(accounts.order_by(place, "name", "pk"))[:count]]


def others(summary: Summary, user: User, names: NameVisibility) -> list[str]:
    """Return the names of other people who can carry the account, the active one first."""
    others = [entry.token for entry in summary.usable if entry.token.consented_by_id != user.pk]
    return list(dict.fromkeys(names.within(token, summary.account) for token in others))
