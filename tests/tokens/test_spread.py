"""A thousand tokens that came in one minute: over how many minutes their renewals and checks are spread, by a model of their time."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from tests.support.factories import NOW, make_app
from tokens.models import ChannelApp, Token
from tokens.token import renewal

pytestmark = pytest.mark.django_db

COUNT = 1_000
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
BUSIEST = COUNT * 5 // 100


@pytest.fixture(autouse=True)
def _warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "_widest_warning", [lambda: 30 * DAY])


def linked(app: ChannelApp, number: int, **fields: object) -> Token:
    """The fleet's token, linked within one minute with the others; it is in no database."""
    came = NOW + MINUTE * (number / COUNT)
    fields = {"linked_at": came, "dates_source": {"access": "provider"}, "state_since": came, **fields}
    return Token(app=app, pk=70_001 + number, **fields)


def renewals(
    token: Token, *, until: datetime, access: timedelta, ends: datetime | None = None
) -> list[datetime]:
    """Renew a token whenever it is due, each time for `access` (until `ends` at most), and return when that was."""
    made: list[datetime] = []
    now = token.linked_at
    while (due := token.renews_at(now)) is not None and due < until and len(made) < 500:
        now = max(due, now + MINUTE)
        made.append(now)
        token.renewed_at = token.renewal_tried_at = now
        token.access_expires_at = now + access if ends is None else min(now + access, ends)
    return made


def busiest(moments: list[datetime]) -> int:
    return max(Counter(moment.replace(second=0, microsecond=0) for moment in moments).values())


@pytest.mark.parametrize(
    ("channel", "latest", "access", "refresh"),
    [
        ("facebook", 15 * DAY, 60 * DAY, None),
        ("linkedin", 15 * DAY, 60 * DAY, 365 * DAY),
        ("pinterest", 7 * DAY, 30 * DAY, 60 * DAY),
        ("snapchat", 7 * DAY, timedelta(minutes=30), None),
    ],
)
def test_a_thousand_linked_in_a_minute_renew_over_days_none_later_than_the_rule_allows_and_no_minute_is_busy(
    channel: str, latest: timedelta, access: timedelta, refresh: timedelta | None
) -> None:
    app = make_app(channel)
    fleet = [
        linked(app, number, has_refresh_token=channel != "facebook", access_expires_at=NOW + access,
               refresh_expires_at=NOW + refresh if refresh else None)
        for number in range(COUNT)
    ]  # fmt: skip

    made = [renewals(one, until=NOW + 3 * latest, access=access) for one in fleet]
    first = [moments[0] for moments in made]

    assert max(moment - one.linked_at for moment, one in zip(first, fleet, strict=True)) <= latest
    assert max(first) - min(first) > DAY
    for turn in range(2):
        assert busiest([moments[turn] for moments in made]) <= BUSIEST


def test_imported_tokens_whose_renewal_was_due_before_they_came_are_renewed_over_the_first_day() -> None:
    app = make_app("facebook")
    old = [linked(app, number, access_expires_at=NOW + 25 * DAY) for number in range(COUNT)]
    ending = linked(app, 0, access_expires_at=NOW + 5 * DAY)

    due = [one.renews_at(NOW) or NOW for one in old]

    assert busiest(due) <= 2
    assert max(due) <= NOW + DAY + MINUTE
    assert ending.is_to_be_renewed(NOW)


def test_linkedins_last_weeks_make_no_calls_that_move_nothing() -> None:
    app = make_app("linkedin")
    year = NOW + 365 * DAY
    fleet = [
        linked(app, number, has_refresh_token=True, access_expires_at=NOW + 60 * DAY, refresh_expires_at=year)
        for number in range(20)
    ]

    made = [renewals(one, until=year, access=60 * DAY, ends=year) for one in fleet]

    for one, moments in zip(fleet, made, strict=True):
        assert one.access_expires_at == year
        assert moments[-1] < year - 45 * DAY
        assert len(moments) <= 26  # each about two weeks, and none of them moved nothing


@pytest.mark.parametrize(
    ("fields", "earliest", "latest"),
    [
        ({"last_check_result": "ok"}, 2.8, 4.4),
        ({"last_check_result": "ok", "last_used_at": NOW}, 0.7, 1.1),
        ({"last_check_result": "transient"}, 0.25, 0.65),
        ({"state": "cooling", "reason": "unknown", "state_since": NOW - DAY}, 0.7, 1.1),
    ],
)
def test_a_thousand_checked_in_a_minute_are_checked_over_many_the_next_time(
    fields: dict[str, object], earliest: float, latest: float
) -> None:
    app = make_app("x")
    fleet = [linked(app, number, **fields) for number in range(COUNT)]

    for one in fleet:
        one.set_due(NOW)
    due = [one.due_at for one in fleet if one.due_at is not None]

    assert len(due) == COUNT
    assert busiest(due) <= BUSIEST
    assert min(due) >= NOW + timedelta(hours=earliest)
    assert max(due) <= NOW + timedelta(hours=latest)


def test_a_channels_wish_to_wait_is_kept_by_all_and_they_come_back_apart() -> None:
    app = make_app("x")
    fleet = [linked(app, number, last_check_result="rate_limited") for number in range(COUNT)]

    for one in fleet:
        one.set_due(NOW, retry_after=7200)
    due = [one.due_at for one in fleet if one.due_at is not None]

    assert min(due) >= NOW + timedelta(hours=2)
    assert busiest(due) <= BUSIEST
