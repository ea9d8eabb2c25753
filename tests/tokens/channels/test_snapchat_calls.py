"""Snapchat's tokens, asked one by one, against the stand-in Snapchat."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from pytest_django.fixtures import Settings

from tests.support.sandbox import Sandbox
from tests.tokens.channels.snapchat_world import (
    ADA,
    APP,
    LUMEN,
    NOBODYS,
    REDIRECT,
    SCOPE,
    code,
    given,
    switch,
)
from tokens.channels.kinds import AccountFacts, AppKeys, ChannelError, Credentials, Reason, Verdict
from tokens.channels.snapchat.channel import CHANNEL

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sandbox(channels_world: Sandbox) -> Sandbox:
    channels_world.put_app("snapchat", redirect_uris=[REDIRECT])
    return channels_world


def refused(call: Any) -> Any:
    with pytest.raises(ChannelError) as caught:
        call()
    return caught.value.classification


def in_minutes(moment: datetime | None) -> int | None:
    return None if moment is None else round((moment - datetime.now(UTC)) / timedelta(minutes=1))


# ---- consent


@pytest.mark.parametrize(("seconds", "minutes"), [(1800, 30), (3600, 60)])
def test_a_consent_gives_both_tokens_the_date_the_scope_and_the_person(
    sandbox: Sandbox, seconds: int, minutes: int
) -> None:
    switch(sandbox, expires_in=seconds)

    consent = CHANNEL.consent(APP, {"code": code(sandbox)})

    assert consent.identity == ADA
    assert consent.grant.scopes == (SCOPE,)
    assert consent.grant.credentials.refresh_token
    assert in_minutes(consent.grant.dates.access_expires_at) == minutes
    assert consent.grant.dates.refresh_expires_at is None
    assert consent.grant.dates.sources == {"access": "provider", "refresh": "never"}


@pytest.mark.parametrize("seconds", [None, 0, -5, "soon", 1800.5, True])
def test_a_life_that_is_not_told_is_unknown(sandbox: Sandbox, seconds: Any) -> None:
    shape = {"omit": ["expires_in"]} if seconds is None else {"put": {"expires_in": seconds}}
    sandbox.next_token(channel="snapchat", kind="code", **shape)

    grant = CHANNEL.exchange(APP, {"code": code(sandbox)})

    assert grant.dates.access_expires_at is None
    assert grant.dates.sources == {"refresh": "never"}


def test_a_consent_without_a_refresh_token_says_nothing_of_one(sandbox: Sandbox) -> None:
    sandbox.next_token(channel="snapchat", kind="code", omit=["refresh_token", "scope"])

    grant = CHANNEL.exchange(APP, {"code": code(sandbox)})

    assert grant.dates.sources == {"access": "provider"}
    assert (grant.credentials.refresh_token, grant.scopes) == ("", None)


def test_a_code_is_good_once_and_for_its_own_address_only(sandbox: Sandbox) -> None:
    used, other = code(sandbox), code(sandbox)
    CHANNEL.exchange(APP, {"code": used})
    elsewhere = AppKeys(APP.client_id, APP.secrets, REDIRECT + "x", ())

    again = refused(lambda: CHANNEL.exchange(APP, {"code": used}))
    moved = refused(lambda: CHANNEL.exchange(elsewhere, {"code": other}))

    assert (again.verdict, again.row) == (Verdict.OUR_BUG, "state")
    assert (moved.verdict, moved.row) == (Verdict.OUR_BUG, "state")


@pytest.mark.parametrize("token", ["", " ", "a b", "a\nb", "ü", "x" * 9000, 7, None, ["t"]])
def test_a_token_that_fits_no_header_is_none(sandbox: Sandbox, token: Any) -> None:
    sandbox.next_token(channel="snapchat", kind="code", put={"access_token": token})

    with pytest.raises(ChannelError) as caught:
        CHANNEL.exchange(APP, {"code": code(sandbox)})

    assert caught.value.classification.verdict == Verdict.TRANSIENT
    assert "SBXTOKEN" not in str(caught.value.evidence)


@pytest.mark.parametrize("me", [{}, {"id": ""}, {"id": 7}, {"id": None, "email": "a@b.example"}])
def test_a_person_without_an_id_is_nobody(sandbox: Sandbox, me: dict[str, Any]) -> None:
    living = given(sandbox)
    sandbox.add_fault("snapchat", path="/me$", status=200, body={"request_status": "SUCCESS", "me": me})

    inspection = CHANNEL.inspect(APP, living)

    assert refused(lambda: CHANNEL.identity(APP, living)).verdict == Verdict.TRANSIENT
    assert inspection.classification.verdict == Verdict.TRANSIENT


# ---- renewal


def test_a_refresh_without_a_new_refresh_token_leaves_that_field_empty(sandbox: Sandbox) -> None:
    old = given(sandbox)

    grant = CHANNEL.renew(APP, old)

    assert grant is not None
    assert grant.credentials.access_token not in {"", old.access_token}
    assert grant.credentials.refresh_token == ""
    assert in_minutes(grant.dates.access_expires_at) == 30
    assert grant.dates.sources == {"access": "provider", "refresh": "never"}
    assert CHANNEL.inspect(APP, grant.credentials).classification.verdict == Verdict.OK
    assert CHANNEL.renew(APP, old) is not None  # the old refresh token is still the one


def test_a_rotated_refresh_token_replaces_the_old_one(sandbox: Sandbox) -> None:
    switch(sandbox, rotate=True)
    old = given(sandbox)

    grant = CHANNEL.renew(APP, old)

    assert grant is not None
    assert grant.credentials.refresh_token not in {"", old.refresh_token}
    assert refused(lambda: CHANNEL.renew(APP, old)).verdict == Verdict.TOKEN_DEAD
    assert CHANNEL.renew(APP, grant.credentials) is not None


def test_a_refresh_that_tells_nothing_but_the_token_moves_no_date(sandbox: Sandbox) -> None:
    sandbox.next_token(channel="snapchat", kind="refresh", omit=["expires_in", "scope", "token_type"])

    grant = CHANNEL.renew(APP, given(sandbox))

    assert grant is not None
    assert (grant.dates.access_expires_at, grant.scopes) == (None, None)
    assert grant.dates.sources == {"refresh": "never"}


def test_nothing_renews_a_token_without_a_refresh_token(sandbox: Sandbox) -> None:
    assert CHANNEL.renew(APP, Credentials(given(sandbox).access_token)) is None

    assert sandbox.calls(channel="snapchat", path="access_token") == []


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ({"drop": True}, Verdict.TRANSIENT),
        ({"status": 503, "body": "<html>down</html>"}, Verdict.TRANSIENT),
        ({"status": 503, "body": {"error": "invalid_grant"}}, Verdict.TRANSIENT),
        ({"status": 429, "body": ""}, Verdict.RATE_LIMITED),
        ({"status": 200, "body": {"error": "invalid_grant"}}, Verdict.TRANSIENT),
        ({"status": 200, "body": {"token_type": "Bearer"}}, Verdict.TRANSIENT),
        ({"status": 200, "body": "<html>log in</html>"}, Verdict.TRANSIENT),
        ({"status": 400, "body": "bad gateway"}, Verdict.CONFIRM_FIRST),
        ({"status": 401, "body": {"error": "invalid_client"}}, Verdict.APP_FAULT),
        ({"status": 302, "headers": {"location": "https://elsewhere.example/"}}, Verdict.TRANSIENT),
    ],
)
def test_trouble_at_a_refresh_is_no_refusal(
    sandbox: Sandbox, fault: dict[str, Any], verdict: Verdict
) -> None:
    living = given(sandbox)
    sandbox.add_fault("snapchat", path="access_token", **fault)

    assert refused(lambda: CHANNEL.renew(APP, living)).verdict == verdict


def test_secrets_go_in_the_body_and_the_header_and_never_in_an_address(sandbox: Sandbox) -> None:
    consent = CHANNEL.consent(APP, {"code": code(sandbox)})
    CHANNEL.renew(APP, consent.grant.credentials)
    CHANNEL.revoke(APP, consent.grant.credentials)

    calls = [call for call in sandbox.calls(channel="snapchat") if "authorize" not in call["path"]]

    assert {(call["method"], call["path"]) for call in calls} >= {
        ("POST", "/login/oauth2/access_token"),
        ("GET", "/v1/me"),
        ("POST", "/login/oauth2/revoke"),
    }
    assert all(call["query"] == {} for call in calls)
    assert {tuple(sorted(call["form"])) for call in calls if call["path"].endswith("access_token")} == {
        ("client_id", "client_secret", "code", "grant_type", "redirect_uri"),
        ("client_id", "client_secret", "grant_type", "refresh_token"),
    }


# ---- deaths and what looks like one


def test_a_living_token_is_inspected_with_its_owner(sandbox: Sandbox) -> None:
    found = CHANNEL.inspect(APP, given(sandbox))

    assert (found.classification.verdict, found.native_user_id) == (Verdict.OK, ADA.native_user_id)
    assert (found.dates, found.scopes) == (None, None)


def test_an_access_token_dies_after_half_an_hour_and_its_refresh_token_does_not(sandbox: Sandbox) -> None:
    living = given(sandbox)
    sandbox.set_clock(offset=1780)  # a busy machine takes seconds from one call to the next
    before = CHANNEL.inspect(APP, living).classification
    sandbox.set_clock(offset=1801)

    after = CHANNEL.inspect(APP, living)

    assert (before.verdict, after.classification.verdict) == (Verdict.OK, Verdict.CONFIRM_FIRST)
    assert living.access_token not in str(after.evidence)
    assert CHANNEL.renew(APP, living) is not None


@pytest.mark.parametrize("action", ["cancel_authorisation", "suspend", "deactivate", "checkpoint"])
def test_what_ends_a_consent_is_in_doubt_at_me_and_refused_at_the_refresh(
    sandbox: Sandbox, action: str
) -> None:
    living = given(sandbox)
    getattr(sandbox, action)("snapchat", "ada")

    inspection = CHANNEL.inspect(APP, living)
    reading = CHANNEL.read_account(APP, living, LUMEN, scopes=None)
    classification = refused(lambda: CHANNEL.renew(APP, living))

    assert inspection.classification.verdict == reading.classification.verdict == Verdict.CONFIRM_FIRST
    assert (classification.verdict, classification.reason) == (
        Verdict.TOKEN_DEAD,
        Reason.AUTHORISATION_CANCELLED,
    )


@pytest.mark.parametrize("action", ["change_password", "log_out"])
def test_what_no_source_names_as_an_end_is_none(sandbox: Sandbox, action: str) -> None:
    living = given(sandbox)
    getattr(sandbox, action)("snapchat", "ada")

    assert CHANNEL.inspect(APP, living).classification.verdict == Verdict.OK


def test_a_string_that_is_no_token_is_in_doubt_and_its_refresh_refused(sandbox: Sandbox) -> None:
    assert CHANNEL.inspect(APP, NOBODYS).classification.verdict == Verdict.CONFIRM_FIRST
    assert refused(lambda: CHANNEL.renew(APP, NOBODYS)).verdict == Verdict.TOKEN_DEAD


@pytest.mark.parametrize("change", [{"secret": "rotated"}, {"suspended": True}])
def test_a_refused_app_is_its_own_fault_and_no_tokens(sandbox: Sandbox, change: dict[str, Any]) -> None:
    living, fresh = given(sandbox), code(sandbox)
    sandbox.put_app("snapchat", **change)

    renewal = refused(lambda: CHANNEL.renew(APP, living))
    exchange = refused(lambda: CHANNEL.exchange(APP, {"code": fresh}))
    revocation = refused(lambda: CHANNEL.revoke(APP, living))

    assert {renewal.verdict, exchange.verdict, revocation.verdict} == {Verdict.APP_FAULT}


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ({"drop": True}, Verdict.TRANSIENT),
        ({"status": 500, "body": {"request_status": "ERROR"}}, Verdict.TRANSIENT),
        ({"status": 200, "body": "<html>log in</html>"}, Verdict.TRANSIENT),
        ({"status": 200, "body": {"request_status": "ERROR", "debug_message": "x"}}, Verdict.TRANSIENT),
        ({"status": 200, "body": {"request_status": "SUCCESS"}}, Verdict.TRANSIENT),
        ({"status": 200, "body": [1, 2]}, Verdict.TRANSIENT),
        ({"status": 302, "headers": {"location": "https://elsewhere.example/"}}, Verdict.TRANSIENT),
        (
            {"status": 429, "body": {"request_status": "ERROR", "msg": "Rate limit exceeded"}},
            Verdict.RATE_LIMITED,
        ),
    ],
)
def test_trouble_at_the_api_says_nothing_about_the_token(
    sandbox: Sandbox, fault: dict[str, Any], verdict: Verdict
) -> None:
    living = given(sandbox)
    sandbox.add_fault("snapchat", path="/v1/", **fault)

    inspection = CHANNEL.inspect(APP, living)
    reading = CHANNEL.read_account(APP, living, LUMEN, scopes=None)

    assert inspection.classification.verdict == reading.classification.verdict == verdict
    assert reading.account is None


def test_the_limit_of_calls_is_told_without_a_wait_where_no_header_comes(sandbox: Sandbox) -> None:
    switch(sandbox, rate_limit={"limit": 1, "window": 60})
    living = given(sandbox)
    CHANNEL.inspect(APP, living)

    bare = CHANNEL.inspect(APP, living).classification
    switch(sandbox, rate_limit={"limit": 1, "window": 60, "headers": True})
    told = CHANNEL.inspect(APP, living).classification

    assert (bare.verdict, bare.retry_after) == (Verdict.RATE_LIMITED, None)
    assert told.verdict == Verdict.RATE_LIMITED
    assert told.retry_after is not None
    assert told.retry_after <= 61


def test_a_slow_channel_is_given_up_in_time(sandbox: Sandbox) -> None:
    living = given(sandbox)
    sandbox.add_fault("snapchat", path="/v1/", delay=5.0)

    inspection = CHANNEL.inspect(APP, living, timeout=0.3)
    reading = CHANNEL.read_account(APP, living, LUMEN, scopes=None, timeout=0.3)

    assert inspection.classification.verdict == reading.classification.verdict == Verdict.TRANSIENT


def test_a_channel_that_is_gone_is_passing_trouble(settings: Settings) -> None:
    settings.SNAPCHAT_API_URL = settings.SNAPCHAT_ACCOUNTS_URL = "http://127.0.0.1:1"

    assert CHANNEL.inspect(APP, NOBODYS).classification.verdict == Verdict.TRANSIENT
    assert refused(lambda: CHANNEL.renew(APP, NOBODYS)).verdict == Verdict.TRANSIENT


# ---- revoking and sending


@pytest.mark.parametrize("path", ["revoke", "revoke_token"])
def test_revoking_ends_the_authorisation_at_either_address(sandbox: Sandbox, path: str) -> None:
    switch(sandbox, revoke_path=path)
    living = given(sandbox)

    assert CHANNEL.revoke(APP, living)

    assert CHANNEL.inspect(APP, living).classification.verdict == Verdict.CONFIRM_FIRST
    assert refused(lambda: CHANNEL.renew(APP, living)).verdict == Verdict.TOKEN_DEAD


def test_where_neither_address_exists_nothing_was_revoked(sandbox: Sandbox) -> None:
    switch(sandbox, revoke_path="")
    living = given(sandbox)

    assert not CHANNEL.revoke(APP, living)

    assert CHANNEL.inspect(APP, living).classification.verdict == Verdict.OK


def test_a_revocation_that_was_hindered_raises(sandbox: Sandbox) -> None:
    sandbox.add_fault("snapchat", path="revoke", status=503, body="down")

    assert refused(lambda: CHANNEL.revoke(APP, given(sandbox))).verdict == Verdict.TRANSIENT


def test_what_a_job_is_told_to_send_publishes_at_the_channel(sandbox: Sandbox) -> None:
    send = CHANNEL.send(APP, given(sandbox), AccountFacts("1"))

    response = httpx2.post(
        f"{sandbox.snapchat}/v1/adaccounts/{LUMEN}/campaigns",
        headers=send.headers,
        params=send.query,
        json={"campaigns": [{"name": "Autumn", "status": "PAUSED"}]},
        trust_env=False,
    )

    assert response.status_code == 200
    assert response.json()["campaigns"][0]["sub_request_status"] == "SUCCESS"
    assert "Bearer" not in repr(send)


def test_renewal_is_by_refresh_token_and_at_least_weekly() -> None:
    policy = CHANNEL.renewal

    assert policy is not None
    assert (policy.exchange, policy.every, policy.lead) == (False, timedelta(days=7), None)
    assert CHANNEL.lifetime.never_ends
    assert CHANNEL.lifetime.access is None
