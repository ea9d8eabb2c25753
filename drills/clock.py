"""Drill: a year's changes of clock, in Berlin and New York.

    python -m drills.clock

The evaluation is ticked through five days around each, with its hour before, in and after the one that is missing or comes twice. Each
local day must be evaluated once, and each warning come on its day, once. The naive control runs by the local hour, as cron does.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from zoneinfo import ZoneInfo

from drills.stage import Tally, stage

# Zone and the day of its change; hours of the evaluation: before, in and after the hour that is missing or comes twice.
CHANGES = (
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
)
HOURS = (1, 2, 3, 7)
ENDING = "drill: ends around a change of clock"
TICK = timedelta(minutes=15)
THRESHOLDS = (3, 1)


def main() -> int:
    """Tick through all changes, and count."""
    tally = Tally(f"{len(CHANGES)} changes of clock, the evaluation at {len(HOURS)} hours")
    with stage():
        _forget()  # the macro that each installation begins with
        for zone, day in CHANGES:
            for hour in HOURS:
                _change(tally, ZoneInfo(zone), day, hour)
    _control(tally)
    return tally.tell()


def _change(tally: Tally, zone: ZoneInfo, changes_on: date, hour: int) -> None:
    """Tick through five days around a change, and compare with what a calendar says."""
    from django.test import override_settings
    from django.utils import timezone

    from macros.models import Evaluation, Notice
    from macros.warnings import services as evaluation

    first = changes_on - timedelta(days=2)
    days = [first + timedelta(days=number) for number in range(5)]
    with override_settings(TIME_ZONE=zone.key, MACROS_HOUR=hour), timezone.override(zone):
        due = _ending(zone, days)
        for now in _ticks(zone, days):
            evaluation.evaluate_if_due(now=now)
        runs = Counter(Evaluation.objects.filter(trigger="schedule").values_list("on_date", flat=True))
        found = Notice.objects.values_list("account_id", "threshold", "evaluation__on_date")
        sent = Counter((account, threshold, day) for account, threshold, day in found if threshold)
    tally.tries += len(days) + len(due)
    missing, twice = sum(not runs[day] for day in days), sum(max(0, count - 1) for count in runs.values())
    tally.lost += missing + len(due - set(sent))
    tally.doubled += twice + sum(sent.values()) - len(set(sent) & due)
    if missing or twice or set(sent) != due:
        tally.note(
            f"{zone}, {changes_on}, {hour} h: runs {runs}, missing {due - set(sent)}, too many {set(sent) - due}"
        )
    _forget()
    _remove_ending()


def _ticks(zone: ZoneInfo, days: list[date]) -> Iterator[datetime]:
    """Give the ticks of these local days, in UTC, as beat sends them."""
    now = datetime.combine(days[0], clock_time(0), tzinfo=zone).astimezone(UTC)
    ends = datetime.combine(days[-1] + timedelta(days=1), clock_time(0), tzinfo=zone).astimezone(UTC)
    while now < ends:
        yield now
        now += TICK


def _ending(zone: ZoneInfo, days: list[date]) -> set[tuple[int, int, date]]:
    """Make accounts that end around the change. Returns account, threshold and day of each warning."""
    from tests.macros.support import make_macro, make_person, settle
    from tests.support.factories import link, make_account, make_app, make_token

    make_macro(emails=(), notify_consenters=True, days=THRESHOLDS)
    begins = datetime.combine(days[0], clock_time(0), tzinfo=zone)
    due = set()
    for day in (days[-1] + timedelta(days=number) for number in (-1, 0, 2)):
        for at in (clock_time(0, 30), clock_time(2, 30), clock_time(23, 30)):
            deadline = datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
            account = make_account(name=ENDING)
            token = make_token(
                make_app(),
                deadline=deadline,
                consented_by=make_person(),
                issued_at=begins - timedelta(days=90),
            )
            link(account, token)
            settle(account, now=begins)
            due |= {
                (account.pk, threshold, day - timedelta(days=threshold))
                for threshold in THRESHOLDS
                if day - timedelta(days=threshold) in days
            }
    return due


def _forget() -> None:
    from macros.models import Evaluation, Macro, Notice
    from notifications.models import Message

    for model in (Notice, Message, Evaluation, Macro):
        model.objects.all().delete()


def _remove_ending() -> None:
    from accounts.models import Account
    from tokens.models import Token

    accounts = Account.objects.filter(name=ENDING)
    tokens = list(Token.objects.filter(pool_entries__account__in=accounts).values_list("pk", flat=True))
    accounts.delete()
    Token.objects.filter(pk__in=tokens).delete()


def _control(tally: Tally) -> None:
    """Run when the local clock shows 2:30, as cron does."""
    missed = doubled = 0
    for key, day in CHANGES:
        zone = ZoneInfo(key)
        shown = [now.astimezone(zone) for now in _ticks(zone, [day])]
        runs = sum((local.hour, local.minute) == (2, 30) for local in shown)
        runs_at_one = sum((local.hour, local.minute) == (1, 30) for local in shown)
        missed += (runs == 0) + (runs_at_one == 0)
        doubled += max(0, runs - 1) + max(0, runs_at_one - 1)
    tally.control = f"by the local hour: {missed} days missed, {doubled} days evaluated twice"
    tally.control_failed = missed > 0 and doubled > 0


if __name__ == "__main__":
    sys.exit(main())
