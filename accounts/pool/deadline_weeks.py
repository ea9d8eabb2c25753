"""Deadlines by the week that they fall in, from Monday of this week on: the numbers of a chart, and the accounts of a column."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo

from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import TruncWeek

from accounts.models import Account, AccountToken
from tokens.token import queries

WEEKS = 13
_WEEK = timedelta(days=7)


def weeks(*, now: datetime, zone: tzinfo) -> list[date]:
    """Return the Mondays of the weeks that are shown, for a reader in `zone`."""
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    return [monday + number * _WEEK for number in range(WEEKS)]


def in_week(accounts: QuerySet[Account], monday: date, *, now: datetime, zone: tzinfo) -> QuerySet[Account]:
    """Keep the accounts whose deadline is in the seven days from this one on, but for paused ones and those that renew themselves."""
    return _between(accounts, monday, monday + _WEEK, now, zone)


def count(accounts: QuerySet[Account], *, now: datetime, zone: tzinfo) -> Mapping[tuple[date, str], int]:
    """Return (Monday, channel) -> how many accounts have their deadline in that week; nothing for none. One query."""
    shown = weeks(now=now, zone=zone)
    found = _between(accounts, shown[0], shown[-1] + _WEEK, now, zone).order_by()
    rows = found.values("channel", week=TruncWeek("deadline", tzinfo=zone)).annotate(n=Count("pk"))
    return {(row["week"].date(), row["channel"]): row["n"] for row in rows}


def endless(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Keep the accounts that have no end date. Paused ones are left out."""
    return accounts.filter(paused_at=None, deadline_kind=Account.DeadlineKind.NEVER)


def renewing(accounts: QuerySet[Account], *, now: datetime) -> QuerySet[Account]:
    """Keep the accounts whose date moves by itself, so that it is no deadline. Paused ones are left out."""
    return accounts.filter(_renews(now), paused_at=None)


def _renews(now: datetime) -> Q:
    """Return the condition of accounts of which the list says that they renew themselves (`Summary.deadline`)."""
    return Q(pk__in=_theirs(now).values("account"))


def _theirs(now: datetime) -> QuerySet[AccountToken]:
    """Return the entries of log-ins that renew themselves and end when their account does."""
    found = AccountToken.objects.living().filter(queries.renewing_tokens(now=now, by="token__"))
    return found.filter(token__deadline=F("account__deadline"))


def _between(
    accounts: QuerySet[Account], first: date, last: date, now: datetime, zone: tzinfo
) -> QuerySet[Account]:
    begins, ends = (datetime.combine(day, time.min, tzinfo=zone) for day in (first, last))
    # The log-in that ends with the account ends in these days, too, so no other is looked at.
    theirs = _theirs(now).filter(token__deadline__gte=begins, token__deadline__lt=ends)
    return accounts.exclude(pk__in=theirs.values("account")).filter(
        paused_at=None, deadline__gte=begins, deadline__lt=ends
    )
