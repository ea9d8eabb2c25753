"""What the start page says: three cards of counts, each row a link to the filtered list; its banner; whether AdToken itself is well."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import partial

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django_stubs_ext import StrPromise

from accounts.asks import queries as asking
from accounts.backups import queries as backups
from accounts.models import Account, AccountQuerySet
from accounts.pool.health import Health
from macros.notices.queries import unwatched
from tokens.channel_apps.services import call_problems
from tokens.channels import registry, versions
from tokens.models import ChannelApp
from ui.phrases import phrase
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


def undated_accounts(accounts: QuerySet[Account]) -> QuerySet[Account]:
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


def cards_of_start(viewer: Viewer) -> Cards:
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
        row(gettext_lazy("Date unknown"), "help", "mute", "undated=1", undated_accounts),
        row(gettext_lazy("No macro"), "flag", "mute", "macro=none", unwatched),
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


# --- *Is AdToken itself well?*: one line for each part of background work, and for each channel app that is not fine. What is known of
# background work the root tells, from where `/healthz` and `/metrics` have it; see `start_page.register_notices`.

say_start = partial(phrase, "words/start_page.txt")
SOON = timedelta(days=90)  # before its end a version of a channel's API is named


@dataclass(frozen=True)
class WellLine:
    """One line: what, how it is, and how that looks. `link` leads to more, where there is more."""

    name: str
    text: str
    icon: str = "check_circle"
    tone: str = "good"
    link: str = ""
    said: Sequence[Said] = ()  # instead of the text: what is counted, each with its rows


def lines_of_apps(apps: Iterable[ChannelApp], now: datetime) -> list[WellLine]:
    """Return a line for each app that is not fine, and one for all others. The caller leaves out those that are not set up."""
    fine, lines = 0, []
    for app in apps:
        found = _trouble(app, now)
        if found is None:
            fine += 1
            continue
        text, icon, tone = found
        link = reverse("admin:tokens_channelapp_change", args=[app.pk])
        lines.append(WellLine(str(app), text, icon, tone, link))
    if fine:
        words = say_start("other_apps", n=fine) if lines else say_start("apps", n=fine)
        link = reverse("admin:tokens_channelapp_changelist")
        lines.append(WellLine(gettext("Channel apps"), words, link=link))
    return lines


def _trouble(app: ChannelApp, now: datetime) -> tuple[str, str, str] | None:
    """Return what is wrong with an app, the worst first, with its icon and tone; None: nothing."""
    if app.fault_since is not None:
        return say_start("refuses", said=app.fault), "cancel", "bad"
    if problems := call_problems(app):
        return " ".join(problems), "warning", "warn"
    version = versions.in_use(registry.get(app.channel))
    if version is not None and version.ends is not None and version.ends <= (now + SOON).date():
        return say_start("version_ends_on", when=versions.day(version.ends)), "info", "mute"
    return None


# --- the banner: how many accounts are dark or will be within a week, who can fix that, and the press that asks them all


@dataclass(frozen=True)
class Banner:
    """What the banner says. `next`: the account that ends first, where nothing is due; `button` is "" where there is nobody to ask."""

    title: Sequence[Said]
    text: Sequence[Said]
    tone: str
    icon: str
    button: str = ""
    link: str = ""
    next: Account | None = None


def banner_of_start(viewer: Viewer, cards: Cards, *, may_ask: bool) -> Banner:
    """Return the banner. One query for who can fix it, or which account is next."""
    due, limited = [cards.deactivated, cards.urgent], cards.restricted
    if not any(row.found for row in due):
        if limited.found:
            return Banner([_count("restricted", limited)], [], "limit", "block")
        works = viewer.accounts.filter(paused_at=None, state=Account.State.CONNECTED)
        dated = works.filter(deadline__gte=viewer.now)
        first = dated.order_by("deadline", "pk").first()
        return Banner([Said(say_start("calm"))], [], "good", "check_circle", next=first)
    dark, ends = due
    title = [_count("deactivated", dark)] if dark.found else []
    title += [_count("urgent_more" if dark.found else "urgent", ends)] if ends.found else []
    asks = asking.count_due(viewer.user, viewer.now)
    link = reverse("admin:ask_due")
    text = [Said(_who(asks, dark.found + ends.found), link if may_ask and asks.people else "")]
    if limited.found:
        text.append(_count("restricted_more", limited))
    button = ""
    if may_ask and asks.people:
        button = _button(asks)
        text += [] if button else [Said(say_start("asked_all"))]
    tone, icon = ("bad", "cancel") if dark.found else ("urgent", "warning")
    return Banner(title, text, tone, icon, button, link)


def _count(words: str, row: Row) -> Said:
    return Said(say_start(words, n=row.found, shown=row.number), row.link)


def _who(asks: asking.DueAsks, due: int) -> str:
    if not asks.people:
        return say_start("fix_none")
    some = asks.accounts < due
    return say_start(
        "fix_some" if some else "fix_all",
        n=asks.people,
        shown=number(asks.people),
        accounts=number(asks.accounts),
    )


def _button(asks: asking.DueAsks) -> str:
    """Return the words of the button; "" where everybody was asked today."""
    if not asks.fresh:
        return ""
    words = "ask_all" if asks.fresh == asks.people else "ask_others"
    return say_start(words, n=asks.fresh, shown=number(asks.fresh))
