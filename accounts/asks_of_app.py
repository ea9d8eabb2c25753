"""Many log-ins asked about at once, such as all that use one channel app: whose they are, person by person, and the asks themselves.

The database groups what is in pools by person: an app may have 100,000 log-ins in as many accounts.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    Count,
    ExpressionWrapper,
    F,
    Max,
    Min,
    Q,
    QuerySet,
    When,
    Window,
)
from django.db.models.functions import DenseRank
from django.utils import timezone

from accounts import actions
from accounts.models import Account, AccountToken
from tokens.channels.kinds import AN_APPEAL_HELPS
from tokens.models import ChannelApp, Token, TokenEvent
from users.models import User

NAMED = 3  # accounts of a person that are read to be named, see `ui.text.join_names`

# Of whom `actions.cannot_ask` says why: each such log-in is a line of its own.
_CANNOT_ASK = (
    Q(token__kind=Token.Kind.SYSTEM)
    | Q(token__consented_by=None)
    | Q(token__consented_by__is_active=False)
    | Q(token__reason=Token.REMOVED)
    | Q(token__state=Token.State.DEAD, token__reason__in=AN_APPEAL_HELPS)
)
_GROUP = Case(
    When(_CANNOT_ASK, then=-F("token_id")),
    default=F("token__consented_by_id"),
    output_field=BigIntegerField(),
)


@dataclass(frozen=True)
class Waiting:
    """Log-ins that are waited for: their entries in the pools of accounts that somebody sees, and the same as a condition on events."""

    entries: QuerySet[AccountToken]
    events: Q


@dataclass(frozen=True)
class Group:
    """What is waited for of one person, or of nobody who can be asked: then the id is that of the log-in, negative."""

    id: int
    entries: int  # in pools
    fresh: int  # of these, those whose log-in was not asked for today

    @property
    def live(self) -> bool:
        """Whether there is somebody to ask, and something that was not asked for today."""
        return self.id > 0 and self.fresh > 0


@dataclass
class Part:
    """Some accounts of a group: the first by name with their entries, and how many there are."""

    entries: list[AccountToken] = field(default_factory=list)
    number: int = 0

    @property
    def accounts(self) -> list[Account]:
        """The first accounts."""
        return list({entry.account_id: entry.account for entry in self.entries}.values())


@dataclass
class Details:
    """A group as a page shows it."""

    everything: Part = field(default_factory=Part)
    fresh: Part = field(default_factory=Part)
    asked: Part = field(default_factory=Part)
    asked_at: datetime | None = None


def of_app(app: ChannelApp, user: User) -> Waiting:
    """Return the log-ins of an app in the accounts that this person sees."""
    return Waiting(_seen_by(user, AccountToken.objects.filter(token__app=app)), Q(token__app=app))


def of_tokens(tokens: QuerySet[Token], user: User) -> Waiting:
    """Return these log-ins in the accounts that this person sees."""
    chosen = tokens.order_by().values("pk")
    return Waiting(_seen_by(user, AccountToken.objects.filter(token__in=chosen)), Q(token__in=chosen))


def _seen_by(user: User, entries: QuerySet[AccountToken]) -> QuerySet[AccountToken]:
    """Keep what is in pools of accounts that this person sees."""
    if user.sees_all_teams:
        return entries
    return entries.filter(account__in=Account.objects.visible_to(user).values("pk"))


def log_ins(waiting: Waiting, *, most: int) -> list[int]:
    """Return the ids of the log-ins that are waited for, `most` and one more at most."""
    ids = waiting.entries.order_by("token").values_list("token", flat=True)
    return list(ids.distinct()[: most + 1])


def asked_today(tokens: Q, now: datetime) -> QuerySet[TokenEvent]:
    """Return today's asks for log-ins (a condition on events), without those of log-ins that were renewed since."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    asks = TokenEvent.objects.filter(tokens, kind=TokenEvent.Kind.ASKED, at__gte=midnight)
    return asks.filter(at__gt=F("token__linked_at")).order_by()


def groups(waiting: Waiting, now: datetime) -> list[Group]:
    """Return whom a page may ask: by the name of their first account, those who are skipped last. One query."""
    found = grouped(waiting, now).values("group")
    found = found.annotate(
        first_name=Min("account__name"),
        first=Min("pk"),
        entries=Count("pk"),
        new=Count("pk", filter=Q(fresh=True)),
    )
    rows = found.order_by("first_name", "first").values_list("group", "entries", "new")
    return sorted((Group(*row) for row in rows), key=lambda group: not group.live)


def details(waiting: Waiting, ids: Sequence[int], now: datetime) -> dict[int, Details]:
    """Return what a page shows of these groups. Four queries, however many log-ins and accounts they have."""
    people = [pk for pk in ids if pk > 0]
    entries = grouped(waiting, now).filter(
        Q(token__consented_by__in=people) | Q(token__in=[-pk for pk in ids if pk < 0]),
        group__in=ids,
    )
    found: dict[int, Details] = defaultdict(Details)
    number = Count("account", distinct=True)
    counts = entries.values("group").annotate(
        all=number,
        new=Count("account", distinct=True, filter=Q(fresh=True)),
        old=Count("account", distinct=True, filter=Q(fresh=False)),
    )
    for row in counts:
        one = found[row["group"]]
        one.everything.number, one.fresh.number, one.asked.number = row["all"], row["new"], row["old"]
    for group, entry, is_first, is_fresh in _first_entries(entries):
        one = found[group]
        if is_first:
            one.everything.entries.append(entry)
        (one.fresh if is_fresh else one.asked).entries.append(entry)
    of_people = waiting.entries.filter(token__consented_by__in=people).values("token")
    asks = asked_today(Q(token__in=of_people), now).values("token__consented_by").annotate(at=Max("at"))
    for person, at in asks.values_list("token__consented_by", "at"):
        found[person].asked_at = at
    return found


def _first_entries(entries: QuerySet[AccountToken]) -> Iterable[tuple[int, AccountToken, bool, bool]]:
    """Yield the entries of a group's first accounts by name, of those that are fresh and of the others.

    Each with its group, whether its account is of the first of both, and whether it is fresh.
    """
    order: Any = [F("account__name"), F("account_id")]
    ranked = entries.annotate(
        of_all=Window(DenseRank(), partition_by=["group"], order_by=order),
        of_kind=Window(DenseRank(), partition_by=["group", "fresh"], order_by=order),
    )
    rows = list(
        ranked.filter(of_kind__lte=NAMED)
        .order_by("account__name", "account_id", "pk")
        .values_list("group", "pk", "of_all", "fresh")
    )
    whole = AccountToken.objects.defer("token__credentials").select_related(
        "account", "token__app", "token__consented_by"
    )
    by_id = whole.in_bulk([pk for _, pk, *_ in rows])
    for group, pk, of_all, fresh in rows:
        yield group, by_id[pk], of_all <= NAMED, fresh


@transaction.atomic
def ask(*, waiting: Waiting, person_id: int, actor: User, note: str, now: datetime) -> list[Account]:
    """Ask one person by one mail for all of these log-ins that were not asked for today. Return their accounts; none where none is left.

    Of two who ask one person at once the second asks for what the first did not. Raises OnHold where no mail is sent.
    """
    entries = waiting.entries.filter(token__consented_by=person_id).exclude(_CANNOT_ASK)
    list(Token.objects.filter(pk__in=entries.values("token")).locked().values_list("pk"))
    asked = asked_today(waiting.events & Q(token__consented_by=person_id), now).values("token")
    fresh = entries.exclude(token__in=asked).defer("token__credentials")
    fresh = fresh.select_related("account__team", "token__app", "token__consented_by")
    ordered = fresh.order_by("account__name", "account_id", "pk")
    about = [(entry.account, entry.token) for entry in ordered]
    if about:
        actions.ask_person(about=about, actor=actor, note=note, now=now)
    return list({account.pk: account for account, _ in about}.values())


def grouped(waiting: Waiting, now: datetime) -> QuerySet[Any]:
    """Return the entries with the group of each, see `Group`, and whether its log-in was not asked for today."""
    fresh = ~Q(token__in=asked_today(waiting.events, now).values("token"))
    entries = waiting.entries.order_by()
    return entries.annotate(group=_GROUP, fresh=ExpressionWrapper(fresh, output_field=BooleanField()))
