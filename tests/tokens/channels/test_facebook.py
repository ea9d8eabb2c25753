"""What only Facebook has: data access beside the token's own end, the exchange of a living token, a report that may promise no end."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.tokens.channels.answers import dead
from tests.tokens.channels.worlds import DAY, World, in_days, means
from tokens.channels.facebook import reading
from tokens.channels.kinds import Credentials, Reason, Verdict
from tokens.channels.parse import LONGEST_LIFE
from tokens.channels.sessions import dates_of


def asked(world: World) -> list[str]:
    return [call["path"].rsplit("/", 1)[-1] for call in world.calls()]


@pytest.fixture
def old(world: World) -> Credentials:
    """Ten days before its end."""
    found = world.token(
        expires_at=int(time.time()) + 10 * DAY, data_access_expires_at=int(time.time()) + 40 * DAY
    )
    world.sandbox.clear_calls()
    return found


# ---- the consent


@pytest.mark.parametrize(
    ("order", "days", "source"),
    [({"omit": ["expires_in"]}, 60, "introspection"), ({"put": {"expires_at": 0}}, None, "never")],
)
def test_an_exchange_without_an_end_is_filled_by_introspection(
    world: World, order: dict[str, Any], days: int | None, source: str
) -> None:
    world.sandbox.next_token(channel="facebook", kind="exchange", **order)

    dates = world.channel.consent(world.app, world.back()).grant.dates

    assert (in_days(dates.access_expires_at), dates.sources["access"]) == (
        pytest.approx(days, abs=0.01) if days else None,
        source,
    )


def test_a_declined_permission_is_not_among_the_scopes(world: World) -> None:
    grant = world.channel.consent(world.app, world.back(scopes=["ads_read"])).grant

    listed = world.list(grant.credentials, scopes=grant.scopes)

    assert "ads_management" not in (grant.scopes or ())
    assert {account.can_publish for account in listed.accounts} == {"no"}


def test_a_consent_outlives_an_introspection_that_failed(world: World) -> None:
    answer = world.back()
    world.says("debug_token", "<html>", 503, count=1)

    consent = world.channel.consent(world.app, answer)

    assert consent.identity == world.person()
    assert (consent.grant.scopes, consent.grant.dates.sources) == (None, {"access": "provider"})


def test_a_grant_of_an_hour_is_not_kept_when_the_long_exchange_fails(world: World) -> None:
    answer = world.back()
    world.trouble("access_token", delay=0.001, count=1)  # the code is exchanged, a little late
    world.trouble("access_token", drop=True, count=1)

    assert world.refuses(lambda: world.channel.consent(world.app, answer)).verdict == Verdict.TRANSIENT


# ---- renewal


def test_renewing_asks_about_the_token_once_and_keeps_what_is_of_the_consent(
    world: World, old: Credentials
) -> None:
    """The exchange says when the new token ends; data access and permissions are those of before."""
    renewed = world.renew(old)

    dates = renewed.dates
    assert asked(world) == ["debug_token", "access_token"]
    assert renewed.credentials != old
    assert in_days(dates.access_expires_at) == pytest.approx(60, abs=0.01)
    assert in_days(dates.data_access_expires_at) == pytest.approx(40, abs=0.01)
    assert in_days(dates.issued_at) == pytest.approx(0, abs=0.01)
    assert dates.sources == {"access": "provider", "data_access": "introspection"}
    inspected = world.inspect(renewed.credentials)
    assert renewed.scopes == inspected.scopes
    assert inspected.dates is not None
    assert dates.data_access_expires_at == inspected.dates.data_access_expires_at


def test_renewing_may_give_the_old_token_back(world: World, old: Credentials) -> None:
    world.sandbox.next_token(channel="facebook", kind="exchange", put={"same_token": True})

    same = world.renew(old)

    assert same.credentials == old
    assert in_days(same.dates.access_expires_at) == pytest.approx(10, abs=0.01)


def test_an_exchange_that_names_no_date_is_asked_about(world: World, old: Credentials) -> None:
    world.sandbox.next_token(channel="facebook", kind="exchange", omit=["expires_in"])

    dates = world.renew(old).dates

    assert asked(world) == ["debug_token", "access_token", "debug_token"]
    assert in_days(dates.access_expires_at) == pytest.approx(60, abs=0.01)
    assert dates.sources["access"] == "introspection"


def test_a_question_before_the_exchange_that_fails_is_asked_after_it(world: World, old: Credentials) -> None:
    world.says("debug_token", {}, 500, count=1)

    renewed = world.renew(old)

    assert renewed.scopes is not None
    assert renewed.dates.sources["data_access"] == "introspection"


# ---- ends


def test_data_access_that_is_over_kills_only_when_a_call_confirms_it(world: World) -> None:
    over = world.token(data_access_expires_at=int(time.time()) - 60)

    confirmed = world.inspect(over).classification
    world.says("adaccounts", {"data": []}, count=1)

    assert means(confirmed, dead(Reason.DATA_ACCESS_EXPIRED))
    assert world.inspect(over).classification.verdict == Verdict.OK


@pytest.mark.parametrize(
    ("seconds", "date"), [(10**30, True), (-(10**30), False), ("9" * 15, True), (None, False)]
)
def test_a_strange_life_is_cut_or_unknown_and_never_an_error(seconds: object, date: bool) -> None:
    now = datetime(2026, 11, 25, tzinfo=UTC)

    ends = dates_of({"expires_in": seconds}, now).access_expires_at

    assert ends == (now + LONGEST_LIFE if date else None)


@pytest.mark.parametrize(
    ("said", "access"),
    [
        ({}, "never"),
        ({"expires_at": 0}, "never"),
        ({"expires_at": None, "data_access_expires_at": 0}, "never"),
        ({"data_access_expires_at": 1_795_564_800}, None),
        ({"expires_at": 1_795_564_800}, "introspection"),
        # What we cannot read is no promise that there is no end.
        ({"expires_at": 1_795_564_800_000}, None),
        ({"expires_at": "2026-11-25"}, None),
        ({"data_access_expires_at": "soon"}, None),
    ],
)
def test_an_end_is_never_only_where_facebook_sends_none(said: dict[str, object], access: str | None) -> None:
    dates = reading.report_of({"data": {"is_valid": True, **said}}).dates

    assert dates.sources.get("access") == access
