"""What the rules of `macros.at_once.rules` look at beside what `macros.notices.queries` reads: events of accounts, and what was told."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from accounts.models import AccountEvent
from macros.notices.models import Told
from macros.notices.queries import read_world
from macros.notices.rules import World
from macros.notices.values import AccountFacts, Before, Happened
from notifications.models import Message

SLICE = 2_000  # accounts that are read at a time
DAY = timedelta(days=1)
Event = AccountEvent.Kind
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


def _told(ids: Collection[int], since: datetime) -> Mapping[int, list[Before]]:
    """Return what was told of accounts within a day before a moment and since, and what is not over."""
    rows = Told.objects.live().filter(account__in=ids).order_by("id")
    pairs = {one.pk: one for one in (*rows.filter(at__gte=since - DAY), *rows.open())}
    found: dict[int, list[Before]] = defaultdict(list)
    for one in sorted(pairs.values(), key=lambda each: each.pk):
        found[one.account_id].append(before_of(one))
    return found


def before_of(row: Told) -> Before:
    """Return a row as the rules know it."""
    return Before(
        row.kind,
        row.recipient,
        row.at,
        row.event,
        row.token_id,
        row.dark,
        is_open=row.is_open,
        waits=row.outcome == Told.Outcome.WAITING,
    )


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
