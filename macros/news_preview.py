"""What a macro would have told one reader at once in the last 30 days, from the events of its accounts.

As it is sent: what holds no more half a minute later is not told, an account that goes on and off is told of once an hour
(`news_sql.LATELY`), what is found together is one mail, and what follows soon waits in one (`macros.bursts`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise, takewhile
from typing import Any

from django.db import connection

from accounts.telling import notices
from macros import at_once, bursts, news_told_sql
from macros.models import MacroAction
from macros.preview import DAYS, Draft, word

ALL = "all"  # stands for all kinds together
HOUR = 3_600.0  # seconds
LATELY = 3 * HOUR
Kind = MacroAction.Kind

# Of an account: when an event happened (seconds since 1970), its kind, and the kind of action that it is news for, or "".
Event = tuple[float, str, str]
Found = Mapping[
    str, Sequence[int]
]  # kind -> mails, accounts; one mail may tell of several kinds, so that of ALL is no sum

_URGENT = frozenset({Kind.DEACTIVATED, Kind.RESTRICTED})
_WORKS = frozenset({"connected", "shifted", "unrestricted"})
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


def mails(found: Found) -> int:
    """Return how many mails that is in all."""
    return found[ALL][0] if ALL in found else 0


def find(draft: Draft, *, now: datetime) -> Found:
    """Count what each kind that the draft tells at once would have told."""
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
    with connection.cursor() as cursor:
        cursor.execute(news_told_sql.HAPPENED, values)
        return _counted(_told(cursor.fetchall()))


def shown(draft: Draft, found: Found) -> list[NewsCount]:
    """Return what was counted in the words of a page."""
    return [
        NewsCount(word(kind), *found.get(kind, (0, 0)))
        for kind, _ in MacroAction.Kind.at_once()
        if kind in draft.at_once
    ]


def _told(rows: Iterable[tuple[int, float, str, str]]) -> Iterator[tuple[str, list[float]]]:
    """Give of each account and kind when it would have been told of, if ever."""
    for _, of_account in groupby(rows, key=lambda row: row[0]):
        moments: dict[str, list[float]] = defaultdict(list)
        for look, kind in _moments([row[1:] for row in of_account]):
            moments[kind].append(look)
        yield from moments.items()


def _moments(events: Sequence[Event]) -> list[tuple[float, str]]:
    """Return when an account would have been told of, and of which kind: what waits for one kind waits for all."""
    gather = at_once.GATHER.total_seconds()
    places: dict[str, list[int]] = defaultdict(list)
    for place, (_, _, news) in enumerate(events):
        if news:
            places[news].append(place)
    looks = {kind: events[of_kind[0]][0] + gather for kind, of_kind in places.items()}
    told: list[tuple[float, str]] = []
    while looks:
        kind = min(looks, key=looks.__getitem__)
        look = looks[kind]
        fresh = [place for place in places[kind] if events[place][0] <= look]  # the last of them counts
        if _holds(events, fresh[-1], look) and not _is_known(events, fresh[-1], told, look):
            if (until := _waits(kind, told, look)) is not None:
                looks[kind] = until
                continue
            told.append((look, kind))
        places[kind] = places[kind][len(fresh) :]
        if places[kind]:
            looks[kind] = events[places[kind][0]][0] + gather
        else:
            del looks[kind]
    return told


def _lately(told: Sequence[tuple[float, str]], since: float, look: float) -> list[tuple[float, str]]:
    """Return what was told after a moment and before a look; the newest first."""
    return [one for one in takewhile(lambda one: one[0] > since, reversed(told)) if one[0] < look]


def _waits(kind: str, told: Sequence[tuple[float, str]], look: float) -> float | None:
    """Return until when news of a kind waits for what was told of the account before, as `news_sql.WAITS`; None for not at all."""
    within = _lately(told, look - HOUR, look)
    if not within:
        return None
    if kind == Kind.RECOVERED:
        waits = any(each == Kind.RECOVERED for _, each in _lately(told, look - LATELY, look))
    else:
        waits = kind not in _URGENT or any(each in {*_URGENT, Kind.RECOVERED} for _, each in within)
    return within[0][0] + HOUR if waits else None


def _is_known(events: Sequence[Event], place: int, told: Sequence[tuple[float, str]], look: float) -> bool:
    """Return whether the reader was told last just what an event says: that the account works again, or that it is deactivated and
    nobody told them since that it works, as `accounts.telling` does where it works for a while.
    """
    kind = events[place][2]
    at, last = next((one for one in reversed(told) if one[1] in {*_URGENT, Kind.RECOVERED}), (look, ""))
    if last != kind or kind == Kind.RESTRICTED:
        return False
    if kind == Kind.RECOVERED:
        return at > look - LATELY
    quiet = notices.QUIET.total_seconds()
    return not any(
        event in _WORKS and stops[0] - max(began, at) >= quiet
        for (began, event, _), stops in pairwise(events[: place + 1])
        if stops[0] > at
    )


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
