"""What the start page says of accounts: who could keep those that are dark or end soon, and how many there are of each kind."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import partial

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from accounts.asks import queries as asking
from accounts.backups import queries as backups
from accounts.models import Account, AccountQuerySet
from accounts.pool.health import Health
from macros.rules.queries import unwatched
from tokens.channel_apps.services import call_problems
from tokens.channels import declarations, registry, versions
from tokens.models import ChannelApp
from ui.phrases import phrase
from ui.text import LIMIT, counted, first_name, number, shown
from users.models import User
from users.people.queries import names_for

say_start = partial(phrase, "words/start_page.txt")
SOON = timedelta(days=90)  # before its end a version of a channel's API is named
SHOWN = {Health.DEACTIVATED: 5, Health.URGENT: 3}  # people
TONES = {Health.DEACTIVATED: ("bad", "cancel"), Health.URGENT: ("urgent", "warning")}


@dataclass(frozen=True)
class Viewer:
    """Who looks, at which accounts, when and where."""

    user: User
    accounts: AccountQuerySet
    now: datetime
    zone: tzinfo
    may_ask: bool

    def in_health(self, health: Health) -> AccountQuerySet:
        """Return the accounts that are in this state."""
        return self.accounts.in_health(health, now=self.now, zone=self.zone)


def viewer_of(user: User, *, may_ask: bool) -> Viewer:
    """Return the viewer, now, in the time zone of this request."""
    now, zone = timezone.now(), timezone.get_current_timezone()
    return Viewer(user, Account.objects.visible_to(user), now, zone, may_ask)


@dataclass(frozen=True)
class Said:
    """Words that count something, and the list of exactly that; "" where there is none for this viewer."""

    text: str
    link: str = ""


@dataclass(frozen=True)
class PersonLine:
    """One person who could keep accounts: how they are called, what they would keep, and the press that asks them."""

    who: str
    what: str  # "6 accounts: Facebook, TikTok"
    link: str  # the page that names them, and asks; "" where the viewer may not ask
    button: str
    is_asked: bool


@dataclass(frozen=True)
class Section:
    """The accounts in one state that needs somebody, by the person who can fix it. `rest`: what these people cannot."""

    tone: str
    icon: str
    title: Said
    people: Sequence[PersonLine]
    rest: Sequence[Said]
    button: Said | None


def sections(viewer: Viewer) -> list[Section]:
    """Return what is dark, then what ends within 7 days; nothing where there is none. The first one has the button that asks everybody."""
    found: list[Section] = []
    for health in (Health.DEACTIVATED, Health.URGENT):
        accounts = viewer.in_health(health)
        if count := counted(accounts):
            found.append(_section(viewer, health, accounts, count, is_first=not found))
    return found


def _section(
    viewer: Viewer, health: Health, accounts: AccountQuerySet, count: int, *, is_first: bool
) -> Section:
    entries = asking.entries_to_renew(accounts, viewer.now)
    due = asking.count_due(entries, viewer.now)
    people = asking.people_due(entries, viewer.now, most=SHOWN[health])
    rest = []
    if due.people > len(people):
        more = due.people - len(people)
        rest.append(Said(say_start("more_people", n=more, shown=number(more)), reverse("admin:ask_due")))
    if health == Health.DEACTIVATED and (at_hand := counted(backups.accounts_with_backup_at_hand(accounts))):
        text = say_start("brought_back", n=at_hand, shown=shown(at_hand))
        rest.append(Said(text, list_of(f"state={health}&backup=1")))
    if count <= LIMIT and (left := count - due.accounts):  # else the whole number is not known
        rest.append(Said(say_start("left", n=left, shown=number(left))))
    tone, icon = TONES[health]
    title = Said(say_start(health, n=count, shown=shown(count)), list_of(f"state={health}"))
    return Section(tone, icon, title, _lines(viewer, people), rest, _ask_all(viewer) if is_first else None)


def _lines(viewer: Viewer, people: Sequence[asking.PersonDue]) -> list[PersonLine]:
    names = names_for(viewer.user)
    found = []
    for one in people:
        channels = ", ".join(str(declarations.label(channel)) for channel in one.channels)
        what = say_start("keeps", n=one.accounts, shown=number(one.accounts), channels=channels)
        link = f"{reverse('admin:ask_due')}?person={one.user.pk}" if viewer.may_ask else ""
        button = (
            say_start("ask", who=first_name(str(one.user)) if names.knows(one.user) else "") if link else ""
        )
        found.append(PersonLine(names.user(one.user), what, link, button, one.is_asked))
    return found


def _ask_all(viewer: Viewer) -> Said | None:
    """Return the button that asks everybody who was not asked today; None where there is nobody."""
    due = asking.count_due(asking.entries_due(viewer.user, viewer.now), viewer.now)
    if not viewer.may_ask or not due.fresh:
        return None
    words = "ask_all" if due.fresh == due.people else "ask_others"
    return Said(say_start(words, n=due.fresh, shown=number(due.fresh)), reverse("admin:ask_due"))


def figures(viewer: Viewer) -> list[Said]:
    """Return the other kinds of accounts that there are, each with its list, in queries that stop where pages stop counting."""
    accounts, alone = viewer.accounts, viewer.accounts.carried_by_one()
    looked_at = (
        alone if counted(alone) <= LIMIT else alone.none()
    )  # who could back up very many is not looked for
    kinds: list[tuple[str, str, QuerySet[Account]]] = [
        ("restricted", f"state={Health.RESTRICTED}", viewer.in_health(Health.RESTRICTED)),
        ("interrupted", f"state={Health.INTERRUPTED}", viewer.in_health(Health.INTERRUPTED)),
        ("at_risk", f"state={Health.AT_RISK}", viewer.in_health(Health.AT_RISK)),
        ("lost", "lost=1", accounts.access_lost()),
        ("alone", "alone=1", alone),
        ("backed_up", "alone=1&backup=1", backups.accounts_with_backup_at_hand(looked_at)),
        ("undated", "undated=1", accounts.filter(deadline_kind=Account.DeadlineKind.UNKNOWN)),
        ("no_macro", "macro=none", unwatched(accounts)),
        ("paused", f"state={Health.PAUSED}", viewer.in_health(Health.PAUSED)),
        ("healthy", f"state={Health.HEALTHY}", viewer.in_health(Health.HEALTHY)),
    ]
    numbers = [(words, query, counted(rows)) for words, query, rows in kinds]
    return [
        Said(say_start(words, n=count, shown=shown(count)), list_of(query))
        for words, query, count in numbers
        if count
    ]


def next_to_end(viewer: Viewer) -> Account | None:
    """Return the account that ends first of those that work."""
    works = viewer.accounts.filter(paused_at=None, state=Account.State.CONNECTED)
    return works.filter(deadline__gte=viewer.now).order_by("deadline", "pk").first()


def list_of(query: str) -> str:
    """Return the address of Social Accounts with a filter."""
    return f"{reverse('admin:accounts_account_changelist')}?{query}"


# --- AdToken itself: what is not fine of mails, which the root tells (`views.register`), and of channel apps ------------------------------


@dataclass(frozen=True)
class WellLine:
    """One line: what, how it is, and how that looks. `link` leads to more, where there is more."""

    name: str
    text: str
    icon: str
    tone: str
    link: str
    said: Sequence[Said] = ()  # before the text: what is counted, each with its rows


def lines_of_apps(apps: Iterable[ChannelApp], now: datetime) -> list[WellLine]:
    """Return a line for each app that is not fine: its calls, or the version of the channel's API that it uses."""
    lines = []
    for app in apps:
        link = reverse("admin:tokens_channelapp_change", args=[app.pk])
        version = versions.in_use(registry.get(app.channel))
        if problems := call_problems(app):
            lines.append(WellLine(str(app), " ".join(problems), "warning", "warn", link))
        elif version is not None and version.ends is not None and version.ends <= (now + SOON).date():
            text = say_start("version_ends_on", when=versions.day(version.ends))
            lines.append(WellLine(str(app), text, "info", "mute", link))
    return lines
