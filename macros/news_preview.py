"""What a macro would have told one reader at once in the last 30 days, from the events of its accounts.

As it is sent: what holds no more half a minute later is not told, an account is told of once an hour by one kind of action
(`news_sql.LOOK`), what is found together is one mail, and what follows soon waits in one (`macros.bursts`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from macros import at_once, bursts, news_told_sql
from macros.models import MacroAction
from macros.preview import DAYS, Draft, word

LONGEST = 2_000  # milliseconds: it is no more than a hint
ALL = "all"  # stands for all kinds together
HOUR = 3_600.0  # seconds
Kind = MacroAction.Kind

# Of an account: when an event happened (seconds since 1970), its kind, and the kind of action that it is news for, or "".
Event = tuple[float, str, str]
Found = Mapping[
    str, Sequence[int]
]  # kind -> mails, accounts; one mail may tell of several kinds, so that of ALL is no sum

_STOPS = frozenset({"deactivated", "interrupted", "paused"})
# After which events of an account it is no more as an event said.
_ENDS: Mapping[str, frozenset[str]] = {
    "deactivated": frozenset({"connected", "interrupted", "paused"}),
    "shifted": _STOPS | {"shifted"},
    "connected": _STOPS,
    "unrestricted": _STOPS | {"restricted"},
    "restricted": frozenset({"unrestricted", "paused"}),
}


@dataclass(frozen=True)
class NewsCount:
    """What one kind of action would have told one reader: in how many mails, of how many accounts."""

    label: str
    mails: int
    accounts: int


def counts(draft: Draft, *, now: datetime) -> list[NewsCount] | None:
    """Return that of each kind that the draft tells at once; None where the database needs more than LONGEST to say so."""
    found = find(draft, now=now)
    return None if found is None else shown(draft, found)


def mails(found: Found) -> int:
    """Return how many mails that is in all. What a version before counted has no such number."""
    return found[ALL][0] if ALL in found else sum(number for number, _ in found.values())


def find(draft: Draft, *, now: datetime, longest: int | None = None) -> Found | None:
    """Count the same, in words of no language; None where the database needs more than `longest` milliseconds, or LONGEST."""
    if not draft.at_once:
        return {}
    values: dict[str, Any] = {
        "kinds": draft.at_once,
        "since": now - timedelta(days=DAYS),
        "team": draft.team_id,
        "scope": draft.scope,
        "channels": draft.channels,
        "accounts": draft.accounts,
        "excluded": draft.excluded,
    }
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("select set_config('statement_timeout', %s, true)", [str(longest or LONGEST)])
            with connection.chunked_cursor() as cursor:  # of a million accounts there are many
                cursor.execute(news_told_sql.HAPPENED, values)
                return _counted(_told(_rows(cursor)))
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            return None
        raise


def shown(draft: Draft, found: Found) -> list[NewsCount]:
    """Return what was counted in the words of a page."""
    return [
        NewsCount(word(kind), *found.get(kind, (0, 0)))
        for kind, _ in MacroAction.Kind.at_once()
        if kind in draft.at_once
    ]


def _rows(cursor: Any) -> Iterator[tuple[int, float, str, str]]:
    while rows := cursor.fetchmany(2_000):
        yield from rows


def _told(rows: Iterable[tuple[int, float, str, str]]) -> Iterator[tuple[str, list[float]]]:
    """Give of each account and kind when it would have been told of, if ever."""
    for _, of_account in groupby(rows, key=lambda row: row[0]):
        events = [row[1:] for row in of_account]
        for kind in {news for _, _, news in events if news}:
            if moments := _moments(events, kind):
                yield kind, moments


def _moments(events: Sequence[Event], kind: str) -> list[float]:
    """Return when an account would have been told of by one kind of action."""
    gather = at_once.GATHER.total_seconds()
    places = [place for place, (_, _, news) in enumerate(events) if news == kind]
    told: list[float] = []
    while places:
        look = events[places[0]][0] + gather
        if told and look < told[-1] + HOUR:
            look = told[-1] + HOUR
        fresh = [place for place in places if events[place][0] <= look]  # the last of them counts
        if _holds(events, fresh[-1], look):
            told.append(look)
        places = places[len(fresh) :]
    return told


def _holds(events: Sequence[Event], place: int, moment: float) -> bool:
    ends = _ENDS[events[place][1]]
    return not any(kind in ends and at <= moment for at, kind, _ in events[place + 1 :])


def _counted(told: Iterable[tuple[str, list[float]]]) -> Found:
    """Return in how many mails that is, and of how many accounts."""
    accounts: dict[str, int] = defaultdict(int)
    streams: dict[bool, list[tuple[float, str]]] = {True: [], False: []}  # what is dark has mails of its own
    for kind, moments in told:
        accounts[kind] += 1
        streams[kind == Kind.DEACTIVATED] += [(moment, kind) for moment in moments]
    found: dict[str, Sequence[int]] = {}
    total = 0
    for stream in streams.values():
        of_mail: dict[int, set[str]] = defaultdict(set)
        stream.sort()
        for number, (_, kind) in zip(bursts.numbered(_sweeps(at for at, _ in stream)), stream, strict=True):
            of_mail[number].add(kind)
        total += len(of_mail)
        for kind in {kind for _, kind in stream}:
            found[kind] = (sum(kind in kinds for kinds in of_mail.values()), accounts[kind])
    return {**found, ALL: (total, 0)} if found else {}


def _sweeps(moments: Iterable[float]) -> Iterator[float]:
    """Give for each moment when the sweep comes that tells of it: what follows while the first gathers comes with it."""
    sweep = float("-inf")
    for moment in moments:
        if moment > sweep + at_once.GATHER.total_seconds():
            sweep = moment
        yield sweep
