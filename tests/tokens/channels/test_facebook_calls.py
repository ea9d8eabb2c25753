"""Facebook's tokens and ad accounts, asked one by one, against the stand-in Facebook."""

import time
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from pytest_django.fixtures import Settings

from tests.support.sandbox import Sandbox
from tests.tokens.channels.facebook_world import ADA, FERN, LUMEN, REFUSED, SCOPES, close, token
from tokens.channels.facebook import reading
from tokens.channels.facebook.channel import CHANNEL
from tokens.channels.kinds import (
    AccountFacts,
    AppKeys,
    ChannelError,
    Credentials,
    Dates,
    Grant,
    Reason,
    Verdict,
)
from tokens.channels.parse import LONGEST_LIFE
from tokens.channels.sessions import dates_of

pytestmark = pytest.mark.django_db


def test_a_living_token_is_inspected_with_dates_scopes_and_owner(
    sandbox: Sandbox, facebook_app: AppKeys
) -> None:
    living = token(sandbox)

    found = CHANNEL.inspect(facebook_app, living)

    assert (found.classification.verdict, found.native_user_id) == (Verdict.OK, ADA.native_user_id)
    assert found.dates is not None
    assert found.dates.sources == {"access": "introspection", "data_access": "introspection"}
    assert "ads_management" in (found.scopes or ())


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("change_password", Reason.PASSWORD_CHANGED),
        ("cancel_authorisation", Reason.AUTHORISATION_CANCELLED),
        ("log_out", Reason.SESSION_INVALID),
        ("checkpoint", Reason.SECURITY_CHECKPOINT),
        ("suspend", Reason.SECURITY_CHECKPOINT),  # Facebook's 464 does not tell the two apart
    ],
)
def test_what_a_person_does_ends_the_token_with_its_reason(
    sandbox: Sandbox, facebook_app: AppKeys, action: str, reason: Reason
) -> None:
    living = token(sandbox)
    getattr(sandbox, action)("facebook", "ada")

    inspection = CHANNEL.inspect(facebook_app, living)
    reading = CHANNEL.read_account(facebook_app, living, LUMEN, scopes=SCOPES)

    assert (inspection.classification.verdict, inspection.classification.reason) == (
        Verdict.TOKEN_DEAD,
        reason,
    )
    assert (reading.classification.verdict, reading.classification.reason) == (Verdict.TOKEN_DEAD, reason)
    assert living.access_token not in str(inspection.evidence)


def test_a_date_that_passed_is_expired(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    living = token(sandbox)
    sandbox.expire_now(token=living.access_token)

    inspection = CHANNEL.inspect(facebook_app, living)

    assert (inspection.classification.verdict, inspection.classification.reason) == (
        Verdict.TOKEN_DEAD,
        Reason.EXPIRED,
    )


def test_data_access_that_is_over_kills_only_when_a_call_confirms_it(
    sandbox: Sandbox, facebook_app: AppKeys
) -> None:
    over = token(sandbox, data_access_expires_at=int(time.time()) - 60)

    confirmed = CHANNEL.inspect(facebook_app, over)
    sandbox.add_fault("facebook", path="adaccounts", status=200, body={"data": []}, count=1)
    still_works = CHANNEL.inspect(facebook_app, over)

    assert (confirmed.classification.verdict, confirmed.classification.reason) == (
        Verdict.TOKEN_DEAD,
        Reason.DATA_ACCESS_EXPIRED,
    )
    assert still_works.classification.verdict == Verdict.OK


def test_a_string_that_is_no_token_is_dead(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    inspection = CHANNEL.inspect(facebook_app, REFUSED)

    assert (inspection.classification.verdict, inspection.classification.reason) == (
        Verdict.TOKEN_DEAD,
        Reason.UNKNOWN,
    )


def test_a_suspended_app_is_a_fault_of_the_app(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    living = token(sandbox)
    sandbox.put_app("facebook", suspended=True)

    inspection = CHANNEL.inspect(facebook_app, living)

    assert inspection.classification.verdict == Verdict.APP_FAULT


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ({"drop": True}, Verdict.TRANSIENT),
        ({"status": 503, "body": "<html>down</html>"}, Verdict.TRANSIENT),
        ({"status": 200, "body": "<html>log in</html>"}, Verdict.TRANSIENT),
        ({"status": 200, "body": {"data": []}}, Verdict.TRANSIENT),
        ({"status": 200, "body": [1, 2]}, Verdict.TRANSIENT),
        ({"status": 400, "body": "bad gateway"}, Verdict.TRANSIENT),
        ({"status": 302, "headers": {"location": "https://elsewhere.example/"}}, Verdict.TRANSIENT),
        ({"status": 200, "body": {"error": {"code": 2, "message": "x"}}}, Verdict.TRANSIENT),
        ({"status": 400, "body": {"error": {"code": 17, "message": "x"}}}, Verdict.RATE_LIMITED),
    ],
)
def test_trouble_at_the_channel_says_nothing_about_the_token(
    sandbox: Sandbox, facebook_app: AppKeys, fault: dict[str, object], verdict: Verdict
) -> None:
    living = token(sandbox)
    sandbox.add_fault("facebook", **fault)

    inspection = CHANNEL.inspect(facebook_app, living)
    reading = CHANNEL.read_account(facebook_app, living, LUMEN, scopes=SCOPES)

    assert inspection.classification.verdict == verdict
    assert reading.classification.verdict not in {Verdict.TOKEN_DEAD, Verdict.ACCESS_LOST, Verdict.OK}


def test_a_channel_that_is_gone_is_passing_trouble(
    sandbox: Sandbox, facebook_app: AppKeys, settings: Settings
) -> None:
    settings.FACEBOOK_GRAPH_URL = "http://127.0.0.1:1"

    with pytest.raises(ChannelError) as caught:
        CHANNEL.list_accounts(facebook_app, REFUSED, ADA, None)

    assert caught.value.classification.verdict == Verdict.TRANSIENT


def test_a_dropped_role_is_about_the_account_only(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    living = token(sandbox)
    sandbox.drop_role("facebook", LUMEN, "ada")

    reading = CHANNEL.read_account(facebook_app, living, LUMEN, scopes=SCOPES)
    inspection = CHANNEL.inspect(facebook_app, living)

    assert (reading.classification.verdict, reading.classification.reason) == (
        Verdict.ACCESS_LOST,
        Reason.ACCESS_LOST,
    )
    assert inspection.classification.verdict == Verdict.OK


def test_an_account_that_was_unticked_is_lost_for_want_of_the_permission(
    sandbox: Sandbox, facebook_app: AppKeys
) -> None:
    living = token(sandbox)
    sandbox.set_consent("ada", accounts=[FERN])

    reading = CHANNEL.read_account(facebook_app, living, LUMEN, scopes=SCOPES)

    assert (reading.classification.verdict, reading.classification.reason) == (
        Verdict.ACCESS_LOST,
        Reason.SCOPE_MISSING,
    )


def test_reading_an_account_tells_its_restriction_and_the_role_now(
    sandbox: Sandbox, facebook_app: AppKeys
) -> None:
    living = token(sandbox)
    sandbox.give_role("facebook", LUMEN, "ada", "reader")
    sandbox.set_account_status("facebook", LUMEN, account_status=3)

    reading = CHANNEL.read_account(facebook_app, living, LUMEN, scopes=SCOPES, timeout=3)

    assert reading.account is not None
    assert (reading.account.restriction, reading.account.can_publish) == ("unpaid bill", "no")


def test_renewing_moves_the_date_or_gives_the_old_one_back(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    end = int(time.time()) + 10 * 86_400
    old = token(sandbox, expires_at=end)
    sandbox.next_token(kind="exchange", same_token=True)

    same = CHANNEL.renew(facebook_app, old)
    moved = CHANNEL.renew(facebook_app, old)

    assert same.credentials == old
    assert close(same.dates.access_expires_at, datetime.fromtimestamp(end, UTC))
    assert moved.credentials != old
    assert close(moved.dates.access_expires_at, datetime.now(UTC) + timedelta(days=60))


def test_renewing_asks_about_the_token_once_and_keeps_what_is_of_the_consent(
    sandbox: Sandbox, facebook_app: AppKeys
) -> None:
    """The exchange says when the new token ends; data access and permissions are those of before."""
    over = int(time.time()) + 40 * 86_400
    old = token(sandbox, expires_at=int(time.time()) + 10 * 86_400, data_access_expires_at=over)
    sandbox.clear_calls()

    renewed = CHANNEL.renew(facebook_app, old)

    asked = [call["path"].rsplit("/", 1)[-1] for call in sandbox.calls(channel="facebook")]
    assert asked == ["debug_token", "access_token"]
    assert close(renewed.dates.access_expires_at, datetime.now(UTC) + timedelta(days=60))
    assert close(renewed.dates.data_access_expires_at, datetime.fromtimestamp(over, UTC))
    assert close(renewed.dates.issued_at, datetime.now(UTC))
    assert renewed.dates.sources == {"access": "provider", "data_access": "introspection"}
    inspected = CHANNEL.inspect(facebook_app, renewed.credentials)
    assert (renewed.scopes, renewed.dates.data_access_expires_at) == (
        inspected.scopes,
        inspected.dates and inspected.dates.data_access_expires_at,
    )


def test_an_exchange_that_names_no_date_is_asked_about(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    old = token(sandbox, expires_at=int(time.time()) + 10 * 86_400)
    sandbox.next_token(kind="exchange", omit_expires_in=True)
    sandbox.clear_calls()

    renewed = CHANNEL.renew(facebook_app, old)

    asked = [call["path"].rsplit("/", 1)[-1] for call in sandbox.calls(channel="facebook")]
    assert asked == ["debug_token", "access_token", "debug_token"]
    assert close(renewed.dates.access_expires_at, datetime.now(UTC) + timedelta(days=60))
    assert renewed.dates.sources["access"] == "introspection"


def test_a_question_before_the_exchange_that_fails_is_asked_after_it(
    sandbox: Sandbox, facebook_app: AppKeys
) -> None:
    old = token(sandbox, expires_at=int(time.time()) + 10 * 86_400)
    sandbox.add_fault("facebook", path="debug_token", status=500, body={}, count=1)

    renewed = CHANNEL.renew(facebook_app, old)

    assert renewed.scopes is not None
    assert renewed.dates.sources["data_access"] == "introspection"


def test_renewing_a_dead_token_raises_its_reason(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    living = token(sandbox)
    sandbox.change_password("facebook", "ada")

    with pytest.raises(ChannelError) as caught:
        CHANNEL.renew(facebook_app, living)

    assert caught.value.classification.reason == Reason.PASSWORD_CHANGED


def test_an_answer_about_another_ad_account_says_nothing_of_this_one(
    sandbox: Sandbox, facebook_app: AppKeys
) -> None:
    living = token(sandbox)
    other = {"account_id": "999", "id": "act_999", "name": "Other", "account_status": 2, "user_tasks": []}
    sandbox.add_fault("facebook", path=f"act_{LUMEN}", status=200, body=other, count=1)

    reading = CHANNEL.read_account(facebook_app, living, LUMEN, scopes=SCOPES)

    assert (reading.classification.verdict, reading.account) == (Verdict.TRANSIENT, None)


def test_revoking_ends_the_token(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    living = token(sandbox)

    assert CHANNEL.revoke(facebook_app, living)

    assert CHANNEL.inspect(facebook_app, living).classification.reason == Reason.AUTHORISATION_CANCELLED


def test_what_a_job_is_told_to_send_works_at_the_channel(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    send = CHANNEL.send(facebook_app, token(sandbox), AccountFacts("1"))

    response = httpx2.get(
        f"{sandbox.facebook}/v26.0/act_{LUMEN}/insights",
        headers=send.headers,
        params=send.query,
        trust_env=False,
    )

    assert response.status_code == 200
    assert "Bearer" not in repr(send)


def test_a_grant_of_an_hour_is_not_kept_when_the_long_exchange_fails(
    sandbox: Sandbox, facebook_app: AppKeys
) -> None:
    short = Grant(Credentials(token(sandbox).access_token), Dates())
    sandbox.add_fault("facebook", path="access_token", drop=True, count=1)

    with pytest.raises(ChannelError):
        CHANNEL.complete_grant(facebook_app, short)


@pytest.mark.parametrize(("given", "stored"), [("act_123", "123"), ("123", "123"), (" act_9 ", "9")])
def test_an_account_has_one_spelling(given: str, stored: str) -> None:
    assert CHANNEL.canonical_id(given) == stored


@pytest.mark.parametrize("given", ["", "act_", "abc", "act_1/insights", "１２", "1" * 31])
def test_nonsense_is_no_account_id(given: str) -> None:
    with pytest.raises(ValueError, match="number"):
        CHANNEL.canonical_id(given)


@pytest.mark.parametrize(
    ("seconds", "date"), [(10**30, True), (-(10**30), False), ("9" * 15, True), (None, False)]
)
def test_a_strange_life_is_cut_or_unknown_and_never_an_error(seconds: object, date: bool) -> None:
    now = datetime(2026, 11, 25, tzinfo=UTC)

    dates = dates_of({"expires_in": seconds}, now)

    assert (dates.access_expires_at == now + LONGEST_LIFE) is date
    assert (dates.access_expires_at is None) is not date


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
