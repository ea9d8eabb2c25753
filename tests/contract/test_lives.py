"""Every channel: how a log-in lives, is renewed, ends, and what does not end it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import redis
from django.test import Client

from accounts.checks import services as sweeps
from accounts.models import AccountToken
from tests.contract.beginnings import LUMEN
from tests.contract.conftest import Clock, OneCase, account, check, token_of
from tests.contract.profiles import (
    DOUBTFUL,
    EVERY,
    PROFILES,
    TROUBLE,
    Profile,
)
from tests.support import native, news
from tests.support.sandbox import Sandbox
from tokens.channels import brake
from tokens.checks import services as probe
from tokens.models import ChannelApp, Token, TokenEvent

Browser = Callable[[str], Client]
every_channel = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.key)
renewing = pytest.mark.parametrize(
    "profile", [one for one in PROFILES if one.renews_after is not None], ids=lambda profile: profile.key
)
TOKEN_PATH = {"snapchat": "access_token$", "linkedin": "accessToken$", "pinterest": "oauth/token$"}
with_refresh_token = pytest.mark.parametrize("channel", ["snapchat", "linkedin", "pinterest"])


def is_dead() -> bool:
    """Whether AdToken has made up its mind that Ada's log-in has ended."""
    return token_of("ada").state == "dead"


def deadline_days(token: Token, clock: Clock) -> float:
    assert token.deadline is not None
    return (token.deadline - clock.start).total_seconds() / 86400


# --- checks ---------------------------------------------------------------------------------------------------------


@every_channel
def test_a_check_of_a_healthy_log_in_costs_few_calls_and_changes_nothing(
    profile: Profile, world: Sandbox, both_linked: None
) -> None:
    before = token_of("ada")
    world.clear_calls()

    check(rounds=1, hours=0.2)

    after = token_of("ada")
    assert (after.state, after.last_check_result, after.cycle) == ("valid", "ok", before.cycle)
    assert after.renewed_at is None, "nothing was due"
    assert account().state == "connected"
    assert len(world.calls(channel=profile.key)) <= 4 * 2


# --- renewal --------------------------------------------------------------------------------------------------------


@renewing
def test_it_is_renewed_before_anybody_is_warned(profile: Profile, clock: Clock, ada_linked: None) -> None:
    before = token_of("ada")
    assert profile.renews_after is not None
    clock.forward(days=profile.renews_after)

    sweeps.check_due_tokens(now=datetime.now(UTC))

    after = token_of("ada")
    assert after.renewed_at is not None
    assert after.generation > before.generation
    assert (after.state, account().state) == ("valid", "connected")
    if profile.moved_to is not None:
        assert profile.moved_to - 1 <= deadline_days(after, clock) <= profile.moved_to + 0.1


@with_refresh_token
def test_a_refusal_to_renew_makes_the_access_date_the_deadline(
    channel: str, world: Sandbox, clock: Clock, ada_linked: None
) -> None:
    refusal = {
        "snapchat": {
            "status": 400,
            "body": {"error": "invalid_grant", "error_description": "Refresh token is invalid"},
        },
        "linkedin": {
            "status": 400,
            "body": {
                "error": "invalid_request",
                "error_description": "The provided authorization grant or refresh token is invalid, expired or revoked",
            },
        },
        "pinterest": {"status": 401, "body": {"code": 283, "message": "The authorization grant is invalid"}},
    }[channel]
    clock.forward(days=0 if channel == "snapchat" else 16)
    world.add_fault(channel, path=TOKEN_PATH[channel], method="POST", **refusal)
    token = token_of("ada")
    if channel == "snapchat":  # its access token is still fresh
        for minutes in (0, 20):
            now = datetime.now(UTC) + timedelta(minutes=minutes)
            probe.probe_token(token.pk, now=now, source="staff", renew=True)
    else:
        check(rounds=2, hours=0)  # it is doubted first

    token = token_of("ada")
    assert token.state == "valid"
    assert token.refresh_refused_at is not None
    assert (token.deadline_kind, token.deadline_clock, token.deadline) == (
        "date",
        "access",
        token.access_expires_at,
    )
    assert token.events.filter(kind=TokenEvent.Kind.NOT_RENEWED).count() == 1


@with_refresh_token
def test_a_missing_field_of_a_refresh_keeps_what_was_known(
    channel: str, world: Sandbox, ada_linked: None
) -> None:
    before = token_of("ada")
    world.next_token(
        channel=channel,
        kind="refresh",
        omit=["refresh_token", "refresh_token_expires_in", "refresh_token_expires_at", "scope"],
    )

    probe.probe_token(before.pk, now=datetime.now(UTC), source="staff", renew=True)

    after = token_of("ada")
    assert after.renewed_at is not None
    assert (after.has_refresh_token, after.refresh_expires_at, after.scopes) == (
        True,
        before.refresh_expires_at,
        before.scopes,
    )
    assert after.unseal().refresh_token == before.unseal().refresh_token
    assert after.unseal().access_token != before.unseal().access_token


@with_refresh_token
def test_a_blank_token_is_never_stored(channel: str, world: Sandbox, ada_linked: None) -> None:
    before = token_of("ada")
    world.next_token(channel=channel, kind="refresh", put={"access_token": ""})

    probe.probe_token(before.pk, now=datetime.now(UTC), source="staff", renew=True)

    after = token_of("ada")
    assert after.unseal() == before.unseal()
    assert after.state != "dead"  # in doubt: the channel may have spent the old one


# --- ends -----------------------------------------------------------------------------------------------------------


@every_channel
def test_an_end_is_found_told_and_covered_by_the_backup(
    profile: Profile, world: Sandbox, both_linked: None
) -> None:
    world.cancel_authorisation(profile.key, "ada")

    check(until=is_dead)

    token, found = token_of("ada"), account()
    assert (token.state, token.reason) == ("dead", "authorisation_cancelled")
    assert found.state == "connected"
    assert found.active_token is not None
    assert found.active_token.native_user_name == "Ben Lindqvist"
    assert [message.recipient for message in news.ends()] == ["ada@example.com"]


@pytest.mark.parametrize("channel", ["facebook"])
def test_what_the_person_lifts_works_again_without_a_new_consent(
    channel: str, world: Sandbox, ada_linked: None
) -> None:
    world.action(channel, "ada", "checkpoint")
    check(until=is_dead)
    assert account().state == "deactivated"
    world.action(channel, "ada", "checkpoint", on=False)

    check(rounds=1, hours=30)

    assert (token_of("ada").state, account().state) == ("valid", "connected")


@pytest.mark.parametrize("channel", ["facebook", "x"])
def test_a_new_consent_brings_a_dead_account_back(
    channel: str, browser: Browser, world: Sandbox, ada_linked: None
) -> None:
    world.cancel_authorisation(channel, "ada")
    check(until=is_dead)
    assert account().state == "deactivated"

    native.consent(browser("ada"), channel, "ada")

    assert (token_of("ada").state, account().state) == ("valid", "connected")


# --- what ends nothing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("channel", "action"), DOUBTFUL)
def test_what_the_channel_says_too_little_of_goes_behind_and_is_doubted_no_more_once_it_works(
    channel: str, action: str, world: Sandbox, both_linked: None
) -> None:
    world.action(channel, "ada", action)

    check()

    token, active = token_of("ada"), account().active_token
    assert active is not None
    assert (token.state, active.native_user_name) == ("valid", "Ben Lindqvist")
    assert token.doubted_at is not None
    assert not news.ends().exists()
    world.action(channel, "ada", action, on=False)
    check(rounds=2, hours=20)
    token = token_of("ada")
    assert (token.state, token.doubted_at) == ("valid", None)


@pytest.mark.parametrize("channel", [one.key for one in PROFILES if one.refusals])
def test_no_refusal_that_says_nothing_of_the_person_kills_or_takes_away(
    channel: str, world: Sandbox, one_case: OneCase, ada_linked: None
) -> None:
    for refusal in EVERY[channel].refusals:
        with one_case(refusal):
            world.add_fault(channel, **refusal)

            check(rounds=2)

            assert token_of("ada").state != "dead"
            assert set(AccountToken.objects.values_list("access", flat=True)) == {"ok"}
            world.clear_faults()
            check(rounds=1, hours=20)
            assert (token_of("ada").state, account().state) == ("valid", "connected")


@pytest.mark.parametrize(
    "channel", ["facebook", "pinterest"]
)  # each channel's reading: channels/test_questions.py
def test_no_trouble_of_the_channel_kills_or_takes_away(
    channel: str,
    world: Sandbox,
    clock: Clock,
    valkey: redis.Redis,
    one_case: OneCase,
    ada_linked: None,
) -> None:
    for trouble, answer in TROUBLE.items():
        with one_case(trouble):
            world.add_fault(channel, path="", **answer)

            for days in (0.3, 4):  # longer than a doubt lasts
                clock.forward(days=days)
                check(rounds=1, hours=0)

            assert token_of("ada").state != "dead"
            assert set(AccountToken.objects.values_list("access", flat=True)) == {"ok"}
            assert not news.ends().exists()
            world.clear_faults()
            clock.forward(days=0.1)
            valkey.flushdb()  # a channel that did not answer is left in peace for a while, by the machine's own clock
            brake.forget()
            check(rounds=1, hours=0)
            assert (token_of("ada").state, account().state) == ("valid", "connected")


@every_channel
def test_a_wrong_secret_and_a_switched_off_app_are_the_apps_fault(
    profile: Profile, world: Sandbox, clock: Clock, ada_linked: None
) -> None:
    world.put_app(profile.key, secret="another-secret")
    if profile.key in {"snapchat", "tiktok", "pinterest"}:
        world.put_app(profile.key, suspended=True)
    clock.forward(days=8)

    check(hours=0)

    app = ChannelApp.objects.get(channel=profile.key)
    assert token_of("ada").state != "dead"
    assert app.fault_since is not None, app.fault


# --- ad accounts ----------------------------------------------------------------------------------------------------


@every_channel
def test_a_role_that_is_taken_away_costs_this_account_only_and_comes_back(
    profile: Profile, world: Sandbox, ada_linked: None
) -> None:
    world.drop_role(profile.key, LUMEN, "ada")

    check(until=lambda: account().state == "deactivated")

    assert (token_of("ada").state, account().state, account("Fern Gardens").state) == (
        "valid",
        "deactivated",
        "connected",
    )
    world.give_role(profile.key, LUMEN, "ada", "admin")
    check(until=lambda: account().state == "connected")
    assert account().state == "connected"


@every_channel
def test_a_smaller_role_may_only_report(profile: Profile, world: Sandbox, both_linked: None) -> None:
    world.give_role(profile.key, LUMEN, "ada", "reader")

    check(until=lambda: can_ada_publish() == "no")

    assert can_ada_publish() == "no"
    active = account().active_token
    assert active is not None
    assert active.native_user_name == "Ben Lindqvist"


def can_ada_publish() -> str:
    return AccountToken.objects.get(token=token_of("ada")).can_publish


@every_channel
def test_a_restriction_is_shown_with_the_channels_own_reason_and_kills_nothing(
    profile: Profile, world: Sandbox, ada_linked: None
) -> None:
    world.put_account(profile.key, LUMEN, **profile.blocked)

    check(until=lambda: account().restriction != "")

    assert profile.blocked_words in account().restriction
    assert (token_of("ada").state, account().state) == ("valid", "connected")
    world.put_account(profile.key, LUMEN, **profile.free)
    check(until=lambda: account().restriction == "")
    assert account().restriction == ""


def test_every_channel_of_the_article_has_a_profile() -> None:
    from tokens.channels import registry

    assert EVERY.keys() == registry.CHANNELS.keys()
