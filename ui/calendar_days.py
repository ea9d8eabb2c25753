"""Counting days to a date: the one way for pages, mails, filters and the API.

Days left are calendar days: the local date of the deadline less the local date of now. So a warning of "7 days" and the page behind it
agree at any hour, and a window of 7 days ends at the midnight after the seventh day.
"""

from datetime import datetime, timedelta, tzinfo

URGENT = 7  # days left, this many or fewer
AT_RISK = 30


def days_until(deadline: datetime, *, now: datetime, zone: tzinfo) -> int:
    """Return the calendar days between two aware moments in `zone`: 0 for today, below 0 for days gone by."""
    return (deadline.astimezone(zone).date() - now.astimezone(zone).date()).days


def end_of_window(days: int, *, now: datetime, zone: tzinfo) -> datetime:
    """Return the first moment that is more than `days` calendar days away: for SQL, where `days_until` would use no index."""
    after = now.astimezone(zone).date() + timedelta(days=days + 1)
    return datetime(after.year, after.month, after.day, tzinfo=zone)


def within(deadline: datetime | None, days: int, *, now: datetime, zone: tzinfo) -> bool:
    """Return whether a deadline is known and at most `days` calendar days away, or past."""
    return deadline is not None and days_until(deadline, now=now, zone=zone) <= days
