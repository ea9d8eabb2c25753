"""The figures of the start page that are kept where there are very many accounts: each reads all of them, and none says what is dark now.

What somebody may have to act on today is never among them: states, *Most urgent*, whom a press would ask.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from accounts import backups, deadline_weeks, lately, people_left
from accounts.backups import Alone
from macros import coverage
from portal.start_viewer import Figure, Viewer

LIMIT = 10_000  # accounts that a card counts


def _number(found: int) -> int:
    return found


def _pairs(found: Mapping[tuple[Any, Any], int]) -> list[list[Any]]:
    return [[one, other, number] for (one, other), number in found.items()]


def _weeks(viewer: Viewer) -> Mapping[tuple[date, str], int]:
    return deadline_weeks.count(viewer.accounts, now=viewer.now, zone=viewer.zone)


NO_MACRO = Figure(
    "no_macro",
    lambda viewer: viewer.count(coverage.watched_by_none(viewer.accounts), limit=LIMIT),
    _number,
    _number,
)
ALONE = Figure(
    "alone",
    lambda viewer: backups.count_alone(viewer.accounts, limit=LIMIT),
    lambda found: [found.number, found.at_hand, found.looked_at],
    lambda kept: Alone(*kept),
)
WEEKS = Figure(
    "weeks",
    _weeks,
    lambda found: [[monday.isoformat(), channel, number] for (monday, channel), number in found.items()],
    lambda kept: {(date.fromisoformat(monday), channel): number for monday, channel, number in kept},
)
# Beside the weeks: how many have no end date, and how many renew themselves; beside the people left, of how many nothing is known.
ENDLESS = Figure(
    "endless",
    lambda viewer: viewer.count(deadline_weeks.endless(viewer.accounts), limit=LIMIT),
    _number,
    _number,
)
RENEWING = Figure(
    "renewing",
    lambda viewer: viewer.count(deadline_weeks.renewing(viewer.accounts, now=viewer.now), limit=LIMIT),
    _number,
    _number,
)
UNDATED = Figure(
    "undated",
    lambda viewer: viewer.count(people_left.undated(viewer.accounts), limit=LIMIT),
    _number,
    _number,
)
PEOPLE: Figure[people_left.Table] = Figure(
    "people",
    lambda viewer: people_left.count(viewer.accounts, now=viewer.now, zone=viewer.zone),
    _pairs,
    lambda kept: {(people, days): number for people, days, number in kept},
)
TODAY: Figure[people_left.Table] = Figure(  # a column of PEOPLE: what the page works out by itself
    "today",
    lambda viewer: people_left.count_today(viewer.accounts),
    _pairs,
    lambda kept: {(people, days): number for people, days, number in kept},
)
LATELY: Figure[Mapping[tuple[str, str], int]] = Figure(
    "lately",
    lambda viewer: lately.count(viewer.user, now=viewer.now, zone=viewer.zone),
    _pairs,
    lambda kept: {(kind, cause): number for kind, cause, number in kept},
)
ANEW = Figure(
    "anew",
    lambda viewer: lately.re_authenticated(viewer.user, now=viewer.now, zone=viewer.zone),
    _number,
    _number,
)
AHEAD: tuple[Figure[Any], ...] = (NO_MACRO, ALONE, WEEKS, ENDLESS, RENEWING, UNDATED, PEOPLE, LATELY, ANEW)
