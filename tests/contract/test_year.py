"""A simulated year: whoever's log-in ends is warned 30, 7 and 1 days ahead, at whatever hour they consented, on time or late.

`make test` takes a year of LinkedIn from an hour before the evaluation, and a quarter of Facebook, and of a channel that renews by itself,
from one after it; `make year` takes all, at all 24 hours, and lets people come back.
"""

import os
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.support.sandbox import Sandbox
from tests.support.world import make_default_macro
from tests.support.year import ENDS_AFTER, Year
from tokens.channels import registry

pytestmark = pytest.mark.django_db
WHOLE = bool(os.environ.get("WHOLE_YEAR"))
ONLY = os.environ.get("YEAR_OF", "").split()  # channels; none: all
ON_TIME, LATE = timedelta(0), timedelta(hours=2)


@pytest.fixture(autouse=True)
def _few_looks_without_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokens.token.models.PROBE_EVERY", timedelta(days=20 if WHOLE else 60))
    make_default_macro()


# 02:17 is before the evaluation's hour: there all warnings of LinkedIn's year were lost.
@pytest.mark.parametrize(
    ("channels", "hours", "late", "days"),
    [(ONLY or list(registry.CHANNELS), range(24), late, 368) for late in (ON_TIME, LATE)]
    if WHOLE
    else [(["linkedin"], (2,), ON_TIME, 368), (["facebook", "pinterest"], (16,), LATE, 95)],
)
def test_each_end_is_warned_of_whatever_the_hour_of_the_consent(
    channels: list[str], hours: Sequence[int], late: timedelta, days: int, world: Sandbox
) -> None:
    year = Year(world, channels=channels, hours=hours, late=late)

    year.run(days=days, whole=WHOLE)

    due, sent = Counter[str](), Counter[str]()
    for life in year.lives:
        within = {
            day: left for day, left in year.due(life).items() if day < year.first + timedelta(days=days)
        }
        assert life.told == within, f"{life.channel}, consent at {life.hour}:17, {late} late"
        # all mails from the day before the end to two days after
        for mails in year.at_the_end(life):
            assert (mails.count("macro"), mails.count("news")) == (1, 1), f"{life.channel}: {mails}"
        due[life.channel] += len(within)
        sent[life.channel] += len(life.told)
    assert year.most_mails_of_a_morning <= 1
    for channel in channels:
        assert (due[channel] > 0) == (channel in ENDS_AFTER)
        words = (
            f"{channel}, {len(hours)} hours, {late} late: {due[channel]} warnings due, {sent[channel]} sent"
        )
        assert sys.__stderr__ is not None
        sys.__stderr__.write(f"{words}\n")  # `make year` shows it, from its two processes too
