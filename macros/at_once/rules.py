"""Who is told what of accounts, at once: pure rules.

- A fact has its readers: a rule of AdToken tells the people whose log-in it is, or who stand in for them; actions of macros tell others.
- One cause is told to a reader once: who reads of the own log-in reads there that the account stopped, or goes on through somebody else.
- The second time that an account goes off and on within a day is one sentence in the evening, unless it stays off.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from accounts.models import Account, AccountEvent
from accounts.pool.health import OUTSIDE
from macros.notices.models import Told
from macros.notices.rules import World
from macros.notices.values import (
    AccountFacts,
    Happened,
    LogIn,
    Reader,
    who_is_told,
)
from ui.dates import local_day
from users.people.queries import Via

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BLIP = timedelta(minutes=1)  # stopped for less: that it works is no news
JUST_LINKED = timedelta(minutes=1)  # whoever linked it read there that it is restricted
Kind, Event = Told.Kind, AccountEvent.Kind
ENDS = (Kind.LOG_IN, Kind.ACCESS)
NO_MACRO = 0  # is the id of none: of what a rule of AdToken tells


# --- what happened to an account and still holds


class Fact(NamedTuple):
    """Something that is so of an account and has readers. `event` tells it from the same at another time."""

    kind: str
    event: int
    at: datetime
    token_id: int | None = None


def facts_of(account: AccountFacts, now: datetime) -> Iterator[Fact]:
    """Give what happened to an account and holds, the most telling first: who is told that is not told the next in other words."""
    for entry in account.log_ins:
        if entry.dead_since and not entry.removed and entry.dead_since >= account.looked_since:
            yield Fact(Kind.LOG_IN, int(entry.dead_since.timestamp()), entry.dead_since, entry.token_id)
    if not account.paused:
        yield from _of_account(account, now)


def _of_account(account: AccountFacts, now: datetime) -> Iterator[Fact]:
    """Give what happened to the account itself."""
    lost = {
        one.token_id: one for one in account.fresh if one.kind == Event.ACCESS and one.cause != "regained"
    }
    for entry in account.log_ins:
        if entry.token_id in lost and is_lost(entry):
            event = lost[entry.token_id]
            yield Fact(Kind.ACCESS, event.id, event.at, entry.token_id)
    if (stop := _stop(account, now)) is not None:
        yield Fact(Kind.DEACTIVATED, stop.id, stop.at)
    limit = account.last(Event.RESTRICTED)
    if limit is not None and account.restricted and limit.at - account.created_at > JUST_LINKED:
        yield Fact(Kind.RESTRICTED, limit.id, limit.at)
    back = works_again(account)
    waits = any(one.is_open and is_over(one, account) for one in account.told_at_once)
    if back is not None or waits:
        last = back or (account.events[-1] if account.events else None)
        yield Fact(Kind.RECOVERED, last.id if last else 0, last.at if last else now)
    shift = account.last(Event.SHIFTED)
    if shift is not None and back is None and _carries_on(account, shift):
        yield Fact(Kind.SHIFTED, shift.id, shift.at, shift.from_token_id)


def is_lost(entry: LogIn) -> bool:
    """Return whether a loss of access still is one to tell: of a log-in that died since, that is told."""
    return entry.dead_since is None and not entry.living and entry.reason != OUTSIDE


def _stop(account: AccountFacts, now: datetime) -> Happened | None:
    """Return the event by which an account came to be dark: deactivated, or interrupted for an hour."""
    event = account.last(Event.DEACTIVATED, Event.INTERRUPTED)
    if event is None or account.state not in {Account.State.DEACTIVATED, Account.State.INTERRUPTED}:
        return None
    if account.state == Account.State.INTERRUPTED:
        return event if account.since + HOUR <= now else None
    before = account.before(event, Event.CONNECTED, Event.DEACTIVATED, Event.INTERRUPTED)
    if event.cause == "resumed" and (before is None or before.kind == Event.DEACTIVATED):
        return None  # it was dark before it was paused
    return event


def works_again(account: AccountFacts) -> Happened | None:
    """Return the event by which an account works again that had stopped, or was restricted, for longer than a moment."""
    if account.state != Account.State.CONNECTED or account.restricted:
        return None
    works = account.last(Event.CONNECTED)
    if works is not None:
        stopped = account.before(works, Event.CONNECTED, Event.DEACTIVATED, Event.PAUSED)
        if stopped is not None and stopped.kind == Event.DEACTIVATED and works.at - stopped.at > BLIP:
            return works
    lifted = account.last(Event.UNRESTRICTED)
    if lifted is not None:
        limited = account.before(lifted, Event.RESTRICTED)
        if limited is not None and lifted.at - limited.at > BLIP:
            return lifted
    return None


def _carries_on(account: AccountFacts, shift: Happened) -> bool:
    connected = account.state == Account.State.CONNECTED
    return connected and shift.from_token_id is not None and account.active_token_id == shift.token_id


def is_over(told: Told, account: AccountFacts) -> bool:
    """Return whether what a reader was told, and waits to be over, is."""
    if account.restricted:
        return False
    return told.kind == Kind.RESTRICTED or account.state == Account.State.CONNECTED


# --- what is due


@dataclass
class Found:
    """What is due now; when which accounts (ids) are looked at again; who (account, address) need not hear that it is over."""

    due: list[Told] = field(default_factory=list)
    again: dict[int, datetime] = field(default_factory=dict)
    over: list[tuple[int, str]] = field(default_factory=list)


class ToldBy(NamedTuple):
    """A reader of a fact, and by which action of a macro: None by a rule of AdToken."""

    reader: Reader
    action_id: int | None = None


def find_due(world: World, now: datetime) -> Found:
    """Return what is due of all accounts. Paused ones are silent, but for the end of a log-in."""
    found = Found()
    for account in world.accounts.values():
        _look(account, world, now, found)
    return found


def _look(account: AccountFacts, world: World, now: datetime, found: Found) -> None:
    if account.state == Account.State.INTERRUPTED and account.since + HOUR > now:
        found.again[account.pk] = account.since + HOUR
    told: dict[str, list[Told]] = defaultdict(list)
    for before in account.told_at_once:
        told[before.recipient].append(before)
    back = set[str]()
    for fact in facts_of(account, now):
        for one in readers_of(fact, account, world):
            known = told[one.reader.address]
            if not is_known(fact, known, account):
                _tell(fact, one, account, known, now, found)
            if fact.kind == Kind.RECOVERED:
                back.add(one.reader.address)
    found.over += [
        (account.pk, old.recipient)
        for old in account.told_at_once
        if old.is_open and not account.paused and old.recipient not in back and is_over(old, account)
    ]


def _tell(
    fact: Fact, told_by: ToldBy, account: AccountFacts, known: list[Told], now: datetime, found: Found
) -> None:
    """Add what a reader is told of a fact now, or that they are told in the evening; and when it is looked at again."""
    when = _when(fact, known, now)
    if when is not None and when > now:
        found.again[account.pk] = min(when, found.again.get(account.pk, when))
    row = _row(fact, told_by, account) if when is None else _evening(told_by, account, now)
    if fact.kind in {Kind.DEACTIVATED, Kind.SHIFTED} and row.recipient in account.mailed:
        row.message_id, row.outcome = account.mailed[row.recipient], Told.Outcome.MAILED
    if all((one.kind, one.event, one.token_id) != (row.kind, row.event, row.token_id) for one in known):
        found.due.append(row)
        known.append(row)


def _row(fact: Fact, told_by: ToldBy, account: AccountFacts) -> Told:
    return Told(
        account_id=account.pk,
        team_id=account.team_id,
        kind=fact.kind,
        event=fact.event,
        at=fact.at,
        token_id=fact.token_id,
        recipient=told_by.reader.address,
        via=told_by.reader.via,
        action_id=told_by.action_id,
        dark=fact.kind == Kind.DEACTIVATED or (account.deactivated and fact.kind in ENDS),
    )


def _evening(told_by: ToldBy, account: AccountFacts, now: datetime) -> Told:
    """Return that a reader is told in the evening that an account goes on and off; once a day."""
    return _row(Fact(Kind.UNSTEADY, local_day(now).toordinal(), now), told_by, account)


# --- who is told


def readers_of(fact: Fact, account: AccountFacts, world: World) -> list[ToldBy]:
    """Return who is told of a fact: by the rules of AdToken, then by macros; each address once."""
    found: dict[str, ToldBy] = {}
    by_rule = [ToldBy(one) for one in _by_rule(fact, account, world)]
    by_macros = list(_by_macros(fact, account, world))
    # By a macro where both would: its reader can stop that.
    first, then = (by_macros, by_rule) if fact.kind == Kind.RECOVERED else (by_rule, by_macros)
    for one in (*first, *then):
        found.setdefault(one.reader.address, one)
    return list(found.values())


def _by_macros(fact: Fact, account: AccountFacts, world: World) -> Iterator[ToldBy]:
    if fact.kind == Kind.RECOVERED and works_again(account) is None:
        return
    for rule in world.watching(account, fact.kind):
        if fact.kind == Kind.DEACTIVATED or rule.created_at <= fact.at:
            for reader in rule.readers(account, world.directory).readers:
                yield ToldBy(reader, rule.action_id)


def _by_rule(fact: Fact, account: AccountFacts, world: World) -> Sequence[Reader]:
    if fact.kind in ENDS:
        entry = account.log_in(fact.token_id)
        if entry is None:
            return []
        return (
            _of_log_in(entry, account, world) if fact.kind == Kind.LOG_IN else _of_loss(entry, account, world)
        )
    if fact.kind == Kind.RESTRICTED:
        return _awake(account.people(), account, world) or stand_ins(account, world)
    if fact.kind == Kind.RECOVERED:
        waiting = [one.recipient for one in account.told_at_once if one.is_open and is_over(one, account)]
        return [
            Reader(one, Via.DIRECT)
            for one in dict.fromkeys(waiting)
            if hears_that_it_is_over(one, account, world)
        ]
    if fact.kind in {Kind.DEACTIVATED, Kind.SHIFTED}:
        # Whom the mail about removed log-ins told: they are not told again, and hear when it works.
        told = [Reader(one, Via.DIRECT) for one in account.mailed if fact.kind == Kind.DEACTIVATED]
        event = account.event(fact.event)
        if event is not None and event.cause == OUTSIDE:  # whose leads can lift the team's own rule
            told += [one for one in stand_ins(account, world) if one.address != event.actor]
        return told
    return []


def _of_log_in(entry: LogIn, account: AccountFacts, world: World) -> list[Reader]:
    """Return who is told that a log-in stopped: its people; where only an appeal brings a dark account back, leads, too."""
    own = _reached(entry.people, world)
    if not own:
        return list(stand_ins(account, world))
    if not (entry.only_appeal and account.deactivated):
        return own
    return [*own, *_leads(account, world, own)]


def _of_loss(entry: LogIn, account: AccountFacts, world: World) -> list[Reader]:
    """Return who is told that a log-in is of no use for an account: its people; and, where it is dark, who can help."""
    own = _reached(entry.people, world)
    if not account.deactivated:
        return own
    if entry.admin_helps:
        known = account.people(account.admins)
        admins = _awake(known, account, world)
        own_addresses = {one.address for one in own}
        others = [one for one in admins if one.address not in own_addresses]
        others += _leads(account, world, [*own, *others])
        if others:
            return [*own, *others]
        if world.directory.leads.get(account.team_id) or set(known) - own_addresses:
            return [*own, *_others(stand_ins(account, world), own)]  # they snoozed it
    return own or list(stand_ins(account, world))


def stand_ins(account: AccountFacts, world: World) -> Sequence[Reader]:
    """Return who is told where nobody else can be: leads who snoozed nothing, else operators."""
    return who_is_told(
        (), account_id=account.pk, team_id=account.team_id, macro_id=NO_MACRO, directory=world.directory
    ).readers


def _leads(account: AccountFacts, world: World, but: Iterable[Reader]) -> list[Reader]:
    return _others((one for one in stand_ins(account, world) if one.via == Via.TEAM_LEAD), but)


def _others(some: Iterable[Reader], but: Iterable[Reader]) -> list[Reader]:
    known = {one.address for one in but}
    return [one for one in some if one.address not in known]


def _reached(addresses: Iterable[str], world: World) -> list[Reader]:
    found = dict.fromkeys(addresses)
    return [Reader(one, Via.DIRECT) for one in found if not world.directory.why_unreached(one)]


def _awake(addresses: Iterable[str], account: AccountFacts, world: World) -> list[Reader]:
    """Return those whom mail reaches and who snoozed neither the account nor all."""
    why = world.directory.mutes.why
    return [
        one
        for one in _reached(addresses, world)
        if not why(one.address, account_id=account.pk, macro_id=NO_MACRO, day=None)
    ]


def hears_that_it_is_over(address: str, account: AccountFacts, world: World) -> bool:
    """Return whether an address hears that it is over: in a snooze only who was told of the own log-in."""
    own = any(one.recipient == address and one.kind in ENDS and one.is_open for one in account.told_at_once)
    own = own and address in account.people()
    heard = _reached([address], world) if own else _awake([address], account, world)
    return bool(heard) and world.may_hear(account, address)


# --- what a reader knows


def is_known(fact: Fact, told: Iterable[Told], account: AccountFacts) -> bool:
    """Return whether a reader was told of a fact, by whichever kind of news: of the log-in, or that it is dark."""
    return any(_tells(one, fact, account) for one in told)


def _tells(one: Told, fact: Fact, account: AccountFacts) -> bool:
    if (one.kind, one.event, one.token_id) == (fact.kind, fact.event, fact.token_id):
        return True
    lasts = one.is_open or one.waits
    if fact.kind == Kind.DEACTIVATED and lasts and (one.dark or one.kind in ENDS):
        # What was interrupted and is deactivated by now is told; what worked for a moment in between is not.
        blinked = any(each.kind == Event.CONNECTED and each.at > one.at for each in account.events)
        return one.at >= account.since - BLIP or blinked
    if fact.kind == Kind.RESTRICTED:
        return lasts and one.kind == Kind.RESTRICTED
    if fact.kind in ENDS and lasts and one.kind == Kind.DEACTIVATED and one.at >= fact.at:
        return True  # the daily evaluation came between the end and the sweep
    return (
        fact.kind == Kind.SHIFTED
        and one.kind in ENDS
        and one.token_id == fact.token_id
        and one.at >= fact.at - BLIP
    )


def _when(fact: Fact, told: Sequence[Told], now: datetime) -> datetime | None:
    """Return when a reader is told of a fact again who was told today that the account works again; None: now.

    It is said in the evening that it goes on and off. What stays off for an hour is told.
    """
    if fact.kind in ENDS:
        return None
    back = [one.at for one in told if one.kind == Kind.RECOVERED and one.at > now - DAY]
    if not back:
        return None
    stops = [one for one in told if (one.dark or one.kind == Kind.RESTRICTED) and one.at > max(back)]
    if fact.kind == Kind.RECOVERED:
        return None if stops else now
    if fact.kind in {Kind.DEACTIVATED, Kind.RESTRICTED}:
        return fact.at + HOUR if fact.at + HOUR > now else None
    return now
