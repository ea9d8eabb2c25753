"""Facebook's package against the stand-in Facebook."""

import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from pytest_django.fixtures import Settings

from tests.support.sandbox import Sandbox
from tokens.channels.base import AppKeys, ChannelError, Credentials, Dates, Grant, Identity, Reason, Verdict
from tokens.channels.facebook import CHANNEL

pytestmark = pytest.mark.django_db

ADA = Identity("10215241773831025", "Ada Okafor")
BEN = Identity("10228604863005643", "Ben Lindqvist")
LUMEN, FERN, HARBOR, MARLO, OLD = (
    "203847561029384", "318204957716203", "427719305582046", "590126384471935", "164093827750418",
)  # fmt: skip
SCOPES = ("ads_management", "ads_read", "business_management")
REFUSED = Credentials("EAABnothing-of-ours")


def code(sandbox: Sandbox, app: AppKeys, **form: object) -> str:
    """Fill in the consent form, as a browser does."""
    asked = {
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uri,
        "state": "s",
        "scope": ",".join(SCOPES),
    }
    given = {"user": "ada", "action": "continue", "scopes": list(SCOPES), "accounts": [LUMEN, FERN], **form}
    response = httpx2.post(f"{sandbox.facebook}/v25.0/dialog/oauth", data={**asked, **given}, trust_env=False)
    assert response.status_code == 302, response.text
    return parse_qs(urlsplit(response.headers["location"]).query)["code"][0]


def token(sandbox: Sandbox, user: str = "ada", **fields: object) -> Credentials:
    return Credentials(sandbox.issue_token("facebook", user, **fields)["access_token"])


def close(moment: datetime | None, expected: datetime) -> bool:
    return moment is not None and abs(moment - expected) < timedelta(seconds=30)


def test_a_code_becomes_a_long_lived_grant_with_dates_and_their_sources(
    sandbox: Sandbox, facebook_app: AppKeys
) -> None:
    sandbox.clear_calls()
    now = datetime.now(UTC)

    consent = CHANNEL.consent(facebook_app, {"code": code(sandbox, facebook_app)})

    dates = consent.grant.dates
    assert consent.identity == ADA
    assert close(dates.access_expires_at, now + timedelta(days=60))
    assert close(dates.data_access_expires_at, now + timedelta(days=90))
    assert close(dates.issued_at, now)
    assert dates.sources == {"access": "provider", "data_access": "introspection"}
    assert set(consent.grant.scopes or ()) == {*SCOPES, "public_profile"}


def test_secrets_code_and_the_persons_token_are_in_no_address(
    sandbox: Sandbox, facebook_app: AppKeys
) -> None:
    sandbox.clear_calls()
    given = code(sandbox, facebook_app)

    consent = CHANNEL.consent(facebook_app, {"code": given})
    CHANNEL.list_accounts(facebook_app, consent.grant.credentials, consent.identity, None)

    calls = [call for call in sandbox.calls(channel="facebook") if "dialog" not in call["path"]]
    addresses = [
        f"{call['path']}?{call.get('query', '')}" for call in calls if "debug_token" not in call["path"]
    ]
    assert [call["method"] for call in calls if "oauth/access_token" in call["path"]] == ["POST", "POST"]
    for secret in (consent.grant.credentials.access_token, given, facebook_app.secret):
        assert not [address for address in addresses if secret in address]


def test_a_missing_expires_in_is_filled_by_introspection(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    sandbox.next_token(kind="exchange", omit_expires_in=True)

    consent = CHANNEL.consent(facebook_app, {"code": code(sandbox, facebook_app)})

    assert close(consent.grant.dates.access_expires_at, datetime.now(UTC) + timedelta(days=60))
    assert consent.grant.dates.sources["access"] == "introspection"


def test_an_end_of_zero_is_never(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    sandbox.next_token(kind="exchange", expires_at=0)

    consent = CHANNEL.consent(facebook_app, {"code": code(sandbox, facebook_app)})

    assert consent.grant.dates.access_expires_at is None
    assert consent.grant.dates.sources["access"] == "never"


def test_a_declined_permission_is_not_among_the_scopes(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    given = code(sandbox, facebook_app, scopes=["ads_read"])

    consent = CHANNEL.consent(facebook_app, {"code": given})
    listed = CHANNEL.list_accounts(facebook_app, consent.grant.credentials, ADA, consent.grant.scopes)

    assert "ads_management" not in (consent.grant.scopes or ())
    assert {account.can_publish for account in listed.accounts} == {"no"}


def test_a_consent_outlives_an_introspection_that_failed(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    given = code(sandbox, facebook_app)
    sandbox.add_fault("facebook", path="debug_token", status=503, body="<html>", count=1)

    consent = CHANNEL.consent(facebook_app, {"code": given})

    assert consent.identity == ADA
    assert consent.grant.scopes is None
    assert consent.grant.dates.sources == {"access": "provider"}


def test_a_used_code_says_start_again(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    given = {"code": code(sandbox, facebook_app)}
    CHANNEL.exchange(facebook_app, given)

    with pytest.raises(ChannelError) as caught:
        CHANNEL.exchange(facebook_app, given)

    assert caught.value.ruling.row == "state"
    assert given["code"] not in f"{caught.value} {caught.value.evidence}"


@pytest.mark.parametrize("secret", ["wrong", ""])
def test_a_wrong_app_secret_is_our_apps_fault(sandbox: Sandbox, facebook_app: AppKeys, secret: str) -> None:
    wrong = AppKeys(facebook_app.client_id, (secret,), facebook_app.redirect_uri, ())
    living = token(sandbox)

    with pytest.raises(ChannelError) as caught:
        CHANNEL.exchange(wrong, {"code": code(sandbox, facebook_app)})
    inspection = CHANNEL.inspect(wrong, living)

    assert caught.value.ruling.verdict == Verdict.APP_FAULT
    assert inspection.ruling.verdict == Verdict.APP_FAULT


def test_the_list_says_role_status_and_restriction(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    listed = CHANNEL.list_accounts(facebook_app, token(sandbox), ADA, SCOPES)

    found = {account.native_id: account for account in listed.accounts}
    assert listed.complete
    assert set(found) == {LUMEN, FERN, MARLO, OLD}
    assert found[LUMEN].role == "Admin"
    assert (found[LUMEN].can_publish, found[LUMEN].currency, found[LUMEN].time_zone) == (
        "yes",
        "EUR",
        "Europe/Berlin",
    )
    assert (found[LUMEN].native_status, found[LUMEN].restriction, found[LUMEN].closed) == (
        "ACTIVE",
        "",
        False,
    )
    assert (found[MARLO].native_status, found[MARLO].restriction) == (
        "DISABLED",
        "disabled: unpaid bill or risky payment",
    )
    assert (found[OLD].native_status, found[OLD].closed) == ("CLOSED", True)


def test_a_reader_cannot_publish(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    listed = CHANNEL.list_accounts(facebook_app, token(sandbox, "chiara"), BEN, SCOPES)

    assert [(account.role, account.can_publish) for account in listed.accounts] == [("Analyst", "no")]


def test_all_pages_are_read_by_cursor(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    for number in range(250):
        sandbox.put_account("facebook", str(900_000 + number), name=f"A{number}", roles={"emil": "admin"})

    listed = CHANNEL.list_accounts(facebook_app, token(sandbox, "emil"), BEN, SCOPES)

    assert listed.complete
    assert len({account.native_id for account in listed.accounts}) == 251


@pytest.mark.parametrize(
    "fault", [{"status": 500, "body": "<html>"}, {"status": 200, "body": {"data": "?"}}, {"drop": True}]
)
def test_a_failure_on_a_later_page_gives_an_incomplete_list(
    sandbox: Sandbox, facebook_app: AppKeys, fault: dict[str, object]
) -> None:
    for number in range(150):
        sandbox.put_account("facebook", str(900_000 + number), name=f"A{number}", roles={"emil": "admin"})
    living = token(sandbox, "emil")
    second_page = {
        "body": {"data": [], "paging": {"next": "https://elsewhere.example", "cursors": {"after": "x"}}}
    }
    sandbox.add_fault("facebook", path="adaccounts", status=200, count=1, **second_page)
    sandbox.add_fault("facebook", path="adaccounts", count=1, **fault)

    listed = CHANNEL.list_accounts(facebook_app, living, BEN, SCOPES)

    assert not listed.complete


def test_a_list_that_never_ends_is_incomplete(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    living = token(sandbox)
    body = {"data": [], "paging": {"next": "https://elsewhere.example", "cursors": {"after": "again"}}}
    sandbox.add_fault("facebook", path="adaccounts", status=200, body=body)

    listed = CHANNEL.list_accounts(facebook_app, living, ADA, SCOPES)

    assert not listed.complete
    assert len(sandbox.calls(channel="facebook", path="adaccounts")) == 50


def test_a_living_token_is_inspected_with_dates_scopes_and_owner(
    sandbox: Sandbox, facebook_app: AppKeys
) -> None:
    living = token(sandbox)

    found = CHANNEL.inspect(facebook_app, living)

    assert (found.ruling.verdict, found.native_user_id) == (Verdict.OK, ADA.native_user_id)
    assert found.dates is not None
    assert found.dates.sources == {"access": "introspection", "data_access": "introspection"}
    assert "ads_management" in (found.scopes or ())


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        ("change_password", Reason.PASSWORD_CHANGED),
        ("cancel_authorisation", Reason.AUTHORISATION_CANCELLED),
        ("log_out", Reason.SESSION_INVALID),
        ("checkpoint", Reason.SECURITY_CHECKPOINT),
        ("suspend", Reason.SECURITY_CHECKPOINT),  # Facebook's 464 does not tell the two apart
    ],
)
def test_what_a_person_does_ends_the_token_with_its_reason(
    sandbox: Sandbox, facebook_app: AppKeys, deed: str, reason: Reason
) -> None:
    living = token(sandbox)
    getattr(sandbox, deed)("facebook", "ada")

    inspection = CHANNEL.inspect(facebook_app, living)
    reading = CHANNEL.read_account(facebook_app, living, LUMEN, scopes=SCOPES)

    assert (inspection.ruling.verdict, inspection.ruling.reason) == (Verdict.TOKEN_DEAD, reason)
    assert (reading.ruling.verdict, reading.ruling.reason) == (Verdict.TOKEN_DEAD, reason)
    assert living.access_token not in str(inspection.evidence)


def test_a_date_that_passed_is_expired(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    living = token(sandbox)
    sandbox.expire_now(token=living.access_token)

    inspection = CHANNEL.inspect(facebook_app, living)

    assert (inspection.ruling.verdict, inspection.ruling.reason) == (Verdict.TOKEN_DEAD, Reason.EXPIRED)


def test_data_access_that_is_over_kills_only_when_a_call_confirms_it(
    sandbox: Sandbox, facebook_app: AppKeys
) -> None:
    over = token(sandbox, data_access_expires_at=int(time.time()) - 60)

    confirmed = CHANNEL.inspect(facebook_app, over)
    sandbox.add_fault("facebook", path="adaccounts", status=200, body={"data": []}, count=1)
    still_works = CHANNEL.inspect(facebook_app, over)

    assert (confirmed.ruling.verdict, confirmed.ruling.reason) == (Verdict.TOKEN_DEAD, Reason.EXPIRED)
    assert still_works.ruling.verdict == Verdict.OK


def test_a_string_that_is_no_token_is_dead(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    inspection = CHANNEL.inspect(facebook_app, REFUSED)

    assert (inspection.ruling.verdict, inspection.ruling.reason) == (Verdict.TOKEN_DEAD, Reason.UNKNOWN)


def test_a_suspended_app_is_a_fault_of_the_app(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    living = token(sandbox)
    sandbox.put_app("facebook", suspended=True)

    inspection = CHANNEL.inspect(facebook_app, living)

    assert inspection.ruling.verdict == Verdict.APP_FAULT


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

    assert inspection.ruling.verdict == verdict
    assert reading.ruling.verdict not in {Verdict.TOKEN_DEAD, Verdict.ACCESS_LOST, Verdict.OK}


def test_a_slow_channel_is_given_up_in_time(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    living = token(sandbox)
    sandbox.add_fault("facebook", delay=5.0, count=1)
    began = time.monotonic()

    inspection = CHANNEL.inspect(facebook_app, living, timeout=0.3)

    assert inspection.ruling.verdict == Verdict.TRANSIENT
    assert time.monotonic() - began < 2


def test_a_channel_that_is_gone_is_passing_trouble(
    sandbox: Sandbox, facebook_app: AppKeys, settings: Settings
) -> None:
    settings.FACEBOOK_GRAPH_URL = "http://127.0.0.1:1"

    with pytest.raises(ChannelError) as caught:
        CHANNEL.list_accounts(facebook_app, REFUSED, ADA, None)

    assert caught.value.ruling.verdict == Verdict.TRANSIENT


def test_a_dropped_role_is_about_the_account_only(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    living = token(sandbox)
    sandbox.drop_role("facebook", LUMEN, "ada")

    reading = CHANNEL.read_account(facebook_app, living, LUMEN, scopes=SCOPES)
    inspection = CHANNEL.inspect(facebook_app, living)

    assert (reading.ruling.verdict, reading.ruling.reason) == (Verdict.ACCESS_LOST, Reason.ACCESS_LOST)
    assert inspection.ruling.verdict == Verdict.OK


def test_an_account_that_was_unticked_is_lost_for_want_of_the_permission(
    sandbox: Sandbox, facebook_app: AppKeys
) -> None:
    living = token(sandbox)
    sandbox.set_consent("ada", accounts=[FERN])

    reading = CHANNEL.read_account(facebook_app, living, LUMEN, scopes=SCOPES)

    assert (reading.ruling.verdict, reading.ruling.reason) == (Verdict.ACCESS_LOST, Reason.SCOPE_MISSING)


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


def test_renewing_a_dead_token_raises_its_reason(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    living = token(sandbox)
    sandbox.change_password("facebook", "ada")

    with pytest.raises(ChannelError) as caught:
        CHANNEL.renew(facebook_app, living)

    assert caught.value.ruling.reason == Reason.PASSWORD_CHANGED


def test_revoking_ends_the_token(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    living = token(sandbox)

    assert CHANNEL.revoke(facebook_app, living)

    assert CHANNEL.inspect(facebook_app, living).ruling.reason == Reason.AUTHORISATION_CANCELLED


def test_what_a_job_is_told_to_send_works_at_the_channel(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    send = CHANNEL.send(facebook_app, token(sandbox))

    response = httpx2.get(
        f"{sandbox.facebook}/v25.0/act_{LUMEN}/insights",
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
