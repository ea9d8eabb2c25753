"""TikTok's tokens and ad accounts, asked one by one, against the stand-in TikTok."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from pytest_django.fixtures import Settings

from tests.support.sandbox import Sandbox
from tests.tokens.channels.tiktok_world import (
    ADA,
    APP,
    FERN,
    HARBOR,
    LUMEN,
    MARLO,
    OLD,
    REFUSED,
    code,
    said,
    token,
)
from tokens.channels.kinds import AccountFacts, AppKeys, ChannelError, Reason, Verdict
from tokens.channels.tiktok.channel import CHANNEL

pytestmark = pytest.mark.django_db

BROKEN: list[dict[str, Any]] = [
    {"drop": True},
    {"status": 503, "body": "<html>down</html>"},
    {"status": 401, "body": said(40105, "revoked")},
    {"status": 200, "body": "<html>log in</html>"},
    {"status": 200, "body": {"data": {}}},
    {"status": 200, "body": [1, 2]},
    {"status": 200, "body": said(0)},
    {"status": 200, "body": {"code": 0, "message": "OK", "data": None}},
    {"status": 302, "headers": {"location": "https://elsewhere.example/"}},
    {"status": 200, "body": said(50000, "System error")},
]


@pytest.fixture
def sandbox(channels_world: Sandbox) -> Sandbox:
    return channels_world


def test_a_code_becomes_a_grant_without_an_end(sandbox: Sandbox) -> None:
    consent = CHANNEL.consent(APP, {"code": code(sandbox)})

    dates = consent.grant.dates
    assert consent.identity == ADA
    assert (dates.access_expires_at, dates.refresh_expires_at, dates.sources) == (
        None,
        None,
        {"access": "never"},
    )
    assert consent.grant.scopes == ("4", "15", "7224195155857833986")
    assert consent.grant.credentials.refresh_token == ""


def test_dates_are_taken_as_said_where_tiktok_gives_any(sandbox: Sandbox) -> None:
    dates = {"expires_in": 86_400, "refresh_token_expires_in": 31_536_000}
    sandbox.put_app("tiktok", settings={"dates": dates})
    now = datetime.now(UTC)

    grant = CHANNEL.exchange(APP, {"code": code(sandbox)})
    final = CHANNEL.complete_grant(APP, grant)

    assert grant.dates.access_expires_at is not None
    assert grant.dates.refresh_expires_at is not None
    assert abs(grant.dates.access_expires_at - now - timedelta(days=1)) < timedelta(seconds=30)
    assert abs(grant.dates.refresh_expires_at - now - timedelta(days=365)) < timedelta(seconds=30)
    assert grant.dates.sources == {"access": "provider", "refresh": "provider"}
    assert final == grant

    renewed = CHANNEL.renew(APP, final.credentials)

    assert renewed is not None
    assert renewed.credentials.access_token != final.credentials.access_token
    assert renewed.dates.access_expires_at is not None
    assert CHANNEL.inspect(APP, renewed.credentials).classification.verdict == Verdict.OK


def test_nothing_is_renewed_that_came_without_a_date(sandbox: Sandbox) -> None:
    assert CHANNEL.renew(APP, token(sandbox)) is None
    assert sandbox.calls(channel="tiktok") == []


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (said(0, advertiser_ids=[]), Verdict.TRANSIENT),
        (said(0, access_token=""), Verdict.TRANSIENT),
        (said(0, access_token=7), Verdict.TRANSIENT),
        (said(0, access_token="x" * 9000), Verdict.TRANSIENT),
        ({"code": 0, "data": None}, Verdict.TRANSIENT),
        (said(40110), Verdict.OUR_BUG),
        (said(40101, "Invalid App ID or secret"), Verdict.APP_FAULT),
    ],
)
def test_an_exchange_without_a_token_is_an_error(sandbox: Sandbox, body: Any, verdict: Verdict) -> None:
    sandbox.add_fault("tiktok", path="oauth2/access_token", status=200, body=body)

    with pytest.raises(ChannelError) as caught:
        CHANNEL.exchange(APP, {"code": "c"})

    assert caught.value.classification.verdict == verdict


def test_the_evidence_of_a_strange_exchange_holds_only_names(sandbox: Sandbox) -> None:
    body = said(0, session_key="SBXTOKEN-under-a-name-of-its-own")
    sandbox.add_fault("tiktok", path="oauth2/access_token", status=200, body=body)

    with pytest.raises(ChannelError) as caught:
        CHANNEL.exchange(APP, {"code": "c"})

    assert Sandbox.MARKER not in str(caught.value.evidence)


def test_the_persons_token_and_code_are_in_no_address(sandbox: Sandbox) -> None:
    given_code = code(sandbox)

    consent = CHANNEL.consent(APP, {"code": given_code})
    CHANNEL.list_accounts(APP, consent.grant.credentials, consent.identity, None)
    CHANNEL.read_account(APP, consent.grant.credentials, LUMEN, scopes=None)
    CHANNEL.revoke(APP, consent.grant.credentials)

    calls = [call for call in sandbox.calls(channel="tiktok") if "portal" not in call["path"]]
    assert len(calls) >= 8
    assert not [call for call in calls if "[token]" in str(call["query"]) or "auth_code" in call["query"]]
    with_secret = {call["path"] for call in calls if "secret" in call["query"]}
    assert with_secret == {"/open_api/v1.3/oauth2/advertiser/get/"}  # TikTok documents no other way


def test_the_secret_in_the_one_address_reaches_no_log(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    CHANNEL.list_accounts(APP, token(sandbox), ADA, None)

    assert APP.secret not in caplog.text
    assert "advertiser/get" not in caplog.text


def test_a_living_token_is_inspected_with_its_owner_and_says_no_dates(sandbox: Sandbox) -> None:
    found = CHANNEL.inspect(APP, token(sandbox))

    assert (found.classification.verdict, found.native_user_id) == (Verdict.OK, ADA.native_user_id)
    assert (found.dates, found.scopes) == (None, None)
    assert len(sandbox.calls(channel="tiktok")) == 1


@pytest.mark.parametrize(
    ("action", "verdict", "reason"),
    [
        ("cancel_authorisation", Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
        ("suspend", Verdict.TOKEN_DEAD, Reason.SUSPENDED),
        ("deactivate", Verdict.TOKEN_DEAD, Reason.SUSPENDED),  # TikTok's code does not tell the two apart
        ("checkpoint", Verdict.CONFIRM_FIRST, Reason.UNKNOWN),
        ("change_password", Verdict.OK, None),
        ("log_out", Verdict.OK, None),
    ],
)
def test_what_a_person_does_is_found(
    sandbox: Sandbox, action: str, verdict: Verdict, reason: Reason | None
) -> None:
    living = token(sandbox)
    sandbox.action("tiktok", "ada", action)

    inspection = CHANNEL.inspect(APP, living)
    reading = CHANNEL.read_account(APP, living, LUMEN, scopes=None)

    assert (inspection.classification.verdict, inspection.classification.reason) == (verdict, reason)
    assert (reading.classification.verdict, reading.classification.reason) == (verdict, reason)
    assert living.access_token not in str(inspection.evidence)


def test_a_date_that_passed_and_a_string_that_is_no_token_are_dead(sandbox: Sandbox) -> None:
    over = token(sandbox)
    sandbox.expire_now(channel="tiktok", token=over.access_token)

    assert CHANNEL.inspect(APP, over).classification.reason == Reason.EXPIRED
    assert CHANNEL.inspect(APP, REFUSED).classification.verdict == Verdict.TOKEN_DEAD


@pytest.mark.parametrize(
    "change",
    [
        {"suspended": True},
        {"settings": {"developer": "rejected"}},
        {"settings": {"developer": "no_permission"}},
    ],
)
def test_a_refused_app_touches_no_token(sandbox: Sandbox, change: dict[str, Any]) -> None:
    living = token(sandbox)
    sandbox.put_app("tiktok", **change)

    assert CHANNEL.inspect(APP, living).classification.verdict == Verdict.APP_FAULT
    with pytest.raises(ChannelError) as caught:
        CHANNEL.list_accounts(APP, living, ADA, None)
    assert caught.value.classification.verdict == Verdict.APP_FAULT


def test_a_wrong_secret_is_the_apps_fault_and_not_the_tokens(sandbox: Sandbox) -> None:
    living = token(sandbox)
    sandbox.put_app("tiktok", secret="rotated")

    with pytest.raises(ChannelError) as caught:
        CHANNEL.list_accounts(APP, living, ADA, None)

    assert caught.value.classification.verdict == Verdict.APP_FAULT
    assert CHANNEL.inspect(APP, living).classification.verdict == Verdict.OK


def test_a_token_of_another_app_is_asked_again_and_does_not_die(sandbox: Sandbox) -> None:
    sandbox.put_app("tiktok", client_id="7290000000000000009", secret="other")
    foreign = token(sandbox, client_id="7290000000000000009")

    with pytest.raises(ChannelError) as caught:
        CHANNEL.list_accounts(APP, foreign, ADA, None)

    assert caught.value.classification.verdict == Verdict.CONFIRM_FIRST


@pytest.mark.parametrize("fault", BROKEN)
def test_trouble_at_the_channel_says_nothing_about_the_token(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    living = token(sandbox)
    sandbox.add_fault("tiktok", **fault)

    inspection = CHANNEL.inspect(APP, living)
    reading = CHANNEL.read_account(APP, living, LUMEN, scopes=None)

    assert inspection.classification.verdict == Verdict.TRANSIENT
    assert (reading.classification.verdict, reading.account) == (Verdict.TRANSIENT, None)


@pytest.mark.parametrize("fault", BROKEN)
def test_an_identity_is_never_made_of_a_strange_answer(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    sandbox.add_fault("tiktok", path="user/info", **fault)

    with pytest.raises(ChannelError) as caught:
        CHANNEL.identity(APP, REFUSED)

    assert caught.value.classification.verdict == Verdict.TRANSIENT


def test_a_burst_is_a_limit_with_a_time(sandbox: Sandbox) -> None:
    living = token(sandbox)
    sandbox.put_app("tiktok", settings={"burst": {"calls": 0, "message": "App reaches the QPS limit."}})

    classification = CHANNEL.inspect(APP, living).classification

    assert (classification.verdict, classification.retry_after) == (Verdict.RATE_LIMITED, 10)


def test_a_slow_channel_is_given_up_in_time(sandbox: Sandbox) -> None:
    living = token(sandbox)
    sandbox.add_fault("tiktok", delay=5.0)

    inspection = CHANNEL.inspect(APP, living, timeout=0.3)
    reading = CHANNEL.read_account(APP, living, LUMEN, scopes=None, timeout=0.3)

    assert (inspection.classification.verdict, reading.classification.verdict) == (
        Verdict.TRANSIENT,
        Verdict.TRANSIENT,
    )


def test_a_channel_that_is_gone_is_passing_trouble(sandbox: Sandbox, settings: Settings) -> None:
    settings.TIKTOK_API_URL = "http://127.0.0.1:1"

    with pytest.raises(ChannelError) as caught:
        CHANNEL.list_accounts(APP, REFUSED, ADA, None)

    assert caught.value.classification.verdict == Verdict.TRANSIENT
    assert CHANNEL.inspect(APP, REFUSED).classification.verdict == Verdict.TRANSIENT


@pytest.mark.parametrize(
    ("user", "native_id", "role", "can_publish"),
    [("ada", LUMEN, "Admin", "yes"), ("ben", LUMEN, "Operator", "yes"), ("chiara", LUMEN, "Analyst", "no")],
)
def test_the_business_center_names_the_role(
    sandbox: Sandbox, user: str, native_id: str, role: str, can_publish: str
) -> None:
    found = CHANNEL.read_account(APP, token(sandbox, user), native_id, scopes=None, timeout=5)

    assert found.classification.verdict == Verdict.OK
    assert found.account is not None
    assert (found.account.role, found.account.can_publish) == (role, can_publish)
    assert (found.account.currency, found.account.time_zone) == ("EUR", "Europe/Berlin")
    assert (found.account.native_status, found.account.restriction) == ("STATUS_ENABLE", "")


def test_where_no_business_center_names_a_role_publishing_is_left_open(sandbox: Sandbox) -> None:
    sandbox.put_account("tiktok", LUMEN, details={"bc_id": ""})

    found = CHANNEL.read_account(APP, token(sandbox), LUMEN, scopes=None)

    assert found.account is not None
    assert (found.account.role, found.account.can_publish) == ("", "unknown")


@pytest.mark.parametrize("switch", ["denied", "missing_scopes"])
def test_an_app_that_may_not_ask_business_centers_still_reads_accounts(sandbox: Sandbox, switch: str) -> None:
    living = token(sandbox)
    sandbox.put_app("tiktok", settings={switch: ["bc/get"]})

    found = CHANNEL.read_account(APP, living, LUMEN, scopes=None)

    assert found.classification.verdict == Verdict.OK
    assert found.account is not None
    assert found.account.can_publish == "unknown"


@pytest.mark.parametrize("path", ["bc/get", "bc/asset/get"])
@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ({"status": 503, "body": "busy"}, Verdict.TRANSIENT),
        ({"drop": True}, Verdict.TRANSIENT),
        ({"status": 200, "body": said(40100, "App reaches the QPS limit.")}, Verdict.RATE_LIMITED),
        ({"status": 200, "body": said(0, list="all")}, Verdict.TRANSIENT),
    ],
)
def test_a_role_that_cannot_be_had_now_takes_nobodys_role_away(
    sandbox: Sandbox, path: str, fault: dict[str, Any], verdict: Verdict
) -> None:
    living = token(sandbox, "chiara")
    sandbox.add_fault("tiktok", path=path, **fault)

    found = CHANNEL.read_account(APP, living, LUMEN, scopes=None)

    assert (found.classification.verdict, found.account) == (verdict, None)


def test_a_suspended_ad_account_is_restricted_with_tiktoks_words_and_the_token_lives(
    sandbox: Sandbox,
) -> None:
    living = token(sandbox)

    found = CHANNEL.read_account(APP, living, MARLO, scopes=None)

    assert (found.classification.verdict, found.classification.reason) == (
        Verdict.ACCOUNT_RESTRICTED,
        Reason.RESTRICTED,
    )
    assert found.account is not None
    assert str(found.account.restriction).startswith(
        "suspended, “Your account has been temporarily suspended (until"
    )
    assert "31 Dec 2031" in str(found.account.restriction)
    assert (found.account.can_publish, found.account.closed) == ("yes", False)
    assert CHANNEL.inspect(APP, living).classification.verdict == Verdict.OK


def test_a_closed_ad_account_is_closed(sandbox: Sandbox) -> None:
    found = CHANNEL.read_account(APP, token(sandbox), OLD, scopes=None)

    assert found.account is not None
    assert (found.account.closed, found.account.restriction) == (True, "closed")


def test_a_dropped_person_has_lost_the_account_only(sandbox: Sandbox) -> None:
    living = token(sandbox)
    sandbox.drop_role("tiktok", LUMEN, "ada")

    lost = CHANNEL.read_account(APP, living, LUMEN, scopes=None)
    kept = CHANNEL.read_account(APP, living, FERN, scopes=None)

    assert (lost.classification.verdict, lost.classification.reason) == (
        Verdict.ACCESS_LOST,
        Reason.ACCESS_LOST,
    )
    assert (kept.classification.verdict, CHANNEL.inspect(APP, living).classification.verdict) == (
        Verdict.OK,
        Verdict.OK,
    )


def test_an_account_that_was_not_ticked_is_lost_for_want_of_the_permission(sandbox: Sandbox) -> None:
    living = token(sandbox, accounts=[FERN])

    found = CHANNEL.read_account(APP, living, LUMEN, scopes=None)

    assert (found.classification.verdict, found.classification.reason) == (
        Verdict.ACCESS_LOST,
        Reason.SCOPE_MISSING,
    )


@pytest.mark.parametrize(
    "rows", [[], [{"advertiser_id": HARBOR, "status": "STATUS_ENABLE"}], [7], [{"advertiser_id": ["x"]}]]
)
def test_an_answer_about_another_account_is_none(sandbox: Sandbox, rows: list[Any]) -> None:
    living = token(sandbox)
    sandbox.add_fault("tiktok", path="advertiser/info", status=200, body=said(0, list=rows))

    found = CHANNEL.read_account(APP, living, LUMEN, scopes=None)

    assert (found.classification.verdict, found.account) == (Verdict.TRANSIENT, None)
    assert found.classification.unknown


def test_revoking_ends_the_token_and_one_that_has_ended_counts_too(sandbox: Sandbox) -> None:
    living = token(sandbox)

    assert CHANNEL.revoke(APP, living)
    assert CHANNEL.revoke(APP, living)

    assert CHANNEL.inspect(APP, living).classification.verdict == Verdict.TOKEN_DEAD


def test_a_revocation_that_failed_is_told(sandbox: Sandbox) -> None:
    living = token(sandbox)
    wrong = AppKeys(APP.client_id, ("wrong",), APP.redirect_uri, ())

    with pytest.raises(ChannelError):
        CHANNEL.revoke(wrong, living)

    assert CHANNEL.inspect(APP, living).classification.verdict == Verdict.OK


def test_what_a_job_is_told_to_send_works_at_the_channel(sandbox: Sandbox) -> None:
    send = CHANNEL.send(APP, token(sandbox), AccountFacts("1"))

    response = httpx2.get(
        f"{sandbox.tiktok}/open_api/v1.3/campaign/get/",
        headers=send.headers,
        params={"advertiser_id": LUMEN, **send.query},
        trust_env=False,
    )

    assert response.json()["code"] == 0
    assert Sandbox.MARKER not in repr(send)
