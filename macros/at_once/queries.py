"""What `macros.at_once.rules` looks at beside what `macros.notices.queries` reads: what was told, and what happened and still holds."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from accounts.models import Account, AccountEvent
from accounts.pool.health import OUTSIDE
from macros.notices.models import Told
from macros.notices.queries import read_world
from macros.notices.rules import World
from macros.notices.values import AccountFacts, Happened, LogIn
from notifications.models import Message

SLICE = 2_000  # accounts that are read at a time
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BLIP = timedelta(minutes=1)  # stopped for less: that it works is no news
JUST_LINKED = timedelta(minutes=1)  # whoever linked it read there that it is restricted
Kind, Event = Told.Kind, AccountEvent.Kind
ENDS = (Kind.LOG_IN, Kind.ACCESS)
STATES = (Event.CONNECTED, Event.DEACTIVATED, Event.INTERRUPTED, Event.PAUSED)
RESTRICTIONS = (Event.RESTRICTED, Event.UNRESTRICTED)
LOOKED_AT = (*STATES, *RESTRICTIONS, Event.SHIFTED, Event.ACCESS)


def read_facts(since: Mapping[int, datetime]) -> World:
    """Return the facts of accounts (ids), each since a moment. A fixed number of queries."""
    found, first = read_world(list(since)), min(since.values())
    events, told = _events(since, first), _told(since, first)
    mailed = _mailed(found.accounts, first)
    for pk, one in found.accounts.items():
        one.looked_since = since[pk]
        one.events, one.told_at_once, one.mailed = events[pk], told[pk], mailed[pk]
    return found


def _events(ids: Collection[int], since: datetime) -> Mapping[int, list[Happened]]:
    """Return the events since a moment, and of each account the state and the restriction before."""
    columns = ("account", "id", "kind", "at", "cause", "token", "from_token", "actor__email")
    events = AccountEvent.objects.filter(account__in=ids)
    rows = list(events.filter(kind__in=LOOKED_AT, at__gte=since).order_by().values_list(*columns))
    for kinds in (STATES, RESTRICTIONS):
        before = (
            events.filter(kind__in=kinds, at__lt=since).order_by("account", "-at", "-id").distinct("account")
        )
        rows += before.values_list(*columns)
    # A shift or a passing doubt in between says nothing of what was before it.
    stopped = events.filter(kind__in=(Event.CONNECTED, Event.DEACTIVATED, Event.PAUSED), at__lt=since)
    rows += stopped.order_by("account", "-at", "-id").distinct("account").values_list(*columns)
    found: dict[int, dict[int, Happened]] = defaultdict(dict)
    for account, pk, kind, at, cause, token, before_it, actor in rows:
        found[account][pk] = Happened(pk, kind, at, cause, token, before_it, actor or "")
    return defaultdict(
        list,
        {pk: sorted(some.values(), key=lambda one: (one.at, one.id)) for pk, some in found.items()},
    )


def _told(ids: Collection[int], since: datetime) -> Mapping[int, list[Told]]:
    """Return what was told of accounts within a day before a moment and since, and what is not over."""
    rows = Told.objects.live().filter(account__in=ids).order_by("id")
    pairs = {one.pk: one for one in (*rows.filter(at__gte=since - DAY), *rows.open())}
    found: dict[int, list[Told]] = defaultdict(list)
    for one in sorted(pairs.values(), key=lambda each: each.pk):
        found[one.account_id].append(one)
    return found


def _mailed(accounts: Mapping[int, AccountFacts], since: datetime) -> Mapping[int, dict[str, int]]:
    """Return whom the mail about removed log-ins told of accounts, and which mail: of all of their own, or of those of some teams."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    removed = {pk: {one.token_id for one in each.log_ins if one.removed} for pk, each in accounts.items()}
    if not any(removed.values()):
        return found
    mails = Message.objects.not_lost().filter(kind="left", created_at__gte=since - DAY)
    for mail, recipient, said in mails.values_list("pk", "recipient", "payload"):
        for pk, tokens in removed.items():
            theirs = said.get("own") or accounts[pk].team_id in said.get("teams", ())
            if theirs and not tokens.isdisjoint(said.get("tokens", ())):
                found[pk][recipient] = mail
    return found


# --- what happened to an account and still holds, by what was read: pure


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


def is_over(told: Told, account: AccountFacts) -> bool:
    """Return whether what a reader was told, and waits to be over, is."""
    if account.restricted:
        return False
    return told.kind == Kind.RESTRICTED or account.state == Account.State.CONNECTED
