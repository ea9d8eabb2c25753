"""The start page's figures: deadlines by week, people left by day, what happened in the last 30 days. A number leads to its accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext_lazy
from django_stubs_ext import StrPromise

from accounts import deadline_weeks, lately, people_left
from accounts.models import AccountEvent
from portal import start_kept
from portal.event_causes import cause_words
from portal.start_cards import Row, list_of
from portal.start_filters import ITSELF, NEVER
from portal.start_viewer import Viewer
from tokens.channels import declarations
from ui import dates
from ui.chart import Chart, Column, Part, stacked

REASONS = 6  # that are shown
_BAR = 100  # width of the longest


# --- deadlines per week ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Weeks:
    """The chart and the same as a table: channels above, a line for each week."""

    chart: Chart | None
    channels: Sequence[str]
    lines: Sequence[tuple[Column, str]]  # with the link of all channels
    endless: Row
    renewing: Row


def weeks(viewer: Viewer) -> Weeks:
    """Return the deadlines of 13 weeks."""
    found, _ = viewer.kept(start_kept.WEEKS)
    keys = [key for key in declarations.channel_keys() if any(channel == key for _, channel in found)]
    columns = [
        _column(monday, keys, found) for monday in deadline_weeks.weeks(now=viewer.now, zone=viewer.zone)
    ]
    endless, _ = viewer.kept(start_kept.ENDLESS)
    renewing, _ = viewer.kept(start_kept.RENEWING)
    return Weeks(
        stacked(columns),
        [str(declarations.label(key)) for key in keys],
        [(column, list_of(f"week={monday:%Y-%m-%d}")) for monday, column in _mondays(columns, viewer)],
        Row(gettext_lazy("No end date"), "", "", f"ends={NEVER}", endless),
        Row(gettext_lazy("Renews itself"), "", "", f"ends={ITSELF}", renewing),
    )


def _mondays(columns: Sequence[Column], viewer: Viewer) -> list[tuple[date, Column]]:
    return list(zip(deadline_weeks.weeks(now=viewer.now, zone=viewer.zone), columns, strict=True))


def _column(monday: date, keys: Sequence[str], found: Any) -> Column:
    parts = [
        Part(
            key,
            str(declarations.label(key)),
            found.get((monday, key), 0),
            list_of(urlencode({"week": monday.isoformat(), "channel": key})),
        )
        for key in keys
    ]
    return Column(dates.short_day(monday), dates.day(monday), parts)


# --- people left per account ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PeopleLeft:
    """The table: a head for each day, and a line for each number of people with a number and a link for each day."""

    heads: Sequence[str]
    lines: Sequence[tuple[int, Sequence[tuple[int, str]]]]
    at: datetime
    whole: bool  # else only today's column is there: the others take a while
    undated: Row


def people(viewer: Viewer, *, asked: bool) -> PeopleLeft:
    """Return the table. Of many accounts the page does not work out the days to come by itself, unless somebody `asked`."""
    whole = viewer.row is None or asked or viewer.known(start_kept.PEOPLE) is not None
    table, at = viewer.kept(start_kept.PEOPLE if whole else start_kept.TODAY)  # today's column is in it
    days = people_left.DAYS if whole else people_left.DAYS[:1]
    first = viewer.now.astimezone(viewer.zone).date()
    lines = [
        (number, [(table.get((number, day), 0), list_of(f"left={number}-{day}")) for day in days])
        for number in range(people_left.MOST + 1)
    ]
    unknown, _ = viewer.kept(start_kept.UNDATED)
    return PeopleLeft(
        [dates.short_day(first + timedelta(days=day)) for day in days[1:]],
        lines,
        at,
        whole,
        Row(gettext_lazy("Date unknown"), "", "", "undated=1", unknown),
    )


# --- the last 30 days -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bar:
    """A number with its bar, as a part of 100, and the accounts behind it."""

    number: int
    width: int
    link: str


@dataclass(frozen=True)
class Lately:
    """What happened, in sum and by reason, the most frequent first."""

    shifted: Bar
    deactivated: Bar
    re_authenticated: int
    anew_link: str  # "" for whoever may not see log-ins
    reasons: Sequence[tuple[StrPromise | str, Bar, Bar]]
    unshown: int
    since: datetime


def last_days(viewer: Viewer, *, whole: bool) -> Lately:
    """Return the figures of the last 30 days; `whole`: with all reasons."""
    now, zone = viewer.now, viewer.zone
    found, _ = viewer.kept(start_kept.LATELY)
    anew, _ = viewer.kept(start_kept.ANEW)
    causes = {cause for _, cause in found if cause}
    most = sorted(
        causes, key=lambda cause: (-sum(found.get((kind, cause), 0) for kind in lately.KINDS), cause)
    )
    highest = max((n for (_, cause), n in found.items() if cause), default=1)

    def bar(kind: str, cause: str = "") -> Bar:
        number = found.get((kind, cause), 0)
        width = max(round(number / highest * _BAR), 2) if number else 0
        return Bar(
            number, min(width, _BAR), list_of(urlencode({"lately": f"{kind}:{cause}" if cause else kind}))
        )

    shifted, deactivated = AccountEvent.Kind.SHIFTED, AccountEvent.Kind.DEACTIVATED
    first = most if whole else most[:REASONS]
    rows = [(cause_words(cause), bar(shifted, cause), bar(deactivated, cause)) for cause in first]
    sees = viewer.user.has_perm("tokens.view_token")
    link = f"{reverse('admin:tokens_token_changelist')}?anew=1" if sees else ""
    since = lately.since(now=now, zone=zone)
    return Lately(bar(shifted), bar(deactivated), anew, link, rows, len(most) - len(rows), since)
