"""The start page's three cards of counts, each row a link to the filtered list."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django_stubs_ext import StrPromise

from accounts.backups import queries as backups
from accounts.models import Account, AccountQuerySet
from accounts.pool.health import Health
from macros.notices import coverage
from ui.text import LIMIT, counted, number, shown
from users.models import User


@dataclass(frozen=True)
class Viewer:
    """Who looks, at which accounts, when and where."""

    user: User
    accounts: AccountQuerySet
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


Keep = Callable[[AccountQuerySet], QuerySet[Account]]


@dataclass(frozen=True)
class Said:
    """Words that count something, and the list of exactly that; "" where there is none for this viewer."""

    text: str
    link: str = ""


@dataclass(frozen=True)
class Row:
    """One row: what is counted, how many there are as far as pages count, and the list of them."""

    text: StrPromise
    icon: str
    tone: str
    query: str
    found: int
    more: bool = False  # there may be more than were looked at

    @property
    def number(self) -> str:
        """The number as it is shown."""
        return f"{number(self.found)}+" if self.more else shown(self.found)

    @property
    def link(self) -> str:
        """Where the accounts are listed."""
        return list_of(self.query)


def list_of(query: str) -> str:
    """Return the address of Social Accounts with a filter."""
    return f"{reverse('admin:accounts_account_changelist')}?{query}"


def undated(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Keep the accounts whose deadline is not known, as the list's filter does."""
    return accounts.filter(deadline_kind=Account.DeadlineKind.UNKNOWN)


@dataclass(frozen=True)
class Cards:
    """The cards, and the counts that the banner names."""

    cards: list[tuple[str, list[Row]]]
    deactivated: Row
    urgent: Row
    restricted: Row

    @property
    def nothing(self) -> bool:
        """Whether all counts are 0."""
        return not any(row.found for _, rows in self.cards for row in rows)


def cards(viewer: Viewer) -> Cards:
    """Count what the cards show, each in one query that stops where pages stop counting."""
    accounts, now, zone = viewer.accounts, viewer.now, viewer.zone

    def row(text: StrPromise, icon: str, tone: str, query: str, keep: Keep) -> Row:
        return Row(text, icon, tone, query, viewer.count(keep(accounts)))

    def state(text: StrPromise, icon: str, tone: str, key: Health) -> Row:
        return row(text, icon, tone, f"state={key}", lambda rows: rows.in_health(key, now=now, zone=zone))

    deactivated = state(gettext_lazy("Deactivated"), "cancel", "bad", Health.DEACTIVATED)
    urgent = state(gettext_lazy("Ends within 7 days"), "warning", "urgent", Health.URGENT)
    restricted = state(gettext_lazy("Restricted by the channel"), "block", "limit", Health.RESTRICTED)
    interrupted = state(gettext_lazy("Interrupted"), "sync", "warn", Health.INTERRUPTED)
    back = _brought_back(viewer) if deactivated.found else []
    act_now = [deactivated, *back, urgent, restricted, *([interrupted] if interrupted.found else [])]
    plan = [
        state(gettext_lazy("Ends within 30 days"), "schedule", "warn", Health.AT_RISK),
        *_alone(viewer),
        row(gettext_lazy("Access lost"), "lock", "warn", "lost=1", AccountQuerySet.access_lost),
    ]
    others = [
        row(gettext_lazy("Date unknown"), "help", "mute", "undated=1", undated),
        row(gettext_lazy("No macro"), "flag", "mute", "macro=none", coverage.watched_by_none),
        state(gettext_lazy("Paused"), "pause_circle", "mute", Health.PAUSED),
        state(gettext_lazy("Healthy"), "check_circle", "good", Health.HEALTHY),
    ]
    titled = [(gettext("Act now"), act_now), (gettext("Plan"), plan), (gettext("Everything else"), others)]
    return Cards(titled, deactivated, urgent, restricted)


def _brought_back(viewer: Viewer) -> list[Row]:
    """Return how many of the accounts that are dark a colleague's log-in reaches already: one press brings them back. Nothing for none."""
    dark = viewer.accounts.in_health(Health.DEACTIVATED, now=viewer.now, zone=viewer.zone)
    found = viewer.count(backups.accounts_with_backup_at_hand(dark))
    query = f"state={Health.DEACTIVATED}&backup=1"
    return [Row(gettext_lazy("A colleague can bring back"), "group", "good", query, found)] if found else []


def _alone(viewer: Viewer) -> list[Row]:
    """Return the accounts that one person carries, and below it how many of the first LIMIT a colleague could back up at once."""
    alone = viewer.accounts.carried_by_one()
    found = viewer.count(alone)
    rows = [Row(gettext_lazy("Only one person left"), "person", "warn", "alone=1", found)]
    if found > LIMIT:
        alone = alone.filter(pk__in=list(alone.order_by("pk").values_list("pk", flat=True)[:LIMIT]))
    if at_hand := viewer.count(backups.accounts_with_backup_at_hand(alone)):
        text = gettext_lazy("A backup is at hand for")
        rows.append(Row(text, "group", "good", "alone=1&backup=1", at_hand, more=found > LIMIT))
    return rows
