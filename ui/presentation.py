"""What the screens and mails say about an account or a token: pills, days left, bars, dates, source words.

Plain facts in, small frozen dataclasses out. Nothing here reads a clock, the database or settings: callers pass `now` (aware)
and the zone of the reader. The words and their order are those of the design guide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from ui.calendar_days import AT_RISK, URGENT, days_until, within

FULL_BAR = timedelta(days=60)
MONTHS_ABOVE_DAYS = 90


CLOCK_NAMES = {"access": "Access ends", "refresh": "Renewal ends", "data_access": "Data access"}


@dataclass(frozen=True)
class Pill:
    """A state as a word, a colour of tokens.css (`tone`) and an icon of icons.svg."""

    label: str
    tone: str
    icon: str


PAUSED = Pill("Paused", "mute", "pause_circle")
DEACTIVATED = Pill("Deactivated", "bad", "cancel")
INTERRUPTED = Pill("Interrupted", "warn", "sync")
RESTRICTED = Pill("Restricted", "limit", "block")
URGENT_PILL = Pill("Urgent", "urgent", "warning")
AT_RISK_PILL = Pill("At risk", "warn", "schedule")
NO_BACKUP = Pill("No backup", "warn", "person")
DATE_UNKNOWN = Pill("Date unknown", "mute", "help")
HEALTHY = Pill("Healthy", "good", "check_circle")

ACTIVE = Pill("Active", "accent", "bolt")
BACKUP = Pill("Backup", "good", "check_circle")
RETRYING = Pill("Retrying", "warn", "sync")
READ_ONLY = Pill("Read only", "mute", "visibility")
NO_ACCESS = Pill("No access", "mute", "lock")
STOPPED = Pill("Stopped", "bad", "cancel")
NOT_LINKED = Pill("Not linked", "mute", "link")  # a token that works and is in no account's pool

MESSAGE_PILLS = {
    "queued": Pill("Queued", "mute", "schedule"),
    "sending": Pill("Queued", "mute", "schedule"),
    "sent": Pill("Sent", "good", "check_circle"),
    "skipped": Pill("Skipped", "mute", "block"),
    "failed": Pill("Failed", "bad", "cancel"),
    "cancelled": Pill("Cancelled", "mute", "block"),
}


def account_pill(
    *,
    paused: bool,
    state: str,
    restricted: bool,
    deadline_kind: str,
    deadline: datetime | None,
    usable_count: int,
    people_count: int,
    now: datetime,
    zone: tzinfo,
) -> Pill:
    """Return the one pill of an account: the first fact, worst first, that is true.

    `state` is connected, interrupted, deactivated or paused; `deadline_kind` is date, never, unknown or none.
    `people_count` counts people, not tokens, who can carry the account.
    """
    fixed = _pill_without_dates(paused=paused, state=state, restricted=restricted, usable_count=usable_count)
    if fixed:
        return fixed
    if deadline_kind == "date" and within(deadline, URGENT, now=now, zone=zone):
        return URGENT_PILL
    if deadline_kind == "date" and within(deadline, AT_RISK, now=now, zone=zone):
        return AT_RISK_PILL
    if people_count <= 1:
        return NO_BACKUP
    if deadline_kind in {"unknown", "none"}:
        return DATE_UNKNOWN
    return HEALTHY


def _pill_without_dates(*, paused: bool, state: str, restricted: bool, usable_count: int) -> Pill | None:
    if paused or state == "paused":
        return PAUSED
    if state == "interrupted":
        return INTERRUPTED
    if state == "deactivated" or usable_count == 0:
        return DEACTIVATED
    return RESTRICTED if restricted else None


def token_pill(*, active: bool, state: str, access: str, can_publish: str, demoted: bool = False) -> Pill:
    """Return the pill of a token in one account's pool.

    `state` is valid, cooling or dead; `access` ok or lost; `can_publish` yes, no or unknown (unknown counts as yes). What makes
    a token useless here goes before "Active": the pointer may stay on a token in passing trouble, which is not served. `demoted`: others
    go first.
    """
    if state == "dead":
        return STOPPED
    if access == "lost":
        return NO_ACCESS
    if state == "cooling":
        return RETRYING
    if can_publish == "no":
        return READ_ONLY
    if demoted and not active:
        return RETRYING
    return ACTIVE if active else BACKUP


@dataclass(frozen=True)
class DayBar:
    """The bar under the days: `kind` is bar, unknown (dashed outline) or none; `width` an SVG width, empty for an empty bar."""

    kind: str
    width: str
    tone: str


def day_bar(
    *, deadline_kind: str, deadline: datetime | None, now: datetime, zone: tzinfo, usable: bool = True
) -> DayBar:
    """Return the bar for a deadline: full at 60 days or more, grey when the token is not usable."""
    if deadline_kind == "never":
        return DayBar("none", "", "mute")
    if deadline_kind != "date" or deadline is None:
        return DayBar("unknown", "", "mute")
    left = deadline - now
    if left <= timedelta(0):
        return DayBar("bar", "", "mute")
    # 1.5 % is the least that can be seen: a bar that looks empty would say "ended".
    share = max(1.5, min(100.0, left / FULL_BAR * 100))
    days = days_until(deadline, now=now, zone=zone)
    return DayBar("bar", f"{share:.1f}%", _bar_tone(days) if usable else "mute")


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


def days_left(
    *,
    deadline_kind: str,
    deadline: datetime | None,
    now: datetime,
    zone: tzinfo,
    usable: bool = True,
    renews: bool = False,
) -> DaysLeft:
    """Return "10 days left", "41 hours left", "in 11 months", "Ended Sat 21 Nov, 08:14 CET", "No end date" or "Not available".

    `renews`: the date moves by itself; then "Renews itself".
    """
    bar = day_bar(deadline_kind=deadline_kind, deadline=deadline, now=now, zone=zone, usable=usable)
    if deadline_kind == "never":
        return DaysLeft("No end date", "infinity", ended=False, bar=bar)
    if deadline_kind != "date" or deadline is None:
        return DaysLeft("Not available", "", ended=False, bar=bar)
    if deadline <= now:
        return DaysLeft(
            f"Ended {short_date(deadline, zone=zone, now=now, named=True)}", "cancel", ended=True, bar=bar
        )
    if renews:
        return DaysLeft("Renews itself", "refresh", ended=False, bar=bar)
    return DaysLeft(time_left(deadline, now=now, zone=zone), "", ended=False, bar=bar)


def time_left(deadline: datetime, *, now: datetime, zone: tzinfo) -> str:
    """Return the time to a deadline in the future: calendar days, as mails count them; today and tomorrow the whole hours."""
    days = days_until(deadline, now=now, zone=zone)
    if days > MONTHS_ABOVE_DAYS:
        return f"in {_whole_months(now.astimezone(zone), deadline.astimezone(zone))} months"
    if days > 1:
        return f"{days} days left"
    hours = (deadline - now) // timedelta(hours=1)
    if hours < 1:
        return "Less than an hour left"
    return f"{hours} hour{'' if hours == 1 else 's'} left"


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


def moment(when: datetime, *, zone: tzinfo, now: datetime | None = None) -> Moment:
    """Return the forms of an aware datetime for a reader in `zone`; without `now` the short form keeps the year."""
    local, utc = when.astimezone(zone), when.astimezone(UTC)
    return Moment(
        iso=f"{utc:%Y-%m-%dT%H:%M:%SZ}",
        title=f"{local:%A} {local.day} {local:%B %Y, %H:%M:%S %Z} ({utc:%H:%M} UTC)",
        full=f"{local:%a} {local.day} {local:%b %Y, %H:%M %Z}",
        short=short_date(when, zone=zone, now=now),
        day=f"{local:%a} {local.day} {local:%b}{_year(local, now)}",
    )


def short_date(when: datetime, *, zone: tzinfo, now: datetime | None = None, named: bool = False) -> str:
    """Return "Sat 21 Nov, 08:14"; with the year wherever it is not this year, and the zone's name where it is to be `named`."""
    local = when.astimezone(zone)
    name = f" {local:%Z}" if named else ""
    return f"{local:%a} {local.day} {local:%b}{_year(local, now)}, {local:%H:%M}{name}"


def _year(local: datetime, now: datetime | None) -> str:
    this_year = now is not None and local.year == now.astimezone(local.tzinfo).year
    return "" if this_year else f" {local.year}"


def ago(when: datetime, *, now: datetime, zone: tzinfo) -> str:
    """Return "just now", "9 min ago", "2 h ago", or the date from a day on."""
    past = now - when
    if past < timedelta(minutes=1):
        return "just now"
    if past < timedelta(hours=1):
        return f"{past // timedelta(minutes=1)} min ago"
    if past < timedelta(days=1):
        return f"{past // timedelta(hours=1)} h ago"
    return short_date(when, zone=zone, now=now)


def source_words(source: str, *, channel_label: str, rule_days: int | None = None) -> str:
    """Return where a date comes from: provider, introspection, policy (with its days), never; anything else is unknown."""
    if source == "provider":
        return f"said by {channel_label}"
    if source == "introspection":
        return f"checked at {channel_label}"
    if source == "policy":
        return f"by the {rule_days}-day rule" if rule_days else f"by {channel_label}'s rule"
    if source == "never":
        return f"{channel_label} sets none"
    return "linked before dates were stored"


@dataclass(frozen=True)
class WorksUntil:
    """The account's deadline as a strip or a card says it: heading, the date, the line below."""

    heading: str
    text: str
    note: str

    @property
    def sentence(self) -> str:
        """Heading and date in one line: an end that there is not, or that is not known, says so by itself."""
        if self.text == "Not available":
            return "End date not known"
        return self.text if self.heading == "End date" else f"{self.heading} {self.text}"


def works_until(
    *,
    deadline_kind: str,
    deadline: datetime | None,
    undated_backups: int,
    channel_label: str,
    now: datetime,
    zone: tzinfo,
    renews: bool = False,
) -> WorksUntil:
    """Return "Works until" or, if usable backups have no known date, "Works at least until" and how many they are.

    Without a date the heading is another, so that it never says "Works until Not available".
    `renews`: the date moves by itself, as AdToken renews.
    """
    if deadline_kind == "never":
        return WorksUntil("End date", "No end date", source_words("never", channel_label=channel_label))
    if deadline_kind == "unknown":
        return WorksUntil("End date", "Not available", source_words("unknown", channel_label=channel_label))
    if deadline_kind != "date" or deadline is None:
        return WorksUntil("State", "Does not work", "no token is left")
    words = days_left(deadline_kind="date", deadline=deadline, now=now, zone=zone).text
    if renews:
        words = "AdToken renews it, which moves this date"
    text = moment(deadline, zone=zone).full
    if undated_backups:
        return WorksUntil("Works at least until", text, f"{words}, +{undated_backups} with unknown date")
    return WorksUntil("Works until", text, words)


def initials(name: str) -> str:
    """Return two letters for an avatar: first and last word, or the first two letters of an e-mail or single word."""
    words = [
        word for word in name.split("@")[0].replace(".", " ").replace("_", " ").split() if word[0].isalnum()
    ]
    if not words:
        return "?"
    if len(words) == 1:
        return words[0][:2].upper()
    return (words[0][0] + words[-1][0]).upper()


def join_names(names: Sequence[str]) -> str:
    """Return "Ben", "Ben and Chiara", or "Ben, Chiara and 3 more"."""
    if len(names) <= 1:
        return "".join(names)
    if len(names) <= 3:
        return f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{names[0]}, {names[1]} and {len(names) - 2} more"


ELSEWHERE = "someone in another team"  # stands for a name that the reader may not read


def mid(text: str) -> str:
    """Return the text for the middle of a sentence: its first letter small, and names in it with their capitals."""
    return text[:1].lower() + text[1:]


def first_name(name: str) -> str:
    """Return how a sentence calls a person: the first word of the name, or the e-mail's first part."""
    if name == ELSEWHERE:
        return name
    return name.split("@")[0].split(" ")[0]
