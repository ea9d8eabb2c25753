"""What is worked out ahead of pages and stands still, or fails: operators are told, since no page is wrong without it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts import backups, kept_sets, people_left
from accounts.models import KeptSet, StartFigures
from accounts.tasks import keep_sets
from adtoken_project import doctor, lateness, operations_notices
from adtoken_project.metrics import rows
from macros.models import Forecast
from portal import start_kept
from tests.macros.support import make_person
from tests.project.test_lateness import MINUTE, NOW, _all_run, said  # noqa: F401  # the fixture is for every test here

pytestmark = pytest.mark.django_db
HOUR = 60 * MINUTE


def kept(at: datetime, **took: float) -> None:
    for name in (backups.KEPT, people_left.KEPT):
        KeptSet.objects.update_or_create(
            pk=name, defaults={"at": at, "took": timedelta(**(took or {"seconds": 1}))}
        )


def forecast(state: str, *, minutes: int) -> None:
    Forecast.objects.create(
        user=make_person(),
        mark="m",
        drafts={"after": {"name": "Warn"}},
        total=3,
        state=state,
        created_at=NOW - minutes * MINUTE,
    )


def well() -> tuple[str, str]:
    """Return what the start page says of it, and how that looks."""
    line = next(line for line in operations_notices.background(NOW)[1] if line.name == "Counting ahead")
    return line.text, line.tone


def test_sets_that_were_never_worked_out_or_are_no_longer_are_late_and_one_that_takes_long_is_not() -> None:
    KeptSet.objects.all().delete()
    never = said()
    kept(NOW - 2 * HOUR)
    KeptSet.objects.filter(pk=people_left.KEPT).update(at=NOW)
    one_fails = said()
    kept(NOW - HOUR, minutes=1)  # its next turn is 50 minutes later
    rests = said()
    kept(NOW - 5 * MINUTE)

    words = "The look for backups and people left has waited for {} minutes"
    assert never == [("mail", words.format(24 * 60))]
    assert one_fails == [("mail", words.format(118))]
    assert (rests, said()) == ([], [])


def test_the_task_that_works_out_sets_ends_it() -> None:
    keep_sets()

    assert set(KeptSet.objects.values_list("name", flat=True)) == {backups.KEPT, people_left.KEPT}
    assert all(kept_sets.due_at(one) > timezone.now() for one in KeptSet.objects.all())


@pytest.mark.parametrize(
    ("waits", "words"),
    [
        (lambda: forecast("waiting", minutes=66), "A preview of a macro has waited for 66 minutes"),
        (
            lambda: StartFigures.objects.create(
                whose="all",
                zone="UTC",
                user=make_person(),
                looked_at=NOW - 5 * HOUR,
                figures={one.name: [(NOW - 3 * HOUR).timestamp(), 0] for one in start_kept.AHEAD},
            ),
            "The renewal of the start page's figures has waited for 120 minutes",
        ),
    ],
)
def test_what_nobody_counts_is_named_to_operators(waits: Callable[[], object], words: str) -> None:
    before = well()
    waits()

    found = doctor.made(doctor.late, NOW)

    assert before == ("none is late", "good")
    assert said() == [("pushes", words)]
    assert [one.said for one in found] == [f"{words}."]
    assert well() == (words, "warn")
    assert [line.name for line in operations_notices.background(NOW)[1] if line.text == words] == [
        "Counting ahead"
    ]
    assert lateness.read(NOW)


def test_what_could_not_be_counted_is_told_for_a_day() -> None:
    kept(NOW)
    forecast("failed", minutes=10)
    forecast("failed", minutes=25 * 60)
    forecast("ready", minutes=5)

    found = doctor.made(doctor.counting, NOW)

    assert [one.said for one in found] == ["1 could not be counted in the last day."]
    assert well() == ("1 preview of a macro could not be counted in the last day", "warn")
    figures = {sample.name: sample.value for metric in rows.worked_out(NOW) for sample in metric.samples}
    assert figures["adtoken_previews_failed_1d"] == 1
    assert figures["adtoken_kept_set_timestamp_seconds"] == NOW.timestamp()
