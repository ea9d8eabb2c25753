"""X's people, tokens and jobs against the stand-in X."""

from typing import Any

import httpx2
import pytest
from pytest_django.fixtures import Settings

from tests.support.sandbox import Sandbox
from tokens.channels.kinds import (
    AccountFacts,
    Answer,
    AppKeys,
    ChannelError,
    Credentials,
    Identity,
    Reason,
    Verdict,
)
from tokens.channels.x.channel import CHANNEL

pytestmark = pytest.mark.django_db

ADA = Identity("2417045708", "Ada Okafor")
LUMEN = "18ce54d4x5t"
CHECK = "verify_credentials"


@pytest.fixture(autouse=True)
def _fresh_limits(sandbox: Sandbox) -> None:
    sandbox.reset_x_rate_limit()
    sandbox.set_clock()


def pair(sandbox: Sandbox, user: str = "ada") -> Credentials:
    token = sandbox.issue_token("x", user)
    return Credentials(token["oauth_token"], secret=token["oauth_token_secret"])


def test_a_living_token_has_no_end_date_and_an_owner(sandbox: Sandbox, x_app: AppKeys) -> None:
    found = CHANNEL.inspect(x_app, pair(sandbox))

    assert found.classification.verdict == Verdict.OK
    assert found.native_user_id == ADA.native_user_id
    assert found.dates is not None
    assert found.dates.access_expires_at is None
    assert found.dates.sources == {"access": "never"}
    assert found.scopes is None


def test_identity_is_the_native_id_and_the_name(sandbox: Sandbox, x_app: AppKeys) -> None:
    identity = CHANNEL.identity(x_app, pair(sandbox))

    assert identity == ADA


@pytest.mark.parametrize(
    ("action", "verdict", "reason"),
    [
        ("cancel_authorisation", Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
        ("suspend", Verdict.TOKEN_DEAD, Reason.SUSPENDED),
        ("checkpoint", Verdict.TOKEN_DEAD, Reason.SECURITY_CHECKPOINT),
        ("deactivate", Verdict.TOKEN_DEAD, Reason.UNKNOWN),
        ("change_password", Verdict.OK, None),
        ("log_out", Verdict.OK, None),
    ],
)
def test_inspect_tells_what_happened_to_the_person(
    sandbox: Sandbox, x_app: AppKeys, action: str, verdict: Verdict, reason: Reason | None
) -> None:
    credentials = pair(sandbox)
    sandbox.action("x", "ada", action)

    found = CHANNEL.inspect(x_app, credentials)

    assert (found.classification.verdict, found.classification.reason) == (verdict, reason)
    assert bool(found.evidence) == (verdict != Verdict.OK)
    assert credentials.access_token not in str(found)


@pytest.mark.parametrize("action", ["suspend", "checkpoint"])
def test_the_same_token_works_again_when_x_lifts_it(sandbox: Sandbox, x_app: AppKeys, action: str) -> None:
    credentials = pair(sandbox)
    sandbox.action("x", "ada", action)
    sandbox.action("x", "ada", action, on=False)

    found = CHANNEL.inspect(x_app, credentials)

    assert found.classification.verdict == Verdict.OK


def test_a_clock_that_is_off_is_our_bug(sandbox: Sandbox, x_app: AppKeys) -> None:
    credentials = pair(sandbox)
    sandbox.set_clock(offset=3600)

    found = CHANNEL.inspect(x_app, credentials)

    assert (found.classification.verdict, found.classification.row) == (Verdict.OUR_BUG, "clock")


def test_a_wrong_secret_of_our_app_ends_no_token_and_names_the_app(sandbox: Sandbox, x_app: AppKeys) -> None:
    wrong = AppKeys(x_app.client_id, ("wrong",), x_app.redirect_uri, ())

    found = CHANNEL.inspect(wrong, pair(sandbox))

    assert (found.classification.verdict, found.classification.row) == (Verdict.APP_FAULT, "app keys")


def test_a_pair_whose_secret_is_wrong_is_in_doubt_when_our_keys_are_right(
    sandbox: Sandbox, x_app: AppKeys
) -> None:
    broken = Credentials(pair(sandbox).access_token, secret="wrong")

    found = CHANNEL.inspect(x_app, broken)

    assert (found.classification.verdict, found.classification.reason) == (
        Verdict.CONFIRM_FIRST,
        Reason.UNKNOWN,
    )


def test_a_bad_signature_stays_our_bug_when_x_cannot_be_asked_again(sandbox: Sandbox, x_app: AppKeys) -> None:
    broken = Credentials(pair(sandbox).access_token, secret="wrong")
    sandbox.add_fault("x", path="request_token", status=503, body="busy")

    found = CHANNEL.inspect(x_app, broken)

    assert found.classification.verdict == Verdict.OUR_BUG


def test_an_app_that_may_not_ask_the_older_api_asks_the_newer_one(sandbox: Sandbox, x_app: AppKeys) -> None:
    credentials = pair(sandbox)
    sandbox.put_app("x", settings={"no_v1": True})

    living, identity = CHANNEL.inspect(x_app, credentials), CHANNEL.identity(x_app, credentials)
    sandbox.add_fault("x", path="users/me", status=503, body="busy")
    busy = CHANNEL.inspect(x_app, credentials)
    sandbox.clear_faults()
    sandbox.cancel_authorisation("x", "ada")
    ended = CHANNEL.inspect(x_app, credentials)

    assert (living.classification.verdict, living.native_user_id, identity) == (
        Verdict.OK,
        ADA.native_user_id,
        ADA,
    )
    assert busy.classification.verdict == Verdict.TRANSIENT
    assert ended.classification.verdict == Verdict.TOKEN_DEAD


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (401, {"title": "Unauthorized", "type": "about:blank", "status": 401}, Verdict.CONFIRM_FIRST),
        (403, {"title": "Forbidden", "type": "about:blank", "status": 403}, Verdict.APP_FAULT),
        (429, "", Verdict.RATE_LIMITED),
        (200, {"data": {}}, Verdict.TRANSIENT),
    ],
)
def test_the_newer_api_alone_ends_no_token(
    sandbox: Sandbox, x_app: AppKeys, status: int, body: Any, verdict: Verdict
) -> None:
    sandbox.put_app("x", settings={"no_v1": True})
    sandbox.add_fault("x", path="users/me", status=status, body=body)

    assert CHANNEL.inspect(x_app, pair(sandbox)).classification.verdict == verdict


def test_a_suspended_app_ends_no_token(sandbox: Sandbox, x_app: AppKeys) -> None:
    credentials = pair(sandbox)
    sandbox.put_app("x", suspended=True)

    found = CHANNEL.inspect(x_app, credentials)

    assert found.classification.verdict == Verdict.APP_FAULT


@pytest.mark.parametrize("base", ["{x}/nowhere", "{x}/1.1"])
def test_a_wrong_address_of_x_ends_no_token(
    sandbox: Sandbox, x_app: AppKeys, settings: Settings, base: str
) -> None:
    credentials = pair(sandbox)
    settings.X_API_URL = base.format(x=sandbox.x)

    found = CHANNEL.inspect(x_app, credentials)

    assert found.classification.verdict == Verdict.OUR_BUG


def test_a_call_that_x_has_switched_off_ends_no_token(sandbox: Sandbox, x_app: AppKeys) -> None:
    gone = {"errors": [{"code": 34, "message": "Sorry, that page does not exist."}]}
    sandbox.add_fault("x", path=CHECK, status=404, body=gone)

    found = CHANNEL.inspect(x_app, pair(sandbox))

    assert found.classification.verdict == Verdict.OUR_BUG


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "body": "<html>Over capacity</html>"},
        {"status": 500, "body": {"errors": [{"code": 131, "message": "Internal error"}]}},
        {"status": 200, "body": "<html>Something went wrong</html>"},
        {"status": 200, "body": "{"},
        {"status": 200, "body": [1, 2]},
        {"status": 200, "body": {"id_str": None}},
        {"status": 200, "body": {"errors": [{"code": "x"}]}},
        {"status": 401, "body": "<html>Unauthorized</html>"},
        {"status": 403, "body": "Forbidden"},
        {"status": 404, "body": "<html>Not found</html>"},
        {"status": 302, "headers": {"location": "https://evil.example/"}},
        {"drop": True},
    ],
)
def test_trouble_at_x_is_passing(sandbox: Sandbox, x_app: AppKeys, fault: dict[str, Any]) -> None:
    sandbox.add_fault("x", path=CHECK, **fault)

    found = CHANNEL.inspect(x_app, pair(sandbox))

    assert found.classification.verdict == Verdict.TRANSIENT


def test_an_x_that_is_down_is_passing(sandbox: Sandbox, x_app: AppKeys, settings: Settings) -> None:
    credentials = pair(sandbox)
    settings.X_API_URL = "http://127.0.0.1:1"

    found = CHANNEL.inspect(x_app, credentials)

    assert found.classification.verdict == Verdict.TRANSIENT


# ---- jobs


def publish(sandbox: Sandbox, app: AppKeys, credentials: Credentials) -> httpx2.Response:
    """What a publishing job does: sign, then send."""
    url = f"{sandbox.x}/12/accounts/{LUMEN}/campaigns"
    form = {"name": "Ä & Ö, 50 % off", "funding_instrument_id": "f" + LUMEN[-4:]}
    header = CHANNEL.sign(
        app, credentials, account=AccountFacts(LUMEN), purpose="publish", method="POST", url=url, params=form
    )
    return httpx2.post(url, data=form, headers={"Authorization": header}, trust_env=False)


def test_x_takes_a_request_that_a_job_had_signed(sandbox: Sandbox, x_app: AppKeys) -> None:
    answer = publish(sandbox, x_app, pair(sandbox))

    assert answer.status_code == 201
    assert answer.json()["data"]["name"] == "Ä & Ö, 50 % off"


def test_a_reader_who_publishes_has_lost_publishing(sandbox: Sandbox, x_app: AppKeys) -> None:
    answer = publish(sandbox, x_app, pair(sandbox, "chiara"))

    classification = CHANNEL.classify(Answer("api", answer.status_code, body=answer.text))
    assert (classification.verdict, classification.reason) == (Verdict.ACCESS_LOST, Reason.PUBLISHING_LOST)


def test_a_job_merges_nothing(sandbox: Sandbox, x_app: AppKeys) -> None:
    send = CHANNEL.send(x_app, pair(sandbox), AccountFacts("1"))

    assert CHANNEL.signs
    assert (dict(send.headers), dict(send.query)) == ({}, {})


# ---- the end


def test_a_revoked_token_is_dead_and_revoking_it_again_is_no_error(sandbox: Sandbox, x_app: AppKeys) -> None:
    credentials = pair(sandbox)

    assert CHANNEL.revoke(x_app, credentials) is True
    assert CHANNEL.revoke(x_app, credentials) is True

    assert CHANNEL.inspect(x_app, credentials).classification.verdict == Verdict.TOKEN_DEAD


def test_a_revocation_that_x_did_not_take_is_an_error(sandbox: Sandbox, x_app: AppKeys) -> None:
    sandbox.add_fault("x", path="invalidate_token", status=503, body="busy")

    with pytest.raises(ChannelError):
        CHANNEL.revoke(x_app, pair(sandbox))


def test_no_secret_travels_in_an_address(sandbox: Sandbox, x_app: AppKeys) -> None:
    sandbox.clear_calls()
    credentials = pair(sandbox)

    CHANNEL.list_accounts(x_app, credentials, ADA, None)
    CHANNEL.inspect(x_app, credentials)
    CHANNEL.revoke(x_app, credentials)

    calls = sandbox.calls(channel="x")
    assert len(calls) == 11
    assert [call for call in calls if "oauth_" in str(call["query"]) or "[token]" in str(call["query"])] == []
