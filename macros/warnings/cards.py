"""What a card or a line of the mail about accounts says.

A card is of what its reader can do something about, with its accounts, causes and the way to renew; a line is of what they watch.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext

from accounts.models import Account, AccountEvent
from accounts.pool.mails import ReaderWithNames, Rows, mail_row
from accounts.pool.queries import summarise
from accounts.renewal_links.services import log_in_card
from macros.notices.models import Told
from macros.notices.values import AccountFacts
from macros.warnings.revalidation import StillSaid
from macros.warnings.rules import Section, WarningLine
from tokens.channels import declarations
from tokens.channels.kinds import Reason
from tokens.token import reasons
from ui import dates
from ui.mails import called
from ui.pills import Pill, pill
from ui.text import first_name

Kind, Event = Told.Kind, AccountEvent.Kind
ORDER = [Kind.RESTRICTED, Kind.UNSTEADY, Kind.FEW_PEOPLE, Kind.RECOVERED]  # of what is no log-in's end
SHOWN = 10  # accounts named in the cards of a mail, or cards; the rest is a number and a link
WATCHED = 3  # lines of log-ins that the reader only watches
ON_CARD = 4  # accounts that a card names
HEALTH = {
    Section.DEACTIVATED: "deactivated",
    Section.WEEK: "urgent",
    Section.MONTH: "at_risk",
    Section.LATER: "healthy",
}
PILLS = {Kind.RESTRICTED: "restricted", Kind.FEW_PEOPLE: "no_backup", Kind.RECOVERED: "healthy"}


@dataclass(frozen=True)
class MailReader(ReaderWithNames):
    """Who reads the mail, and which log-ins a link of their own renews."""

    address: str = ""
    renewable: Collection[int] = ()

    def full(self, when: datetime | None) -> str:
        """Return "Fri 27 Nov 2026, 09:00 CET" in the reader's zone; "" for none."""
        return dates.moment(when, zone=self.zone).full if when else ""


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
        """How many people are left."""
        return self.accounts[0].people_count

    @property
    def wanted(self) -> int:
        """How many people a macro wants."""
        return (self.row.action.people or 0) if self.row.action else 0

    @property
    def times(self) -> int:
        """How often it went off on the day that it tells of."""
        day, stops = dates.local_day(self.row.at), (Event.DEACTIVATED, Event.RESTRICTED)
        events = self.accounts[0].events
        return max(1, sum(one.kind in stops and dates.local_day(one.at) == day for one in events))


def happenings(still: StillSaid, but: Iterable[int]) -> list[Happening]:
    """Return what a mail tells beside its lines of log-ins, by cause. Each account stands once, but where it is restricted.

    `but`: accounts (ids) that have such a line.
    """
    found, placed = dict[tuple[object, ...], Happening](), set(but)
    for row in sorted(
        (one for one in still.told if one.kind in ORDER), key=lambda one: ORDER.index(Kind(one.kind))
    ):
        account = still.accounts[row.account_id]
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


@dataclass(frozen=True)
class Said:
    """What a mail says: log-ins that its reader can do something about, those they watch, what else happened, how many accounts more."""

    mine: Sequence[Sequence[WarningLine]]
    watched: Sequence[Sequence[WarningLine]]
    happened: Sequence[Happening]
    beyond: int = 0

    @property
    def lines(self) -> list[WarningLine]:
        """All lines of log-ins, the most urgent first."""
        return [line for some in (*self.mine, *self.watched) for line in some]

    @property
    def ids(self) -> set[int]:
        """The accounts."""
        return {line.account.pk for line in self.lines} | {
            a.pk for one in self.happened for a in one.accounts
        }


def goes_on(line: WarningLine) -> bool:
    """Return whether an account goes on without the log-in that ended."""
    return line.covered and line.since is not None


def who_is_asked(line: WarningLine) -> str:
    """Return whom it waits for; "" for nobody who can be asked."""
    return line.waits_for or ("" if line.unreachable else line.person)


def is_of_the_reader(one: Happening, reader: MailReader) -> bool:
    """Return whether it is a restriction of an account that the reader links, which an admin at the channel has lifted."""
    return (
        one.kind == Kind.RESTRICTED and reader.user is not None and reader.address in one.accounts[0].people()
    )


def seen_accounts(said: Said) -> set[int]:
    """Return the accounts (ids) that the mail shows, or counts in a line."""
    cards = {line.account.pk for some in said.mine[:SHOWN] for line in some}
    return cards | {pk for some, _ in watched_lines(said) for pk in some}


def watched_lines(said: Said) -> list[tuple[list[int], Sequence[WarningLine] | Happening]]:
    """Return the accounts (ids) of each line for who watches, with what it is about."""
    groups = [([line.account.pk for line in some], some) for some in said.watched]
    found: list[tuple[list[int], Sequence[WarningLine] | Happening]] = [*groups]
    found += [([account.pk for account in one.accounts], one) for one in said.happened]
    return found[:WATCHED]


# --- cards, of what the reader can do something about


def cards_of(said: Said, reader: MailReader, now: datetime) -> list[dict[str, object]]:
    """Return the facts of the cards, most urgent first: log-ins, then restrictions of accounts that the reader links."""
    shares = _shares(said.mine)
    cards = [_card(some, reader, share, now) for some, share in zip(said.mine, shares, strict=True) if share]
    limits = [one for one in said.happened if is_of_the_reader(one, reader)]
    return [*cards, *(_restricted(one, reader, now) for one in limits[:WATCHED])]


def _shares(found: Sequence[Sequence[WarningLine]]) -> list[int]:
    """Part the places of a mail: one for each log-in, since each is a press of its own, then one more for each that has more."""
    shares = [0] * len(found)
    room = SHOWN
    while room and (
        hungry := [n for n, some in enumerate(found) if shares[n] < min(len(some), ON_CARD)][:room]
    ):
        for number in hungry:
            shares[number] += 1
        room -= len(hungry)
    return shares


def _card(lines: Sequence[WarningLine], reader: MailReader, shown: int, now: datetime) -> dict[str, object]:
    """Return the facts of the card of a log-in, with so many of its accounts by name."""
    first = lines[0]
    rows = [
        mail_row(
            summarise(line.account, now, line.entries), carrier=first_name(line.carrier), zone=reader.zone
        )
        for line in lines[:shown]
    ]
    explanation = first.explain(called([line.account.name for line in lines]))
    assert explanation is not None  # without a log-in nobody acts
    return log_in_card(
        first.token,
        Rows(rows, len(lines)),
        explanation,
        pill=_pill(first),
        group=first.section if not goes_on(first) else "",
        ends=reader.full(first.ends),
        mine=first.mine,
        log_in=first.token.native_user_name if first.token and first.mine else str(first.person),
        zone=reader.zone,
    )


def is_personal(line: WarningLine, reader: MailReader) -> bool:
    """Return whether its button is to be the reader's own link, which needs no log-in here."""
    return line.can_act and line.token is not None and line.token.pk in reader.renewable


def _restricted(one: Happening, reader: MailReader, now: datetime) -> dict[str, object]:
    """Return the facts of the card of a restriction that an admin at the channel has lifted."""
    account = one.row.account
    row = mail_row(summarise(account, now), carrier="", zone=reader.zone)
    explanation = reasons.explain(account.channel, Reason.RESTRICTED, account=account.name)
    return log_in_card(
        None, Rows([row], len(one.accounts)), explanation,
        pill=pill("account", "restricted"), words=account.restriction, zone=reader.zone,
    )  # fmt: skip


def _pill(line: WarningLine) -> Pill:
    """Return the state of an account; while it works, the same count of days as the subject's."""
    if line.interrupted:
        return pill("account", "interrupted")
    if goes_on(line):
        return pill("account", "no_backup" if line.account.people_count == 1 else "healthy")
    left = dates.whole_days_left(line.days) if line.days > 0 else gettext("Ends today")
    return pill("account", HEALTH[line.section], label="" if line.deactivated else left)


# --- lines, of what the reader watches


def lines_of(said: Said, reader: MailReader) -> list[dict[str, object]]:
    """Return the facts of the lines of log-ins, and of what happened beside, three at most."""
    return [
        line_of_event(one, reader) if isinstance(one, Happening) else line_of_log_in(one, reader)
        for _, one in watched_lines(said)
        if not (isinstance(one, Happening) and is_of_the_reader(one, reader))
    ]


def line_of_log_in(lines: Sequence[WarningLine], reader: MailReader) -> dict[str, object]:
    """Return the facts of a line, which are those of subject and heading, too, where it is the first."""
    first, going = lines[0], sum(goes_on(line) for line in lines)
    since = reader.full(first.account.since)
    return {
        **_named(first.account, [line.account.name for line in lines]),
        "kind": "line",
        "pill": _pill(first),
        "interrupted": since if first.interrupted else "",
        "deactivated": since if first.deactivated else "",
        "goes_on": going,
        "dark": len(lines) - going,
        "carrier": first_name(first.carrier),
        "covered": first.covered,
        "days": first.days,
        "at": f"{first.ends.astimezone(reader.zone):%H:%M %Z}" if first.ends else "",
        "ends": reader.full(first.ends),
        "mine": first.mine,
        "can_act": first.can_act,
        "of_system": first.of_system,
        "waits_for": first.waits_for,
        "person": first.person,
        "person_first": first_name(first.person),
        "unreachable": first.unreachable,
        "who": who_is_asked(first),
        "alone": sum(one.account.people_count == 1 for one in lines if goes_on(one)),
    }


def line_of_event(one: Happening, reader: MailReader) -> dict[str, object]:
    """Return the same of what happened beside."""
    few = one.kind == Kind.FEW_PEOPLE
    return {
        **_named(one.row.account, [one.row.account.name] * len(one.accounts)),
        "kind": one.kind,
        "pill": pill("account", PILLS[Kind(one.kind)]) if one.kind in PILLS else None,
        "since": reader.full(one.since),
        "words": one.row.account.restriction,
        "lifted": one.lifted,
        "people": one.people if few else 0,
        "wanted": one.wanted,
        "times": one.times if one.kind == Kind.UNSTEADY else 0,
    }


def _named(account: Account, names: Sequence[str]) -> dict[str, object]:
    return {
        "name": account.name,
        "called": called(names),
        "native_id": account.native_id if len(names) == 1 else "",
        "count": len(names),
        "channel": str(declarations.label(account.channel)),
        "channel_key": account.channel,
    }
