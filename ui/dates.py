"""Dates and days left, as pages and mails say them.

Plain facts in, small frozen dataclasses out. Nothing here reads a clock, the database or settings: callers pass `now` (aware)
and the zone of the reader. The words and their order are those of the design guide.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

from django.conf import settings
from django.utils import dateformat, timezone
from django.utils.translation import get_language, gettext, gettext_lazy, ngettext, override, pgettext

URGENT = 7  # days left, this many or fewer
AT_RISK = 30


def days_until(deadline: datetime, *, now: datetime, zone: tzinfo) -> int:
    """Return the calendar days between two aware moments in `zone`: 0 for today, below 0 for days gone by.

    A warning of "7 days" and the page behind it agree at any hour, and a window of 7 days ends at the midnight after the seventh day.
    """
    return (deadline.astimezone(zone).date() - now.astimezone(zone).date()).days


def local_day(at: datetime) -> date:
    """Return the calendar day in the project's time zone, which mails go by."""
    return timezone.localdate(at, timezone.get_default_timezone())


def last_morning(now: datetime) -> date:
    """Return the day of the last morning, in the project's time zone, whoever looks: what lasts until then, or until before, is over.

    It comes with the hour from which the day's warnings go out.
    """
    local = timezone.localtime(now, timezone.get_default_timezone())
    return local.date() - timedelta(days=local.hour < settings.MACROS_HOUR)


def end_of_window(days: int, *, now: datetime, zone: tzinfo) -> datetime:
    """Return the first moment that is more than `days` calendar days away: for SQL, where `days_until` would use no index."""
    after = now.astimezone(zone).date() + timedelta(days=days + 1)
    return datetime(after.year, after.month, after.day, tzinfo=zone)


def within(deadline: datetime | None, days: int, *, now: datetime, zone: tzinfo) -> bool:
    """Return whether a deadline is known and at most `days` calendar days away, or past."""
    return deadline is not None and days_until(deadline, now=now, zone=zone) <= days


FULL_BAR = timedelta(days=60)
MONTHS_ABOVE_DAYS = 90

CLOCK_NAMES = {
    "access": gettext_lazy("Access ends"),
    "refresh": gettext_lazy("Renewal ends"),
    "data_access": gettext_lazy("Data access"),
}


@dataclass(frozen=True)
class DeadlineFacts:
    """What is known of an end. `kind` is date, never, unknown or none; `at` an aware datetime where it is date.

    `usable`: whether what ends can be used now. `renews`: the date moves by itself, as AdToken renews.
    """

    kind: str
    at: datetime | None = None
    usable: bool = True
    renews: bool = False


@dataclass(frozen=True)
class DayBar:
    """The bar under the days: `kind` is bar, unknown (dashed outline) or none; `width` an SVG width, empty for an empty bar."""

    kind: str
    width: str
    tone: str


def day_bar(facts: DeadlineFacts, *, now: datetime, zone: tzinfo) -> DayBar:
    """Return the bar for a deadline: full at 60 days or more, grey where it cannot be used."""
    if facts.kind == "never":
        return DayBar("none", "", "mute")
    if facts.kind != "date" or facts.at is None:
        return DayBar("unknown", "", "mute")
    left = facts.at - now
    if left <= timedelta(0):
        return DayBar("bar", "", "mute")
    # 1.5 % is the least that can be seen: a bar that looks empty would say "ended".
    share = max(1.5, min(100.0, left / FULL_BAR * 100))
    days = days_until(facts.at, now=now, zone=zone)
    return DayBar("bar", f"{share:.1f}%", _bar_tone(days) if facts.usable else "mute")


def _bar_tone(days: int) -> str:
    if days <= URGENT:
        return "urgent"
    return "warn" if days <= AT_RISK else "good"


@dataclass(frozen=True)
class DaysLeft:
    """The big line above a bar, with its icon ("" for none) and the bar."""

    text: str
    icon: str
    ended: bool
    bar: DayBar


def days_left(facts: DeadlineFacts, *, now: datetime, zone: tzinfo) -> DaysLeft:
    """Return "10 days left", "41 hours left", "in 11 months", "Ended Sat 21 Nov, 08:14 CET", "Renews itself", "No end date" or
    "Not available"."""
    bar = day_bar(facts, now=now, zone=zone)
    if facts.kind == "never":
        return DaysLeft(gettext("No end date"), "infinity", ended=False, bar=bar)
    if facts.kind != "date" or facts.at is None:
        return DaysLeft(gettext("Not available"), "", ended=False, bar=bar)
    if facts.at <= now:
        at = short_date(facts.at, zone=zone, now=now, named=True)
        return DaysLeft(gettext("Ended %(date)s") % {"date": at}, "cancel", ended=True, bar=bar)
    if facts.renews:
        return DaysLeft(gettext("Renews itself"), "refresh", ended=False, bar=bar)
    return DaysLeft(time_left(facts.at, now=now, zone=zone), "", ended=False, bar=bar)


def time_left(deadline: datetime, *, now: datetime, zone: tzinfo) -> str:
    """Return the time to a deadline in the future: calendar days, as mails count them; today and tomorrow the whole hours."""
    days = days_until(deadline, now=now, zone=zone)
    if days > MONTHS_ABOVE_DAYS:
        months = _whole_months(now.astimezone(zone), deadline.astimezone(zone))
        return ngettext("in %(number)d month", "in %(number)d months", months) % {"number": months}
    if days > 1:
        return whole_days_left(days)
    hours = (deadline - now) // timedelta(hours=1)
    if hours < 1:
        return gettext("Less than an hour left")
    return ngettext("%(number)d hour left", "%(number)d hours left", hours) % {"number": hours}


def whole_days_left(days: int) -> str:
    """Return "1 day left", "10 days left"."""
    return ngettext("%(number)d day left", "%(number)d days left", days) % {"number": days}


def _whole_months(start: datetime, end: datetime) -> int:
    """Count the calendar months between two local moments that are over."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return months - ((end.day, end.time()) < (start.day, start.time()))


@dataclass(frozen=True)
class Moment:
    """A moment in every form that a page needs. `iso` is UTC, `title` names the second, the zone and UTC."""

    iso: str
    title: str
    full: str
    short: str
    day: str
    clock: str


def moment(when: datetime, *, zone: tzinfo, now: datetime | None = None) -> Moment:
    """Return the forms of an aware datetime for a reader in `zone`; without `now` the short form keeps the year."""
    local, utc = when.astimezone(zone), when.astimezone(UTC)
    return Moment(
        iso=f"{utc:%Y-%m-%dT%H:%M:%SZ}",
        title=f"{dateformat.format(local, pgettext('form of a date', 'l j F Y, H:i:s'))} {local:%Z} ({utc:%H:%M} UTC)",
        full=f"{dateformat.format(local, pgettext('form of a date', 'D j M Y, H:i'))} {local:%Z}",
        short=short_date(when, zone=zone, now=now),
        day=day(local, year=_has_other_year(local, now)),
        clock=dateformat.format(local, pgettext("form of a time", "H:i")),
    )


def day(when: date, *, year: bool = True) -> str:
    """Return "Sat 21 Nov 2026" of a local day, without the year where that is known."""
    form = pgettext("form of a date", "D j M Y") if year else pgettext("form of a date", "D j M")
    return dateformat.format(when, form)


def long_day(when: date) -> str:
    """Return "21 November 2026", as a sentence writes a local day."""
    return dateformat.format(when, pgettext("form of a date", "j F Y"))


def short_date(when: datetime, *, zone: tzinfo, now: datetime | None = None, named: bool = False) -> str:
    """Return "Sat 21 Nov, 08:14"; with the year wherever it is not this year, and the zone's name where it is to be `named`."""
    local = when.astimezone(zone)
    long, short = pgettext("form of a date", "D j M Y, H:i"), pgettext("form of a date", "D j M, H:i")
    written = _written(when, zone, long if _has_other_year(local, now) else short, get_language())
    return f"{written} {local:%Z}" if named else written  # Django's "T" is empty in the hour that comes twice


@lru_cache(1_024)  # a mail says one date several times, and mails about one cause say the same
def _written(when: datetime, zone: tzinfo, form: str, language: str | None) -> str:
    """Return a moment in a form of `django.utils.dateformat`."""
    with override(language):
        return dateformat.format(when.astimezone(zone), form)


def _has_other_year(local: datetime, now: datetime | None) -> bool:
    return now is None or local.year != now.astimezone(local.tzinfo).year


def ago(when: datetime, *, now: datetime, zone: tzinfo) -> str:
    """Return "just now", "9 min ago", "2 h ago", or the date from a day on."""
    past = now - when
    if past < timedelta(minutes=1):
        return gettext("just now")
    if past < timedelta(hours=1):
        return gettext("%(number)d min ago") % {"number": past // timedelta(minutes=1)}
    if past < timedelta(days=1):
        return gettext("%(number)d h ago") % {"number": past // timedelta(hours=1)}
    return short_date(when, zone=zone, now=now)


def source_words(source: str, *, channel_label: str) -> str:
    """Return where a date comes from: provider, introspection, never; anything else is unknown."""
    facts = {"channel": channel_label}
    if source == "provider":
        return gettext("said by %(channel)s") % facts
    if source == "introspection":
        return gettext("checked at %(channel)s") % facts
    if source == "never":
        return gettext("%(channel)s sets none") % facts
    return gettext("linked before dates were stored")


@dataclass(frozen=True)
class WorksUntil:
    """The account's deadline as a strip or a card says it: heading, the date, the line below."""

    heading: str
    text: str
    note: str


def works_until(
    facts: DeadlineFacts, *, undated: int, channel_label: str, now: datetime, zone: tzinfo
) -> WorksUntil:
    """Return "Works until" or, if `undated` usable backups have no known date, "Works at least until" and how many they are.

    Without a date the heading is another, so that it never says "Works until Not available".
    """
    if facts.kind == "never":
        note = source_words("never", channel_label=channel_label)
        return WorksUntil(gettext("End date"), gettext("No end date"), note)
    if facts.kind == "unknown":
        note = source_words("unknown", channel_label=channel_label)
        return WorksUntil(gettext("End date"), gettext("Not available"), note)
    if facts.kind != "date" or facts.at is None:
        return WorksUntil(gettext("State"), gettext("Does not work"), gettext("no token is left"))
    left = days_left(DeadlineFacts("date", facts.at), now=now, zone=zone).text
    note = gettext("AdToken renews it, which moves this date") if facts.renews else left
    text = moment(facts.at, zone=zone).full
    if undated:
        more = gettext("%(what)s, +%(number)d with unknown date") % {"what": note, "number": undated}
        return WorksUntil(gettext("Works at least until"), text, more)
    return WorksUntil(gettext("Works until"), text, note)
