from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ui import dates
from ui.dates import DeadlineFacts, days_until, end_of_window
from ui.text import initials, join_names

NOW = datetime(2026, 11, 25, 9, 42, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("deadline", "words"),
    [
        (NOW + timedelta(minutes=59, seconds=59), "Less than an hour left"),
        (NOW + timedelta(hours=1), "1 hour left"),
        (NOW + timedelta(hours=37), "37 hours left"),  # tomorrow, 23:42
        (NOW + timedelta(hours=38), "2 days left"),  # the day after tomorrow, 00:42
        (NOW + timedelta(days=6, hours=13), "6 days left"),
        (NOW + timedelta(days=6, hours=14), "7 days left"),
        (NOW + timedelta(days=90, hours=13), "90 days left"),
        (NOW + timedelta(days=91), "in 2 months"),
        (NOW + timedelta(days=364), "in 11 months"),
        (NOW + timedelta(days=365), "in 12 months"),
    ],
)
def test_days_left_are_days_of_the_calendar(deadline: datetime, words: str) -> None:
    assert dates.time_left(deadline, now=NOW, zone=BERLIN) == words


def test_a_reader_in_another_zone_counts_by_his_own_calendar() -> None:
    deadline = datetime(2026, 12, 1, 3, 7, tzinfo=UTC)

    assert dates.time_left(deadline, now=NOW, zone=BERLIN) == "6 days left"
    assert dates.time_left(deadline, now=NOW, zone=ZoneInfo("America/New_York")) == "5 days left"


@pytest.mark.parametrize("days", [0, 1, 7, 30, 90])
@pytest.mark.parametrize("zone", [BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")])
def test_a_window_ends_where_one_more_day_begins(days: int, zone: ZoneInfo) -> None:
    for hour in range(24):  # the clocks go forward on the 29th of March
        now = datetime(2026, 3, 25, hour, 30, tzinfo=UTC)

        end = end_of_window(days, now=now, zone=zone)

        assert days_until(end - timedelta(seconds=1), now=now, zone=zone) == days
        assert days_until(end, now=now, zone=zone) == days + 1


@pytest.mark.parametrize(
    ("kind", "deadline", "words"),
    [
        ("date", NOW + timedelta(days=10), "10 days left"),
        ("date", datetime(2026, 11, 21, 7, 14, tzinfo=UTC), "Ended Sat 21 Nov, 08:14 CET"),
        ("date", NOW, "Ended Wed 25 Nov, 10:42 CET"),
        ("never", None, "No end date"),
        ("unknown", None, "Not available"),
        ("none", None, "Not available"),
    ],
)
def test_days_left_says_what_is_known(kind: str, deadline: datetime | None, words: str) -> None:
    left = dates.days_left(DeadlineFacts(kind, deadline), now=NOW, zone=BERLIN)

    assert left.text == words
    assert left.ended is words.startswith("Ended")


@pytest.mark.parametrize(
    ("left", "bar"),
    [
        (timedelta(days=90), dates.DayBar("bar", "100.0%", "good")),
        (timedelta(days=60), dates.DayBar("bar", "100.0%", "good")),
        (timedelta(days=31), dates.DayBar("bar", "51.7%", "good")),
        (timedelta(days=30), dates.DayBar("bar", "50.0%", "warn")),
        (timedelta(days=10), dates.DayBar("bar", "16.7%", "warn")),
        (timedelta(days=7), dates.DayBar("bar", "11.7%", "urgent")),
        (timedelta(minutes=1), dates.DayBar("bar", "1.5%", "urgent")),
        (timedelta(0), dates.DayBar("bar", "", "mute")),
    ],
)
def test_the_bar_is_full_at_sixty_days_and_changes_colour_at_thirty_and_seven(
    left: timedelta, bar: dates.DayBar
) -> None:
    assert dates.day_bar(DeadlineFacts("date", NOW + left), now=NOW, zone=BERLIN) == bar


def test_a_token_that_is_not_usable_has_a_grey_bar() -> None:
    bar = dates.day_bar(DeadlineFacts("date", NOW + timedelta(days=16), usable=False), now=NOW, zone=BERLIN)

    assert bar == dates.DayBar("bar", "26.7%", "mute")


@pytest.mark.parametrize(("kind", "shape"), [("never", "none"), ("unknown", "unknown"), ("none", "unknown")])
def test_without_a_date_there_is_no_bar(kind: str, shape: str) -> None:
    assert dates.day_bar(DeadlineFacts(kind), now=NOW, zone=BERLIN).kind == shape


def test_a_moment_names_the_second_the_zone_and_utc() -> None:
    moment = dates.moment(datetime(2026, 12, 5, 13, 30, tzinfo=UTC), zone=BERLIN, now=NOW)

    assert moment.iso == "2026-12-05T13:30:00Z"
    assert moment.title == "Saturday 5 December 2026, 14:30:00 CET (13:30 UTC)"
    assert moment.full == "Sat 5 Dec 2026, 14:30 CET"
    assert moment.short == "Sat 5 Dec, 14:30"


def test_a_moment_in_another_zone_may_lie_on_another_day() -> None:
    moment = dates.moment(datetime(2026, 12, 5, 3, 0, tzinfo=UTC), zone=ZoneInfo("America/New_York"))

    assert moment.full == "Fri 4 Dec 2026, 22:00 EST"
    assert moment.iso == "2026-12-05T03:00:00Z"


def test_a_moment_in_the_hour_that_comes_twice_names_its_zone() -> None:
    moments = [datetime(2027, 10, 31, hour, tzinfo=UTC) for hour in (0, 1)]

    written = [dates.short_date(moment, zone=BERLIN, named=True) for moment in moments]

    assert written == ["Sun 31 Oct 2027, 02:00 CEST", "Sun 31 Oct 2027, 02:00 CET"]


@pytest.mark.parametrize(
    "when",
    [datetime(2025, 12, 31, 22, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC), NOW.replace(year=2027)],
)
def test_the_year_stands_wherever_it_is_not_this_year(when: datetime) -> None:
    assert f" {when.year}," in dates.short_date(when, zone=BERLIN, now=NOW)
    assert "2026" not in dates.short_date(NOW + timedelta(days=36), zone=BERLIN, now=NOW)


@pytest.mark.parametrize(
    ("past", "words"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=9, seconds=59), "9 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=1), "Tue 24 Nov, 10:42"),
    ],
)
def test_the_last_check_is_told_in_minutes_hours_or_as_a_date(past: timedelta, words: str) -> None:
    assert dates.ago(NOW - past, now=NOW, zone=BERLIN) == words


@pytest.mark.parametrize(
    ("source", "channel", "words"),
    [
        ("provider", "Facebook", "said by Facebook"),
        ("introspection", "Facebook", "checked at Facebook"),
        ("never", "X", "X sets none"),
        ("unknown", "TikTok", "linked before dates were stored"),
        ("", "TikTok", "linked before dates were stored"),
    ],
)
def test_every_date_says_where_it_comes_from(source: str, channel: str, words: str) -> None:
    assert dates.source_words(source, channel_label=channel) == words


def test_an_account_with_an_undated_backup_works_at_least_until_the_known_date() -> None:
    words = dates.works_until(
        DeadlineFacts("date", datetime(2026, 12, 5, 13, 30, tzinfo=UTC)),
        undated=1,
        channel_label="Facebook",
        now=NOW,
        zone=BERLIN,
    )

    assert words == dates.WorksUntil(
        "Works at least until", "Sat 5 Dec 2026, 14:30 CET", "10 days left, +1 with unknown date"
    )


@pytest.mark.parametrize(
    ("kind", "heading", "text"),
    [
        ("never", "End date", "No end date"),
        ("unknown", "End date", "Not available"),
        ("none", "State", "Does not work"),
    ],
)
def test_an_account_without_a_date_is_not_said_to_work_until_something(
    kind: str, heading: str, text: str
) -> None:
    words = dates.works_until(DeadlineFacts(kind), undated=0, channel_label="X", now=NOW, zone=BERLIN)

    assert (words.heading, words.text) == (heading, text)


def test_an_account_whose_date_is_unknown_is_never_said_to_be_safe() -> None:
    words = dates.works_until(DeadlineFacts("unknown"), undated=2, channel_label="X", now=NOW, zone=BERLIN)

    assert words.text == "Not available"


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Ada Okafor", "AO"),
        ("Ada M. Okafor", "AO"),
        ("ben@lumen.example", "BE"),
        ("Ada", "AD"),
        ("", "?"),
        ("(x)", "?"),
    ],
)
def test_initials_are_two_letters(name: str, letters: str) -> None:
    assert initials(name) == letters


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], ""),
        (["Ben"], "Ben"),
        (["Ben", "Chiara"], "Ben and Chiara"),
        (["Ben", "Chiara", "Emil"], "Ben, Chiara and Emil"),
        (["Ben", "Chiara", "Emil", "Ada", "Mira"], "Ben, Chiara and 3 more"),
    ],
)
def test_names_are_joined_as_a_sentence_does(names: list[str], words: str) -> None:
    assert join_names(names) == words
