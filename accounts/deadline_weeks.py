"""Deadlines by the week that they fall in, from Monday of this week on: the numbers of a chart, and the accounts of a column."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncWeek

from accounts.models import Account

WEEKS = 13
_WEEK = timedelta(days=7)


def weeks(*, now: datetime, zone: tzinfo) -> list[date]:
    """Return the Mondays of the weeks that are shown, for a reader in `zone`."""
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    return [monday + number * _WEEK for number in range(WEEKS)]


def in_week(accounts: QuerySet[Account], monday: date, *, zone: tzinfo) -> QuerySet[Account]:
    """Keep the accounts whose deadline is known and in the seven days from this one on. Paused ones are left out."""
    return _between(accounts, monday, monday + _WEEK, zone)


def count(accounts: QuerySet[Account], *, now: datetime, zone: tzinfo) -> Mapping[tuple[date, str], int]:
    """Return (Monday, channel) -> how many accounts have their deadline in that week; nothing for none. One query."""
    shown = weeks(now=now, zone=zone)
    found = _between(accounts, shown[0], shown[-1] + _WEEK, zone).order_by()
    rows = found.values("channel", week=TruncWeek("deadline", tzinfo=zone)).annotate(n=Count("pk"))
    return {(row["week"].date(), row["channel"]): row["n"] for row in rows}


def endless(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Keep the accounts that have no end date. Paused ones are left out."""
    return accounts.filter(paused_at=None, deadline_kind=Account.DeadlineKind.NEVER)


def _between(accounts: QuerySet[Account], first: date, last: date, zone: tzinfo) -> QuerySet[Account]:
    begins, ends = (datetime.combine(day, time.min, tzinfo=zone) for day in (first, last))
    return accounts.filter(paused_at=None, deadline__gte=begins, deadline__lt=ends)
