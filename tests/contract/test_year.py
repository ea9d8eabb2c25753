"""A simulated year: whoever's log-in ends is warned 30, 7 and 1 days ahead, at whatever hour they consented, on time or late.

`make test` takes an hour before and one after the evaluation, and of the channels those of which somebody must be warned and one that
renews by itself; `make year` takes all, at all 24 hours, and lets people come back.
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
RENEWS = "pinterest"
ON_TIME, LATE = timedelta(0), timedelta(hours=2)


@pytest.fixture(autouse=True)
def _few_looks_without_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokens.scheduling.PROBE_EVERY", timedelta(days=20 if WHOLE else 60))
    make_default_macro()


# 02:17 is before the evaluation's hour: there all warnings of LinkedIn's year were lost.
@pytest.mark.parametrize(
    ("hours", "late"),
    [(range(24), ON_TIME), (range(24), LATE)] if WHOLE else [((2,), ON_TIME), ((16,), LATE)],
)
def test_each_end_is_warned_of_whatever_the_hour_of_the_consent(
    hours: Sequence[int], late: timedelta, world: Sandbox
) -> None:
    some = ONLY or (list(registry.CHANNELS) if WHOLE else [*ENDS_AFTER, *([] if late else [RENEWS])])
    year = Year(world, channels=some, hours=hours, late=late)

    year.run(days=368, whole=WHOLE)

    due, sent = Counter[str](), Counter[str]()
    for life in year.lives:
        within = {
            day: left for day, left in year.due(life).items() if day <= year.first + timedelta(days=367)
        }
        assert life.told == within, f"{life.channel}, consent at {life.hour}:17, {late} late"
        # all mails from the day before the end to two days after
        for mails in year.at_the_end(life):
            assert (mails.count("macro"), mails.count("news")) == (1, 1), f"{life.channel}: {mails}"
        due[life.channel] += len(within)
        sent[life.channel] += len(life.told)
    assert year.most_mails_of_a_morning <= 1
    for channel in some:
        assert (due[channel] > 0) == (channel in ENDS_AFTER)
        words = (
            f"{channel}, {len(hours)} hours, {late} late: {due[channel]} warnings due, {sent[channel]} sent"
        )
        assert sys.__stderr__ is not None
        sys.__stderr__.write(f"{words}\n")  # `make year` shows it, from its two processes too
