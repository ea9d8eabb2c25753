"""Pinterest's grants against the stand-in Pinterest: exchange, renewal, what ends them and what does not."""

import base64
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from tests.support.sandbox import Sandbox
from tests.tokens.channels import pinterest_world as world
from tests.tokens.channels.pinterest_world import ADA, SCOPES, close, code, token
from tokens.channels.kinds import AppKeys, ChannelError, Credentials, Grant, Reason, Verdict
from tokens.channels.pinterest import calls
from tokens.channels.pinterest.channel import CHANNEL

pytestmark = pytest.mark.django_db

DAY = 86_400


@pytest.fixture
def app(sandbox: Sandbox, settings: Settings) -> AppKeys:
    return world.set_up(sandbox, settings)


def renewed(app: AppKeys, credentials: Credentials, **more: Any) -> Grant:
    grant = CHANNEL.renew(app, credentials, **more)
    assert grant is not None
    return grant


def refusal(app: AppKeys, credentials: Credentials) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        CHANNEL.renew(app, credentials)
    return caught.value


# ---- the exchange


def test_a_code_becomes_a_grant_with_two_dates_and_their_source(sandbox: Sandbox, app: AppKeys) -> None:
    now = datetime.now(UTC)

    consent = CHANNEL.consent(app, {"code": code(sandbox, app)})

    dates = consent.grant.dates
    assert consent.identity == ADA
    assert close(dates.access_expires_at, now + timedelta(days=30))
    assert close(dates.refresh_expires_at, now + timedelta(days=60))
    assert close(dates.issued_at, now)
    assert dates.sources == {"access": "provider", "refresh": "provider"}
    assert consent.grant.scopes == SCOPES


def test_secrets_codes_and_tokens_are_in_no_address(sandbox: Sandbox, app: AppKeys) -> None:
    given = code(sandbox, app)
    sandbox.clear_calls()

    consent = CHANNEL.consent(app, {"code": given})
    grant = renewed(app, consent.grant.credentials)
    CHANNEL.list_accounts(app, grant.credentials, ADA, None)
    CHANNEL.revoke(app, grant.credentials)

    made = sandbox.calls(channel="pinterest")
    ends = [call for call in made if "oauth/token" in call["path"]]
    assert {call["method"] for call in ends} == {"POST"}
    assert {call["authorization"] for call in ends} == {"Basic"}
    assert {name for call in made for name in call["query"]} == {"page_size", "include_shared_accounts"}
    assert ends[0]["form"] == {
        "grant_type": "authorization_code",
        "code": "[redacted]",
        "redirect_uri": app.redirect_uri,
        "continuous_refresh": "true",
    }


def test_the_app_authenticates_by_id_and_secret_in_basic(app: AppKeys) -> None:
    scheme, _, pair = calls.basic(app).partition(" ")

    assert (scheme, base64.b64decode(pair).decode()) == ("Basic", f"{app.client_id}:{app.secret}")


def test_an_old_app_gets_refresh_tokens_of_60_days_because_we_ask(sandbox: Sandbox, app: AppKeys) -> None:
    world.switches(sandbox, old_app=True)

    grant = CHANNEL.exchange(app, {"code": code(sandbox, app)})

    assert close(grant.dates.refresh_expires_at, datetime.now(UTC) + timedelta(days=60))


def test_numbers_that_come_as_text_are_dates_too(sandbox: Sandbox, app: AppKeys) -> None:
    world.switches(sandbox, numbers_as_text=True)

    grant = CHANNEL.exchange(app, {"code": code(sandbox, app)})

    assert close(grant.dates.access_expires_at, datetime.now(UTC) + timedelta(days=30))
    assert close(grant.dates.refresh_expires_at, datetime.now(UTC) + timedelta(days=60))


def test_scopes_may_be_parted_by_spaces(sandbox: Sandbox, app: AppKeys) -> None:
    world.switches(sandbox, scope_separator=" ")

    grant = CHANNEL.exchange(app, {"code": code(sandbox, app)})

    assert grant.scopes == SCOPES


def test_the_moment_counts_where_the_seconds_of_a_refresh_token_are_missing(
    sandbox: Sandbox, app: AppKeys
) -> None:
    sandbox.next_token(channel="pinterest", kind="code", omit=["refresh_token_expires_in"])

    grant = CHANNEL.exchange(app, {"code": code(sandbox, app)})

    assert close(grant.dates.refresh_expires_at, datetime.now(UTC) + timedelta(days=60))


def test_what_an_answer_leaves_out_is_unknown_and_never_over(sandbox: Sandbox, app: AppKeys) -> None:
    left_out = [
        "expires_in",
        "refresh_token",
        "refresh_token_expires_in",
        "refresh_token_expires_at",
        "scope",
    ]
    sandbox.next_token(channel="pinterest", kind="code", omit=left_out)

    grant = CHANNEL.exchange(app, {"code": code(sandbox, app)})

    assert (grant.dates.access_expires_at, grant.dates.refresh_expires_at) == (None, None)
    assert grant.dates.sources == {}
    assert (grant.credentials.refresh_token, grant.scopes) == ("", None)


@pytest.mark.parametrize("put", [{"access_token": ""}, {"access_token": None}, {"access_token": 7}])
def test_a_blank_token_is_no_token(sandbox: Sandbox, app: AppKeys, put: dict[str, Any]) -> None:
    sandbox.next_token(channel="pinterest", kind="code", put=put)

    with pytest.raises(ChannelError) as caught:
        CHANNEL.exchange(app, {"code": code(sandbox, app)})

    assert (caught.value.classification.verdict, bool(caught.value.classification.unknown)) == (
        Verdict.TRANSIENT,
        True,
    )


@pytest.mark.parametrize("bad_code", [283, 2])
def test_a_used_code_says_start_again_and_leaves_the_app_alone(
    sandbox: Sandbox, app: AppKeys, bad_code: int
) -> None:
    world.switches(sandbox, bad_code=bad_code)
    given = {"code": code(sandbox, app)}
    CHANNEL.exchange(app, given)

    with pytest.raises(ChannelError) as caught:
        CHANNEL.exchange(app, given)

    assert (caught.value.classification.verdict, caught.value.classification.row) == (
        Verdict.OUR_BUG,
        "state",
    )
    assert given["code"] not in f"{caught.value} {caught.value.evidence}"


@pytest.mark.parametrize("bad_code", [283, 2])
def test_a_redirect_address_without_its_slash_gives_nothing(
    sandbox: Sandbox, app: AppKeys, bad_code: int
) -> None:
    world.switches(sandbox, bad_code=bad_code)
    given = code(sandbox, app)
    slipped = AppKeys(app.client_id, app.secrets, app.redirect_uri.rstrip("/"), ())

    with pytest.raises(ChannelError) as caught:
        CHANNEL.exchange(slipped, {"code": given})

    assert caught.value.classification.row == "state"


def test_a_wrong_secret_is_the_apps_fault_at_the_exchange_and_at_the_renewal(
    sandbox: Sandbox, app: AppKeys
) -> None:
    living = token(sandbox)

    with pytest.raises(ChannelError) as caught:
        CHANNEL.exchange(world.wrong(app), {"code": code(sandbox, app)})

    assert caught.value.classification.verdict == Verdict.APP_FAULT
    assert refusal(world.wrong(app), living).classification.verdict == Verdict.APP_FAULT
    assert renewed(app, living).credentials.access_token


def test_a_deactivated_app_is_the_apps_fault_and_no_token_dies(sandbox: Sandbox, app: AppKeys) -> None:
    living = token(sandbox)
    sandbox.put_app("pinterest", suspended=True)

    at_renewal, inspection = refusal(app, living).classification, CHANNEL.inspect(app, living).classification
    sandbox.put_app("pinterest", suspended=False)

    assert at_renewal.verdict == Verdict.APP_FAULT
    assert inspection.verdict == Verdict.CONFIRM_FIRST
    assert CHANNEL.inspect(app, living).classification.verdict == Verdict.OK


# ---- renewal


def test_a_renewal_gives_both_tokens_anew_and_moves_both_dates(sandbox: Sandbox, app: AppKeys) -> None:
    soon = int(time.time()) + 3 * DAY
    old = token(sandbox, expires_at=soon, refresh_expires_at=soon)

    grant = renewed(app, old)

    assert grant.credentials.access_token != old.access_token
    assert grant.credentials.refresh_token not in ("", old.refresh_token)
    assert close(grant.dates.access_expires_at, datetime.now(UTC) + timedelta(days=30))
    assert close(grant.dates.refresh_expires_at, datetime.now(UTC) + timedelta(days=60))
    assert CHANNEL.inspect(app, grant.credentials).classification.verdict == Verdict.OK


def test_a_token_whose_access_is_over_is_healed_by_its_refresh_token(sandbox: Sandbox, app: AppKeys) -> None:
    old = token(sandbox, expires_at=int(time.time()) - DAY)

    before = CHANNEL.inspect(app, old).classification.verdict
    grant = renewed(app, old)

    assert before == Verdict.CONFIRM_FIRST
    assert CHANNEL.inspect(app, grant.credentials).classification.verdict == Verdict.OK


def test_renewed_again_and_again_an_authorisation_never_ends(sandbox: Sandbox, app: AppKeys) -> None:
    credentials = token(sandbox)

    for days in (50, 100, 150):
        sandbox.set_clock(offset=days * DAY)
        credentials = renewed(app, credentials).credentials
    sandbox.set_clock(offset=211 * DAY)  # 61 days without a renewal

    assert refusal(app, credentials).classification.verdict == Verdict.TOKEN_DEAD


def test_a_refresh_token_that_was_used_already_is_refused(sandbox: Sandbox, app: AppKeys) -> None:
    old = token(sandbox)
    grant = renewed(app, old)

    classification = refusal(app, old).classification

    assert (classification.verdict, classification.reason) == (
        Verdict.TOKEN_DEAD,
        Reason.AUTHORISATION_CANCELLED,
    )
    assert CHANNEL.inspect(app, old).classification.verdict == Verdict.CONFIRM_FIRST
    assert CHANNEL.inspect(app, grant.credentials).classification.verdict == Verdict.OK


def test_within_its_grace_an_old_refresh_token_gives_the_present_tokens(
    sandbox: Sandbox, app: AppKeys
) -> None:
    world.switches(sandbox, grace=600)
    old = token(sandbox)
    first = renewed(app, old)

    again = renewed(app, old)

    assert again.credentials.as_dict() == first.credentials.as_dict()


def test_two_renewals_in_a_second_may_give_the_same_access_token(sandbox: Sandbox, app: AppKeys) -> None:
    world.switches(sandbox, same_within=60)
    old = token(sandbox)

    grant = renewed(app, old)

    assert grant.credentials.access_token == old.access_token
    assert grant.credentials.refresh_token != old.refresh_token
    assert CHANNEL.inspect(app, grant.credentials).classification.verdict == Verdict.OK


def test_without_rotation_the_same_refresh_token_goes_on(sandbox: Sandbox, app: AppKeys) -> None:
    world.switches(sandbox, rotate=False)
    old = token(sandbox)

    first, second = renewed(app, old), renewed(app, old)

    assert (
        first.credentials.refresh_token == second.credentials.refresh_token == old.refresh_token
    )  # given back by name
    assert close(second.dates.refresh_expires_at, datetime.now(UTC) + timedelta(days=60))


def test_a_refresh_token_of_365_days_keeps_its_token_and_its_date(sandbox: Sandbox, app: AppKeys) -> None:
    world.switches(sandbox, legacy=True)
    given = CHANNEL.exchange(app, {"code": code(sandbox, app)})

    grant = renewed(app, given.credentials)

    assert close(given.dates.refresh_expires_at, datetime.now(UTC) + timedelta(days=365))
    assert (grant.credentials.refresh_token, grant.dates.refresh_expires_at) == ("", None)  # left out: kept
    assert "refresh" not in grant.dates.sources
    sandbox.set_clock(offset=364 * DAY)
    assert renewed(app, given.credentials).credentials.access_token
    sandbox.set_clock(offset=366 * DAY)
    assert refusal(app, given.credentials).classification.verdict == Verdict.TOKEN_DEAD


def test_without_a_refresh_token_nothing_is_renewed(app: AppKeys) -> None:
    assert CHANNEL.renew(app, Credentials("pina_x")) is None


@pytest.mark.parametrize(
    "action", ["cancel_authorisation", "change_password", "log_out", "deactivate", "suspend"]
)
def test_what_ends_an_authorisation_looks_the_same_whatever_it_was(
    sandbox: Sandbox, app: AppKeys, action: str
) -> None:
    living = token(sandbox)
    getattr(sandbox, action)("pinterest", "ada")

    inspection, error = CHANNEL.inspect(app, living), refusal(app, living)

    assert inspection.classification.verdict == Verdict.CONFIRM_FIRST
    assert (error.classification.verdict, error.classification.reason) == (
        Verdict.TOKEN_DEAD,
        Reason.AUTHORISATION_CANCELLED,
    )
    assert living.refresh_token not in str(error.evidence)
    assert living.access_token not in str(inspection.evidence)


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ({"drop": True}, Verdict.TRANSIENT),
        ({"status": 503, "body": "<html>down</html>"}, Verdict.TRANSIENT),
        ({"status": 200, "body": "<html>log in</html>"}, Verdict.TRANSIENT),
        ({"status": 200, "body": {"items": []}}, Verdict.TRANSIENT),
        ({"status": 200, "body": [1, 2]}, Verdict.TRANSIENT),
        ({"status": 200, "body": {"code": 283, "message": "The authorization grant is invalid"}}, Verdict.TRANSIENT),
        ({"status": 302, "headers": {"location": "https://elsewhere.example/"}}, Verdict.TRANSIENT),
        ({"status": 429, "body": {"code": 8, "message": "x"}, "headers": {"x-ratelimit-reset": "9"}}, Verdict.RATE_LIMITED),
        ({"status": 402, "body": {"code": 283, "message": "x"}}, Verdict.APP_FAULT),
        ({"status": 401, "body": "<html>"}, Verdict.CONFIRM_FIRST),
    ],
)  # fmt: skip
def test_trouble_while_renewing_says_nothing_about_the_token(
    sandbox: Sandbox, app: AppKeys, fault: dict[str, object], verdict: Verdict
) -> None:
    living = token(sandbox)
    sandbox.add_fault("pinterest", path="oauth/token", count=1, **fault)

    error = refusal(app, living)

    assert error.classification.verdict == verdict
    assert renewed(app, living).credentials.access_token


def test_code_2_of_a_refresh_token_is_doubtful_where_the_apps_keys_are_fine(
    sandbox: Sandbox, app: AppKeys
) -> None:
    living = token(sandbox)
    body = {"code": 2, "message": "Authentication failed."}
    sandbox.add_fault("pinterest", path="oauth/token", user="ada", status=401, body=body)
    sandbox.clear_calls()

    classification = refusal(app, living).classification

    assert classification.verdict == Verdict.CONFIRM_FIRST
    assert [call["status"] for call in sandbox.calls(path="oauth/token")] == [401, 401]


def test_code_2_says_nothing_where_the_question_about_the_keys_is_not_answered(
    sandbox: Sandbox, app: AppKeys
) -> None:
    living = token(sandbox)
    body = {"code": 2, "message": "Authentication failed."}
    sandbox.add_fault("pinterest", path="oauth/token", status=401, body=body, count=1)
    sandbox.add_fault("pinterest", path="oauth/token", status=503, body="busy", count=1)

    assert refusal(app, living).classification.verdict == Verdict.TRANSIENT


def test_a_renewal_that_is_slow_is_given_up_in_time(sandbox: Sandbox, app: AppKeys) -> None:
    living = token(sandbox)
    sandbox.add_fault("pinterest", path="oauth/token", delay=5.0, count=1)

    with pytest.raises(ChannelError) as caught:
        CHANNEL.renew(app, living, timeout=0.3)

    assert caught.value.classification.verdict == Verdict.TRANSIENT


# ---- the end of it


def test_people_cannot_be_revoked_and_system_users_can(sandbox: Sandbox, app: AppKeys) -> None:
    world.switches(sandbox, system_users=["ben"])
    ada, ben = token(sandbox), token(sandbox, "ben")

    revoked = CHANNEL.revoke(app, ada), CHANNEL.revoke(app, ben)

    assert revoked == (False, True)
    assert CHANNEL.inspect(app, ada).classification.verdict == Verdict.OK
    assert CHANNEL.inspect(app, ben).classification.verdict == Verdict.CONFIRM_FIRST


def test_a_revocation_that_is_not_answered_is_an_error(sandbox: Sandbox, app: AppKeys) -> None:
    sandbox.add_fault("pinterest", path="oauth/token/revoke", status=503, body="busy")

    with pytest.raises(ChannelError) as caught:
        CHANNEL.revoke(app, token(sandbox))

    assert caught.value.classification.verdict == Verdict.TRANSIENT
