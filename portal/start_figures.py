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
    now, zone = viewer.now, viewer.zone
    found = deadline_weeks.count(viewer.accounts, now=now, zone=zone)
    keys = [key for key in declarations.channel_keys() if any(channel == key for _, channel in found)]
    columns = [_column(monday, keys, found) for monday in deadline_weeks.weeks(now=now, zone=zone)]
    endless = viewer.count(deadline_weeks.endless(viewer.accounts))
    renewing = viewer.count(deadline_weeks.renewing(viewer.accounts, now=now))
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
    undated: Row


def people(viewer: Viewer) -> PeopleLeft:
    """Return the table."""
    table = people_left.count(viewer.accounts, now=viewer.now, zone=viewer.zone)
    days = people_left.DAYS
    first = viewer.now.astimezone(viewer.zone).date()
    lines = [
        (number, [(table.get((number, day), 0), list_of(f"left={number}-{day}")) for day in days])
        for number in range(people_left.MOST + 1)
    ]
    unknown = viewer.count(people_left.undated(viewer.accounts))
    return PeopleLeft(
        [dates.short_day(first + timedelta(days=day)) for day in days[1:]],
        lines,
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
    found = lately.count(viewer.user, now=now, zone=zone)
    anew = lately.re_authenticated(viewer.user, now=now, zone=zone)
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
