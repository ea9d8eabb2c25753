"""What a mail still has to say of what happened: rows that hold, and what is no log-in's end, by cause."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from accounts.models import AccountEvent
from macros.at_once import services
from macros.at_once.queries import ENDS, SLICE, read_facts
from macros.at_once.rules import why_not
from macros.notices.models import Shortage, Told
from macros.notices.values import AccountFacts
from notifications.models import Message

Kind, Event = Told.Kind, AccountEvent.Kind
OF_LOG_INS = (*ENDS, Kind.DEACTIVATED, Kind.SHIFTED)  # said by lines of log-ins
ORDER = [Kind.RESTRICTED, Kind.UNSTEADY, Kind.FEW_PEOPLE, Kind.RECOVERED]


@dataclass(frozen=True)
class StillTold:
    """What a message still tells, the accounts as they are, and why the rest is dropped (codes)."""

    rows: Sequence[Told] = ()
    accounts: Mapping[int, AccountFacts] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()


def still_told(message: Message) -> StillTold:
    """Return what still holds of what a message tells. Drops are recorded."""
    rows = list(
        Told.objects.live()
        .filter(message=message)
        .select_related("action__macro", "token__consented_by", "account")
        .order_by("pk")
    )
    since = {one.account_id: one.at for one in sorted(rows, key=lambda each: each.at, reverse=True)}
    ids, looked = sorted(since), dict[int, AccountFacts]()
    kept, dropped = list[Told](), defaultdict[str, list[Told]](list)
    over = _over_shortages(rows)
    for place in range(0, len(ids), SLICE):
        some = read_facts({pk: since[pk] - timedelta(days=1) for pk in ids[place : place + SLICE]})
        looked |= some.accounts
        for row in rows:
            if (account := some.accounts.get(row.account_id)) is not None:
                again = row.kind == Kind.FEW_PEOPLE and (row.event in over or _enough(row, account))
                reason = "people_again" if again else why_not(row, account, some)
                (dropped[reason] if reason else kept).append(row)
    for reason, gone in dropped.items():
        services.drop_told(gone, reason)
    return StillTold(kept, looked, frozenset(dropped))


def _enough(row: Told, account: AccountFacts) -> bool:
    """Return whether an account that was short of people now is not."""
    action = row.action
    return account.deactivated or (
        action is not None and not action.within and account.people_count >= (action.people or 0)
    )


def _over_shortages(rows: Sequence[Told]) -> set[int]:
    """Return the numbers of shortages of people that are over, as rows have them."""
    asked = {-one.event for one in rows if one.kind == Kind.FEW_PEOPLE}
    if not asked:
        return set()
    lasting = set(Shortage.objects.running().filter(pk__in=asked).values_list("pk", flat=True))
    return {-pk for pk in asked - lasting}


@dataclass(frozen=True)
class Happening:
    """Accounts (facts) to which the same happened that is no log-in's end, at the first of which; `row` tells it."""

    row: Told
    accounts: list[AccountFacts]

    @property
    def kind(self) -> str:
        """What happened."""
        return self.row.kind

    @property
    def lifted(self) -> bool:
        """Whether a restriction is over."""
        event = self.accounts[0].event(self.row.event)
        return event is not None and event.kind == Event.UNRESTRICTED

    @property
    def since(self) -> datetime:
        """When it happened."""
        event = self.accounts[0].event(self.row.event)
        return event.at if event else self.row.at

    @property
    def people(self) -> int:
        """How many people are left: now, or, where these are enough, on the day that the macro looks ahead to."""
        people = self.accounts[0].people_count
        found = Shortage.objects.filter(pk=-self.row.event).values_list("people", flat=True)
        return people if not self.within else found.first() or 0

    @property
    def wanted(self) -> int:
        """How many people a macro wants."""
        return (self.row.action.people or 0) if self.row.action else 0

    @property
    def within(self) -> int:
        """Within how many days there are too few; 0: now."""
        ahead = (self.row.action.within or 0) if self.row.action else 0
        return ahead if self.accounts[0].people_count >= self.wanted else 0

    @property
    def times(self) -> int:
        """How often it went off today."""
        midnight = self.row.at.replace(hour=0, minute=0)
        stops = (Event.DEACTIVATED, Event.RESTRICTED)
        return max(1, sum(one.kind in stops and one.at >= midnight for one in self.accounts[0].events))


def happenings(told: StillTold, but: Iterable[int]) -> list[Happening]:
    """Return what a mail tells beside its lines of log-ins, by cause. Each account stands once, but where it is restricted.

    `but`: accounts (ids) that have such a line.
    """
    found, placed = dict[tuple[object, ...], Happening](), set(but)
    for row in sorted(
        (one for one in told.rows if one.kind in ORDER), key=lambda one: ORDER.index(Kind(one.kind))
    ):
        account = told.accounts[row.account_id]
        if row.kind != Kind.RESTRICTED and account.pk in placed:
            continue
        how: tuple[object, ...] = {
            Kind.RESTRICTED: (account.restriction,),
            Kind.RECOVERED: (account.active_token_id,),
            Kind.FEW_PEOPLE: (account.people_count, row.action_id),
        }.get(Kind(row.kind), (account.pk,))
        found.setdefault((row.kind, account.channel, *how), Happening(row, [])).accounts.append(account)
        placed.add(account.pk)
    return sorted(found.values(), key=lambda one: (ORDER.index(Kind(one.kind)), -len(one.accounts)))
