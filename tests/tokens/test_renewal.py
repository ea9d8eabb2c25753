"""When a token is renewed: data of the channels' policies, against the dates of the row."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from tests.support.factories import NOW, make_app, make_token
from tokens import lifecycle
from tokens.channels.kinds import Classification, Dates, Inspection, Renewal, Verdict
from tokens.models import ChannelApp, Token, TokenEvent
from tokens.token import renewal

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
PROVIDED = {"access": "provider", "refresh": "provider"}


@pytest.fixture(autouse=True)
def _warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    warned_before(monkeypatch, 30)


def warned_before(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    monkeypatch.setattr(renewal, "_widest_warning", [lambda: days * DAY])


def token(channel: str, **fields: Any) -> Token:
    fields = {"linked_at": NOW, "dates_source": PROVIDED, **fields}
    return make_token(make_app(channel), **fields)


def at(one: Token, now: datetime = NOW) -> datetime:
    due = one.renews_at(now)
    assert due is not None
    return due


def test_facebook_is_exchanged_from_45_days_before_its_date() -> None:
    one = token("facebook", access_expires_at=NOW + 60 * DAY)

    assert NOW + 12.75 * DAY <= at(one) <= NOW + 15 * DAY


def test_always_before_the_widest_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    warned_before(monkeypatch, 50)
    one = token("facebook", access_expires_at=NOW + 60 * DAY)

    assert NOW + 2.55 * DAY <= at(one) <= NOW + 3 * DAY


def test_a_try_that_moved_nothing_is_repeated_daily_not_at_every_check() -> None:
    one = token(
        "facebook",
        access_expires_at=NOW + 20 * DAY,
        renewed_at=NOW - 2 * DAY,
        renewal_tried_at=NOW - timedelta(hours=3),
    )

    assert one.renews_at(NOW) == NOW + timedelta(hours=21)
    assert not one.is_to_be_renewed(NOW)


@pytest.mark.parametrize(
    "fields",
    [
        {},  # no date is known
        {"dates_source": {"access": "never"}},  # expires_at 0
        {"access_expires_at": NOW - DAY},  # what has ended cannot be exchanged
    ],
)
def test_facebook_is_never_exchanged_without_a_date_or_after_it(fields: dict[str, Any]) -> None:
    one = token("facebook", **fields)

    assert one.renews_at(NOW) is None
    assert not one.is_to_be_renewed(NOW)


def test_linkedin_is_refreshed_when_45_days_of_access_are_left() -> None:
    one = token(
        "linkedin",
        access_expires_at=NOW + 60 * DAY,
        refresh_expires_at=NOW + 365 * DAY,
        has_refresh_token=True,
    )

    assert NOW + 12.75 * DAY <= at(one) <= NOW + 15 * DAY


@pytest.mark.parametrize("channel", ["snapchat", "pinterest"])
def test_refresh_tokens_that_restart_their_life_are_used_at_least_weekly(channel: str) -> None:
    tokens = [
        token(
            channel,
            access_expires_at=NOW + 30 * DAY,
            refresh_expires_at=NOW + 60 * DAY,
            has_refresh_token=True,
        )
        for _ in range(20)
    ]

    due = [at for at in (one.renews_at(NOW) for one in tokens) if at is not None]

    assert len(due) == 20
    assert max(due) <= NOW + 7 * DAY
    assert min(due) >= NOW + 5 * DAY
    assert len(set(due)) > 15  # drawn apart


@pytest.mark.parametrize("channel", ["snapchat", "linkedin", "pinterest", "tiktok"])
def test_without_a_refresh_token_or_after_a_refusal_nothing_is_renewed(channel: str) -> None:
    without = token(channel, access_expires_at=NOW + DAY)
    refused = token(channel, access_expires_at=NOW + DAY, has_refresh_token=True, refresh_refused_at=NOW)

    assert without.renews_at(NOW) is refused.renews_at(NOW) is None
    assert not without.access_has_lapsed(NOW + 2 * DAY)
    assert not refused.access_has_lapsed(NOW + 2 * DAY)


def test_a_channel_that_renews_nothing_has_no_time_for_it() -> None:
    one = token("x", access_expires_at=NOW + DAY, has_refresh_token=True)

    assert one.renews_at(NOW) is None


def test_an_access_token_that_is_over_is_renewed_before_it_is_asked_about() -> None:
    one = token("snapchat", access_expires_at=NOW - timedelta(hours=1), has_refresh_token=True)

    assert one.access_has_lapsed(NOW)
    assert one.is_to_be_renewed(NOW)


def test_an_access_date_in_front_of_a_refresh_token_is_no_event() -> None:
    one = token(
        "snapchat",
        access_expires_at=NOW + timedelta(minutes=30),
        has_refresh_token=True,
        last_check_result="ok",
    )

    one.set_due(NOW)

    assert one.due_at is not None
    assert one.due_at > NOW + timedelta(hours=2)  # the ordinary check, not one for every half an hour


def test_a_due_renewal_comes_before_the_next_check() -> None:
    one = token(
        "linkedin",
        access_expires_at=NOW + 45 * DAY + timedelta(hours=1),
        has_refresh_token=True,
        last_check_result="ok",
    )

    one.set_due(NOW)

    assert one.due_at is not None
    assert NOW < one.due_at <= NOW + timedelta(hours=1)
    assert one.due_for == "refresh"


HOURS = st.integers(min_value=-4000, max_value=20000).map(lambda hours: NOW + timedelta(hours=hours))
MAYBE = st.one_of(st.none(), HOURS)


class AnyRow(TestCase):
    """Whatever the row says, a renewal is asked for only where one is possible, and never twice at once."""

    @given(channel=st.sampled_from(["facebook", "snapchat", "linkedin", "pinterest"]), access=MAYBE, refresh=MAYBE,
           renewed=MAYBE, tried=MAYBE, has=st.booleans(), now=HOURS)  # fmt: skip
    def test_a_time_is_named_only_where_a_renewal_is_possible(
        self,
        channel: str,
        access: datetime | None,
        refresh: datetime | None,
        renewed: datetime | None,
        tried: datetime | None,
        has: bool,
        now: datetime,
    ) -> None:
        one = Token(
            app=ChannelApp(channel=channel),
            pk=1,
            linked_at=NOW,
            access_expires_at=access,
            refresh_expires_at=refresh,
            renewed_at=renewed,
            renewal_tried_at=tried,
            has_refresh_token=has,
        )

        at = one.renews_at(now)

        policy = one.renewal_policy
        assert isinstance(policy, Renewal)
        assert at is None or one.can_renew(now)
        if at is not None and tried is not None:
            assert at >= tried + policy.again_after
        if at is not None and renewed is not None and policy.every is None:
            assert at >= renewed + renewal.AT_MOST_EVERY


def test_where_access_and_refresh_end_together_nothing_is_renewed() -> None:
    together = token(
        "linkedin",
        has_refresh_token=True,
        access_expires_at=NOW + 40 * DAY - timedelta(seconds=1),
        refresh_expires_at=NOW + 40 * DAY,
        renewed_at=NOW - 10 * DAY,
    )
    apart = token(
        "linkedin",
        has_refresh_token=True,
        access_expires_at=NOW + 40 * DAY,
        refresh_expires_at=NOW + 50 * DAY,
        renewed_at=NOW - 10 * DAY,
    )

    assert together.renews_at(NOW) is None
    assert NOW - 5.75 * DAY <= at(apart) <= NOW - 5 * DAY


def pinterest(*, since: int, access: int = 30, refresh: int = 60, **fields: Any) -> Token:
    """A Pinterest log-in that was renewed so many days ago, with lives in days from then on."""
    renewed = NOW - since * DAY
    fields = {"linked_at": NOW - 100 * DAY, "renewed_at": renewed, "has_refresh_token": True, **fields}
    dates = {"access_expires_at": renewed + access * DAY, "refresh_expires_at": renewed + refresh * DAY}
    one = token("pinterest", **dates, **fields)
    one.set_deadline(NOW)
    return one


@pytest.mark.parametrize(("since", "renews"), [(0, True), (7, True), (13, True), (15, False), (40, False)])
def test_a_date_that_moves_weekly_is_none_as_long_as_renewals_are_on_time(since: int, renews: bool) -> None:
    assert pinterest(since=since).renews_itself(NOW) is renews


def test_a_refused_renewal_makes_it_a_date_again() -> None:
    assert not pinterest(since=3, refresh_refused_at=NOW).renews_itself(NOW)


def old_kind(*, day: int, renewed: int | None = None, access: int = 30) -> Token:
    """An older Pinterest log-in, so many days after its consent; the refresh token ends on day 365 whatever is renewed."""
    linked = NOW - day * DAY
    last = linked + (renewed if renewed is not None else 0) * DAY
    one = token(
        "pinterest",
        linked_at=linked,
        renewed_at=None if renewed is None else last,
        has_refresh_token=True,
        access_expires_at=last + access * DAY,
        refresh_expires_at=linked + 365 * DAY,
    )
    one.set_deadline(NOW)
    return one


@pytest.mark.parametrize(
    ("day", "renewed", "access", "ends"),
    [
        (0, None, 30, 394),  # renewed once more on day 364
        (335, 330, 30, 394),
        (364, 363, 30, 394),
        (365, 364, 30, 394),
        (364, 364, 30, 394),
        (350, 345, 20, 365),  # Pinterest cuts access there: then that is the end
    ],
)
def test_an_older_log_in_ends_when_what_the_last_renewal_gave_ends(
    day: int, renewed: int | None, access: int, ends: int
) -> None:
    one = old_kind(day=day, renewed=renewed, access=access)

    assert one.deadline == one.linked_at + ends * DAY
    assert not one.renews_itself(NOW)


def test_an_older_log_in_is_renewed_once_more_a_day_before_its_refresh_token_ends() -> None:
    one = old_kind(day=361, renewed=360)

    assert one.renews_at(NOW) == one.linked_at + 364 * DAY


def test_a_date_that_jitters_is_no_event_and_one_that_moves_is() -> None:
    one = token("facebook", access_expires_at=NOW + 50 * DAY)
    one.set_deadline(NOW)
    one.save()

    def said(**later: int) -> int:
        dates = Dates(access_expires_at=NOW + timedelta(**later), sources={"access": "introspection"})
        inspection = Inspection(Classification(Verdict.OK), dates=dates)
        lifecycle.record_inspection(
            token_id=one.pk, generation=one.generation, inspection=inspection, now=NOW, source="check"
        )
        return TokenEvent.objects.filter(token=one, kind=TokenEvent.Kind.DATES).count()

    events = [said(days=50, seconds=second) for second in range(-5, 5)]
    moved = said(days=60)

    assert events == [0] * 10
    assert moved == 1
