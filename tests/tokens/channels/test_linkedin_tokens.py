"""LinkedIn's tokens: renewal, questions about them and their ends, against the stand-in LinkedIn."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from tests.support.sandbox import Sandbox
from tests.tokens.channels import linkedin_world
from tests.tokens.channels.linkedin_world import APP, DAY, NOBODYS, SCOPES, close, code, given, switch
from tokens.channels.kinds import AccountFacts, AppKeys, ChannelError, Credentials, Grant, Reason, Verdict
from tokens.channels.linkedin.channel import CHANNEL

pytestmark = pytest.mark.django_db

WRONG = AppKeys(APP.client_id, ("not-the-secret",), APP.redirect_uri, ())


@pytest.fixture(autouse=True)
def _world(sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    linkedin_world.set_up(sandbox, settings, monkeypatch)


def refused(credentials: Credentials, app: AppKeys = APP) -> Any:
    with pytest.raises(ChannelError) as caught:
        CHANNEL.renew(app, credentials)
    return caught.value.classification


def test_a_wrong_secret_is_a_fault_of_our_app_wherever_it_shows(sandbox: Sandbox) -> None:
    living = given(sandbox)

    with pytest.raises(ChannelError) as caught:
        CHANNEL.exchange(WRONG, {"code": code(sandbox)})

    assert caught.value.classification.verdict == Verdict.APP_FAULT
    assert CHANNEL.inspect(WRONG, living).classification.verdict == Verdict.APP_FAULT
    assert refused(living, WRONG).verdict == Verdict.APP_FAULT


# ---- renewal


def test_a_renewal_gives_sixty_days_more_and_does_not_move_the_year(sandbox: Sandbox) -> None:
    old = given(sandbox, age=59 * DAY)
    sandbox.set_dates(channel="linkedin", user="ada", refresh_expires_at=sandbox.state()["now"] + 306 * DAY)

    grant = CHANNEL.renew(APP, old)

    assert isinstance(grant, Grant)
    now = timezone.now()
    assert grant.credentials.access_token != old.access_token
    assert grant.credentials.refresh_token == old.refresh_token
    assert close(grant.dates.access_expires_at, now + timedelta(days=60))
    assert close(grant.dates.refresh_expires_at, now + timedelta(days=306))
    assert CHANNEL.inspect(APP, grant.credentials).classification.verdict == Verdict.OK


def test_the_last_renewal_ends_with_the_year(sandbox: Sandbox) -> None:
    old = given(sandbox)
    sandbox.set_dates(channel="linkedin", user="ada", refresh_expires_at=sandbox.state()["now"] + 5 * DAY)

    grant = CHANNEL.renew(APP, old)

    assert isinstance(grant, Grant)
    assert close(grant.dates.access_expires_at, timezone.now() + timedelta(days=5))
    assert close(grant.dates.refresh_expires_at, timezone.now() + timedelta(days=5))


def test_a_refresh_token_that_changes_is_taken_over(sandbox: Sandbox) -> None:
    switch(sandbox, rotate_refresh=True)
    old = given(sandbox)

    grant = CHANNEL.renew(APP, old)

    assert isinstance(grant, Grant)
    assert grant.credentials.refresh_token not in ("", old.refresh_token)


def test_what_a_renewal_leaves_out_is_left_out_of_the_grant(sandbox: Sandbox) -> None:
    old = given(sandbox)
    left_out = ["refresh_token", "refresh_token_expires_in", "scope"]
    sandbox.next_token(channel="linkedin", kind="refresh", omit=left_out)

    grant = CHANNEL.renew(APP, old)

    assert isinstance(grant, Grant)
    assert grant.credentials.refresh_token == ""
    assert (grant.dates.refresh_expires_at, grant.scopes) == (None, None)
    assert grant.dates.sources == {"access": "provider"}


def test_a_refresh_token_that_is_over_taken_back_or_unknown_is_dead_for_one_reason(sandbox: Sandbox) -> None:
    over, taken = given(sandbox), given(sandbox, "ben")
    sandbox.set_dates(channel="linkedin", user="ada", refresh_expires_at=sandbox.state()["now"] - 1)
    sandbox.cancel_authorisation("linkedin", "ben")

    classifications = [refused(one) for one in (over, taken, NOBODYS)]

    assert {classification.verdict for classification in classifications} == {Verdict.TOKEN_DEAD}
    assert {classification.reason for classification in classifications} == {
        Reason.UNKNOWN
    }  # LinkedIn does not say which


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ({"drop": True}, Verdict.TRANSIENT),
        ({"status": 503, "body": "<html>"}, Verdict.TRANSIENT),
        ({"status": 200, "body": "<html>log in</html>"}, Verdict.TRANSIENT),
        ({"status": 200, "body": {"error": "invalid_grant"}}, Verdict.TRANSIENT),
        ({"status": 400, "body": {"error": "invalid_request"}}, Verdict.CONFIRM_FIRST),
        ({"status": 429, "body": {"message": "DAY limit", "status": 429}}, Verdict.RATE_LIMITED),
    ],
)
def test_trouble_while_renewing_kills_nothing(
    sandbox: Sandbox, fault: dict[str, Any], verdict: Verdict
) -> None:
    living = given(sandbox)
    sandbox.add_fault("linkedin", path="accessToken", **fault)

    assert refused(living).verdict == verdict


# ---- questions about a token, and its ends


def test_a_living_token_is_told_with_its_date_and_scopes(sandbox: Sandbox) -> None:
    living = given(sandbox)

    found = CHANNEL.inspect(APP, living)

    assert found.classification.verdict == Verdict.OK
    assert found.dates is not None
    assert close(found.dates.issued_at, datetime.now(UTC) - timedelta(hours=1))
    assert found.dates.sources == {"access": "introspection"}
    assert found.scopes == SCOPES


@pytest.mark.parametrize("action", ["cancel_authorisation", "change_password", "suspend", "deactivate"])
def test_what_a_person_or_linkedin_does_shows_as_taken_back(sandbox: Sandbox, action: str) -> None:
    living = given(sandbox)
    sandbox.action("linkedin", "ada", action)

    found = CHANNEL.inspect(APP, living)

    assert (found.classification.verdict, found.classification.reason) == (
        Verdict.TOKEN_DEAD,
        Reason.AUTHORISATION_CANCELLED,
    )
    assert Sandbox.MARKER not in str(found.evidence)


def test_a_date_that_passed_is_told_from_that(sandbox: Sandbox) -> None:
    living = given(sandbox)
    sandbox.expire_now(channel="linkedin", user="ada")

    found = CHANNEL.inspect(APP, living)

    assert (found.classification.verdict, found.classification.reason) == (Verdict.TOKEN_DEAD, Reason.EXPIRED)


def test_a_log_out_ends_nothing(sandbox: Sandbox) -> None:
    living = given(sandbox)
    sandbox.log_out("linkedin", "ada")

    assert CHANNEL.inspect(APP, living).classification.verdict == Verdict.OK


def test_a_consent_to_other_scopes_ends_the_earlier_tokens(sandbox: Sandbox) -> None:
    earlier = given(sandbox)
    CHANNEL.exchange(APP, {"code": code(sandbox)})
    same = CHANNEL.inspect(APP, earlier).classification.verdict

    CHANNEL.exchange(APP, {"code": code(sandbox, scopes=("r_ads", "openid", "profile"))})

    assert same == Verdict.OK
    assert CHANNEL.inspect(APP, earlier).classification.verdict == Verdict.TOKEN_DEAD


@pytest.mark.parametrize("unknown_is_inactive", [False, True])
def test_a_string_that_is_no_token_is_in_doubt_only(sandbox: Sandbox, unknown_is_inactive: bool) -> None:
    switch(sandbox, unknown_is_inactive=unknown_is_inactive)

    found = CHANNEL.inspect(APP, NOBODYS)

    assert found.classification.verdict == Verdict.CONFIRM_FIRST


def test_a_token_of_another_app_is_in_doubt_only(sandbox: Sandbox) -> None:
    sandbox.put_app("linkedin", client_id="other", secret="s", redirect_uris=[])
    theirs = given(sandbox, client_id="other")
    body = {"active": True, "status": "active", "client_id": "other"}

    told = CHANNEL.inspect(APP, theirs)
    sandbox.add_fault("linkedin", path="introspect", status=200, body=body)
    said_alive = CHANNEL.inspect(APP, theirs)

    assert told.classification.verdict == said_alive.classification.verdict == Verdict.CONFIRM_FIRST


def test_a_suspended_app_is_a_fault_of_the_app(sandbox: Sandbox) -> None:
    living = given(sandbox)
    sandbox.put_app("linkedin", suspended=True)

    assert CHANNEL.inspect(APP, living).classification.verdict == Verdict.APP_FAULT
    assert refused(living).verdict == Verdict.APP_FAULT


@pytest.mark.parametrize(
    "fault",
    [
        {"drop": True},
        {"status": 503, "body": "<html>down</html>"},
        {"status": 200, "body": "<html>log in</html>"},
        {"status": 200, "body": {"active": "no"}},
        {"status": 200, "body": [1, 2]},
        {"status": 400, "body": "bad gateway"},
        {"status": 302, "headers": {"location": "https://elsewhere.example/"}},
        {"status": 429, "body": {"status": 429, "message": "DAY limit"}},
    ],
)
def test_trouble_at_linkedin_says_nothing_about_the_token(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    living = given(sandbox)
    sandbox.add_fault("linkedin", **fault)

    assert CHANNEL.inspect(APP, living).classification.verdict in {Verdict.TRANSIENT, Verdict.RATE_LIMITED}


def test_the_secret_and_the_token_travel_in_the_body_or_a_header_only(sandbox: Sandbox) -> None:
    sandbox.clear_calls()
    consent = CHANNEL.consent(APP, {"code": code(sandbox)})
    CHANNEL.inspect(APP, consent.grant.credentials)
    CHANNEL.renew(APP, consent.grant.credentials)

    calls = [call for call in sandbox.calls(channel="linkedin") if "authorization" not in call["path"]]

    assert {call["path"] for call in calls} == {
        "/oauth/v2/accessToken",
        "/v2/userinfo",
        "/oauth/v2/introspectToken",
    }
    assert all(call["query"] == {} for call in calls)


# ---- revoking, and what jobs send


@pytest.mark.parametrize(("switches", "taken"), [({}, True), ({"no_revoke": True}, False)])
def test_revoking_says_whether_linkedin_took_it(
    sandbox: Sandbox, switches: dict[str, Any], taken: bool
) -> None:
    switch(sandbox, **switches)
    living = given(sandbox)

    assert CHANNEL.revoke(APP, living) is taken
    assert (CHANNEL.inspect(APP, living).classification.verdict == Verdict.TOKEN_DEAD) is taken


def test_a_job_sends_the_token_and_both_version_headers() -> None:
    sent = CHANNEL.send(APP, Credentials("AQXtoken"), AccountFacts("1"))

    assert sent.headers == {
        "Authorization": "Bearer AQXtoken",
        "LinkedIn-Version": "202609",
        "X-Restli-Protocol-Version": "2.0.0",
    }
    assert sent.query == {}
