"""Deadlines by week on the start page. A number leads to its accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext_lazy

from accounts import deadline_weeks
from accounts.account_pages.start_filters import ITSELF, NEVER
from portal.start.cards import Row, list_of
from portal.start.viewer import Viewer
from tokens.channels import declarations
from ui import dates
from ui.chart import Chart, Column, Part, stacked


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
