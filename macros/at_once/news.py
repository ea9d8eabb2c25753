"""What happened to an account and still holds: the facts that `macros.at_once.rules` tells. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from accounts.models import Account, AccountEvent
from accounts.pool.health import OUTSIDE
from macros.notices.models import Told
from macros.notices.rules import World
from macros.notices.values import AccountFacts, Before, Happened, LogIn

Kind = Told.Kind
Event = AccountEvent.Kind
HOUR = timedelta(hours=1)
BLIP = timedelta(minutes=1)  # stopped for less: that it works is no news
JUST_LINKED = timedelta(minutes=1)  # whoever linked it read there that it is restricted
ENDS = (Kind.LOG_IN, Kind.ACCESS)


class Fact(NamedTuple):
    """Something that is so of an account and has readers. `event` tells it from the same at another time."""

    kind: str
    event: int
    at: datetime
    token_id: int | None = None


def facts_of(account: AccountFacts, world: World, now: datetime) -> Iterator[Fact]:
    """Give what happened to an account and holds, the most telling first: who is told that is not told the next in other words."""
    for entry in account.log_ins:
        if entry.dead_since and not entry.removed and entry.dead_since >= account.looked_since:
            yield Fact(Kind.LOG_IN, int(entry.dead_since.timestamp()), entry.dead_since, entry.token_id)
    if not account.paused:
        yield from _of_account(account, world, now)


def _of_account(account: AccountFacts, world: World, now: datetime) -> Iterator[Fact]:
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
    quiet = world.directory.mutes.quiet_until(account.pk) is not None
    if shift is not None and back is None and not quiet and _carries_on(account, shift):
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


def is_over(told: Before, account: AccountFacts) -> bool:
    """Return whether what a reader was told, and waits to be over, is."""
    if account.restricted:
        return False
    return told.kind == Kind.RESTRICTED or account.state == Account.State.CONNECTED
