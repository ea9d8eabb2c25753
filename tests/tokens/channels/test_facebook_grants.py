"""Facebook's grants against the stand-in Facebook: exchange, dates, scopes."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.sandbox import Sandbox
from tests.tokens.channels.facebook_world import ADA, SCOPES, close, code, token
from tokens.channels.facebook.channel import CHANNEL
from tokens.channels.kinds import AppKeys, ChannelError, Verdict

pytestmark = pytest.mark.django_db


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

    assert caught.value.classification.row == "state"
    assert given["code"] not in f"{caught.value} {caught.value.evidence}"


@pytest.mark.parametrize("secret", ["wrong", ""])
def test_a_wrong_app_secret_is_our_apps_fault(sandbox: Sandbox, facebook_app: AppKeys, secret: str) -> None:
    wrong = AppKeys(facebook_app.client_id, (secret,), facebook_app.redirect_uri, ())
    living = token(sandbox)

    with pytest.raises(ChannelError) as caught:
        CHANNEL.exchange(wrong, {"code": code(sandbox, facebook_app)})
    inspection = CHANNEL.inspect(wrong, living)

    assert caught.value.classification.verdict == Verdict.APP_FAULT
    assert inspection.classification.verdict == Verdict.APP_FAULT
