"""X's package against the stand-in X."""

import re
import time
from typing import Any

import httpx2
import pytest
from pytest_django.fixtures import Settings

from tests.support.sandbox import Sandbox
from tokens.channels.base import Answer, AppKeys, ChannelError, Credentials, Identity, Reason, Verdict
from tokens.channels.x import CHANNEL, signing
from tokens.channels.x.policy import role

pytestmark = pytest.mark.django_db

ADA = Identity("2417045708", "Ada Okafor")
LUMEN, FERN, HARBOR, MARLO, OLD = "18ce54d4x5t", "18ce55gq7fk", "18ce563t2hm", "18ce57kw9rz", "18ce4zb1n8c"
CHECK = "verify_credentials"


@pytest.fixture(autouse=True)
def _fresh_limits(sandbox: Sandbox) -> None:
    sandbox.reset_x_rate_limit()
    sandbox.set_clock()


def pair(sandbox: Sandbox, user: str = "ada") -> Credentials:
    token = sandbox.issue_token("x", user)
    return Credentials(token["oauth_token"], secret=token["oauth_token_secret"])


def read(sandbox: Sandbox, app: AppKeys, native_id: str = LUMEN, user: str = "ada", **more: Any) -> Any:
    return CHANNEL.read_account(app, pair(sandbox, user), native_id, scopes=None, **more)


# ---- who it is


def test_a_living_token_has_no_end_date_and_an_owner(sandbox: Sandbox, x_app: AppKeys) -> None:
    found = CHANNEL.inspect(x_app, pair(sandbox))

    assert found.ruling.verdict == Verdict.OK
    assert found.native_user_id == ADA.native_user_id
    assert found.dates is not None
    assert found.dates.access_expires_at is None
    assert found.dates.sources == {"access": "never"}
    assert found.scopes is None


def test_identity_is_the_native_id_and_the_name(sandbox: Sandbox, x_app: AppKeys) -> None:
    identity = CHANNEL.identity(x_app, pair(sandbox))

    assert identity == ADA


@pytest.mark.parametrize(
    ("deed", "verdict", "reason"),
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
    sandbox: Sandbox, x_app: AppKeys, deed: str, verdict: Verdict, reason: Reason | None
) -> None:
    credentials = pair(sandbox)
    sandbox.deed("x", "ada", deed)

    found = CHANNEL.inspect(x_app, credentials)

    assert (found.ruling.verdict, found.ruling.reason) == (verdict, reason)
    assert bool(found.evidence) == (verdict != Verdict.OK)
    assert credentials.access_token not in str(found)


@pytest.mark.parametrize("deed", ["suspend", "checkpoint"])
def test_the_same_token_works_again_when_x_lifts_it(sandbox: Sandbox, x_app: AppKeys, deed: str) -> None:
    credentials = pair(sandbox)
    sandbox.deed("x", "ada", deed)
    sandbox.deed("x", "ada", deed, on=False)

    found = CHANNEL.inspect(x_app, credentials)

    assert found.ruling.verdict == Verdict.OK


def test_a_clock_that_is_off_is_our_bug(sandbox: Sandbox, x_app: AppKeys) -> None:
    credentials = pair(sandbox)
    sandbox.set_clock(offset=3600)

    found = CHANNEL.inspect(x_app, credentials)

    assert (found.ruling.verdict, found.ruling.row) == (Verdict.OUR_BUG, "clock")


def test_a_wrong_secret_of_our_app_ends_no_token(sandbox: Sandbox, x_app: AppKeys) -> None:
    wrong = AppKeys(x_app.client_id, ("wrong",), x_app.redirect_uri, ())

    found = CHANNEL.inspect(wrong, pair(sandbox))

    assert found.ruling.verdict == Verdict.OUR_BUG


def test_a_suspended_app_ends_no_token(sandbox: Sandbox, x_app: AppKeys) -> None:
    credentials = pair(sandbox)
    sandbox.put_app("x", suspended=True)

    found = CHANNEL.inspect(x_app, credentials)

    assert found.ruling.verdict == Verdict.APP_FAULT


@pytest.mark.parametrize("base", ["{x}/nowhere", "{x}/1.1"])
def test_a_wrong_address_of_x_ends_no_token(
    sandbox: Sandbox, x_app: AppKeys, settings: Settings, base: str
) -> None:
    credentials = pair(sandbox)
    settings.X_API_URL = base.format(x=sandbox.x)

    found = CHANNEL.inspect(x_app, credentials)

    assert found.ruling.verdict == Verdict.OUR_BUG


def test_a_call_that_x_has_switched_off_ends_no_token(sandbox: Sandbox, x_app: AppKeys) -> None:
    gone = {"errors": [{"code": 34, "message": "Sorry, that page does not exist."}]}
    sandbox.add_fault("x", path=CHECK, status=404, body=gone)

    found = CHANNEL.inspect(x_app, pair(sandbox))

    assert found.ruling.verdict == Verdict.OUR_BUG


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

    assert found.ruling.verdict == Verdict.TRANSIENT


def test_a_slow_x_is_passing_and_bounded(sandbox: Sandbox, x_app: AppKeys) -> None:
    sandbox.add_fault("x", path=CHECK, delay=3)
    credentials = pair(sandbox)
    start = time.monotonic()

    found = CHANNEL.inspect(x_app, credentials, timeout=0.3)

    assert found.ruling.verdict == Verdict.TRANSIENT
    assert time.monotonic() - start < 2


def test_an_x_that_is_down_is_passing(sandbox: Sandbox, x_app: AppKeys, settings: Settings) -> None:
    credentials = pair(sandbox)
    settings.X_API_URL = "http://127.0.0.1:1"

    found = CHANNEL.inspect(x_app, credentials)

    assert found.ruling.verdict == Verdict.TRANSIENT


# ---- the ad accounts


def test_the_list_holds_every_account_with_its_role_and_status(sandbox: Sandbox, x_app: AppKeys) -> None:
    listed = CHANNEL.list_accounts(x_app, pair(sandbox), ADA, None)

    found = {account.native_id: account for account in listed.accounts}
    assert listed.complete
    assert set(found) == {LUMEN, FERN, MARLO, OLD}
    assert (found[LUMEN].name, found[LUMEN].time_zone) == ("Lumen Shoes EU", "Europe/Berlin")
    assert (found[LUMEN].role, found[LUMEN].can_publish) == ("Account admin", "yes")
    assert (found[LUMEN].restriction, found[LUMEN].closed) == ("", False)
    assert (found[MARLO].native_status, found[MARLO].restriction) == ("REJECTED", "not approved")


def test_an_analyst_cannot_publish_and_an_ad_manager_can(sandbox: Sandbox, x_app: AppKeys) -> None:
    reader = CHANNEL.list_accounts(x_app, pair(sandbox, "chiara"), ADA, None).accounts
    manager = read(sandbox, x_app, LUMEN, "ben").account

    assert [(one.role, one.can_publish) for one in reader] == [("Analyst", "no")]
    assert (manager.role, manager.can_publish) == ("Ad manager", "yes")


def test_all_pages_are_read(sandbox: Sandbox, x_app: AppKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokens.channels.x.channel.PAGE_SIZE", 2)

    listed = CHANNEL.list_accounts(x_app, pair(sandbox), ADA, None)

    assert listed.complete
    assert [account.native_id for account in listed.accounts] == [LUMEN, FERN, MARLO, OLD]
    assert len(sandbox.calls(path="/12/accounts$")) == 2


def test_an_error_on_the_second_page_gives_an_incomplete_list(
    sandbox: Sandbox, x_app: AppKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.channels.x.channel.PAGE_SIZE", 2)
    sandbox.set_x_rate_limit(limit=1)

    listed = CHANNEL.list_accounts(x_app, pair(sandbox), ADA, None)

    assert not listed.complete
    assert [account.native_id for account in listed.accounts] == [LUMEN, FERN]


def test_more_pages_than_x_allows_give_an_incomplete_list(
    sandbox: Sandbox, x_app: AppKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.channels.x.channel.PAGE_SIZE", 1)
    monkeypatch.setattr("tokens.channels.x.channel.MAX_PAGES", 2)

    listed = CHANNEL.list_accounts(x_app, pair(sandbox), ADA, None)

    assert (len(listed.accounts), listed.complete) == (2, False)


def test_too_many_lists_raise_with_the_time_to_wait(sandbox: Sandbox, x_app: AppKeys) -> None:
    credentials = pair(sandbox)
    sandbox.set_x_rate_limit(limit=1, window=600)
    CHANNEL.list_accounts(x_app, credentials, ADA, None)

    with pytest.raises(ChannelError) as error:
        CHANNEL.list_accounts(x_app, credentials, ADA, None)

    ruling = error.value.ruling
    assert ruling.verdict == Verdict.RATE_LIMITED
    assert ruling.retry_after is not None
    assert 500 < ruling.retry_after <= 602


def test_a_role_that_cannot_be_read_is_unknown_and_takes_no_account_away(
    sandbox: Sandbox, x_app: AppKeys
) -> None:
    sandbox.add_fault("x", path=f"{FERN}/authenticated_user_access", status=503, body="busy")
    sandbox.add_fault("x", path=f"{LUMEN}/authenticated_user_access", status=200, body={"data": []})

    listed = CHANNEL.list_accounts(x_app, pair(sandbox), ADA, None)

    found = {account.native_id: account.can_publish for account in listed.accounts}
    assert listed.complete
    assert found == {LUMEN: "unknown", FERN: "unknown", MARLO: "yes", OLD: "yes"}


def test_roles_are_asked_for_a_limited_time_only(
    sandbox: Sandbox, x_app: AppKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.channels.x.channel.ROLES_WITHIN", 0)

    listed = CHANNEL.list_accounts(x_app, pair(sandbox), ADA, None)

    assert {account.can_publish for account in listed.accounts} == {"unknown"}
    assert sandbox.calls(path="authenticated_user_access") == []


@pytest.mark.parametrize("body", ["<html>", [], {"data": None}, {"data": {"id": LUMEN}}, {"data": "x"}])
def test_a_list_of_another_shape_is_no_empty_list(sandbox: Sandbox, x_app: AppKeys, body: Any) -> None:
    sandbox.add_fault("x", path="/12/accounts$", status=200, body=body)

    with pytest.raises(ChannelError) as error:
        CHANNEL.list_accounts(x_app, pair(sandbox), ADA, None)

    assert error.value.ruling.verdict == Verdict.TRANSIENT


def test_rows_that_are_no_accounts_are_left_out_and_deleted_ones_are_closed(
    sandbox: Sandbox, x_app: AppKeys
) -> None:
    rows = [None, 7, {"id": None}, {"id": "../oauth"}, {"id": "18CE54D4X5T", "deleted": True, "name": 3}]
    sandbox.add_fault("x", path="/12/accounts$", status=200, body={"data": rows, "next_cursor": 9})

    listed = CHANNEL.list_accounts(x_app, pair(sandbox), ADA, None)

    (found,) = listed.accounts
    assert (found.native_id, found.name, found.closed, found.restriction) == (LUMEN, LUMEN, True, "deleted")


# ---- one ad account


def test_an_account_is_read_with_its_role(sandbox: Sandbox, x_app: AppKeys) -> None:
    found = read(sandbox, x_app)

    assert found.ruling.verdict == Verdict.OK
    assert (found.account.native_id, found.account.can_publish) == (LUMEN, "yes")


def test_a_dropped_person_has_lost_the_account_only(sandbox: Sandbox, x_app: AppKeys) -> None:
    sandbox.drop_role("x", "Lumen Shoes EU", "ada")

    lost, kept = read(sandbox, x_app), read(sandbox, x_app, FERN)

    assert (lost.ruling.verdict, lost.ruling.reason) == (Verdict.ACCESS_LOST, Reason.ACCESS_LOST)
    assert lost.account is None
    assert kept.ruling.verdict == Verdict.OK


def test_a_person_who_became_a_reader_reads_but_cannot_publish(sandbox: Sandbox, x_app: AppKeys) -> None:
    sandbox.give_role("x", "Lumen Shoes EU", "ada", "reader")

    found = read(sandbox, x_app)

    assert found.ruling.verdict == Verdict.OK
    assert (found.account.role, found.account.can_publish) == ("Analyst", "no")


def test_a_rejected_account_is_restricted_and_the_role_is_still_told(
    sandbox: Sandbox, x_app: AppKeys
) -> None:
    found = read(sandbox, x_app, MARLO)

    assert (found.ruling.verdict, found.ruling.note) == (Verdict.ACCOUNT_RESTRICTED, "not approved")
    assert found.account.can_publish == "yes"


@pytest.mark.parametrize(
    ("deed", "verdict"),
    [
        ("cancel_authorisation", Verdict.CONFIRM_FIRST),
        ("checkpoint", Verdict.CONFIRM_FIRST),
        ("deactivate", Verdict.CONFIRM_FIRST),
        ("suspend", Verdict.TOKEN_DEAD),
    ],
)
def test_a_reading_with_a_token_in_trouble_says_so_without_an_account(
    sandbox: Sandbox, x_app: AppKeys, deed: str, verdict: Verdict
) -> None:
    credentials = pair(sandbox)
    sandbox.deed("x", "ada", deed)

    found = CHANNEL.read_account(x_app, credentials, LUMEN, scopes=None)

    assert found.ruling.verdict == verdict
    assert found.account is None


@pytest.mark.parametrize("path", [f"/12/accounts/{LUMEN}$", "authenticated_user_access"])
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "body": "busy"},
        {"drop": True},
        {"status": 200, "body": "<html>"},
        {"status": 200, "body": {"data": None}},
        {"status": 200, "body": {"data": {"id": FERN, "permissions": "all"}}},
    ],
)
def test_trouble_while_reading_an_account_is_passing(
    sandbox: Sandbox, x_app: AppKeys, path: str, fault: dict[str, Any]
) -> None:
    sandbox.add_fault("x", path=path, **fault)

    found = read(sandbox, x_app, timeout=2)

    assert found.ruling.verdict == Verdict.TRANSIENT
    assert found.account is None


# ---- jobs


def publish(sandbox: Sandbox, app: AppKeys, credentials: Credentials) -> httpx2.Response:
    """What a publishing job does: sign, then send."""
    url = f"{sandbox.x}/12/accounts/{LUMEN}/campaigns"
    form = {"name": "Ä & Ö, 50 % off", "funding_instrument_id": "f" + LUMEN[-4:]}
    header = CHANNEL.sign(app, credentials, method="POST", url=url, params=form)
    return httpx2.post(url, data=form, headers={"Authorization": header}, trust_env=False)


def test_x_takes_a_request_that_a_job_had_signed(sandbox: Sandbox, x_app: AppKeys) -> None:
    answer = publish(sandbox, x_app, pair(sandbox))

    assert answer.status_code == 201
    assert answer.json()["data"]["name"] == "Ä & Ö, 50 % off"


def test_a_reader_who_publishes_has_lost_publishing(sandbox: Sandbox, x_app: AppKeys) -> None:
    answer = publish(sandbox, x_app, pair(sandbox, "chiara"))

    ruling = CHANNEL.classify(Answer("api", answer.status_code, body=answer.text))
    assert (ruling.verdict, ruling.reason) == (Verdict.ACCESS_LOST, Reason.PUBLISHING_LOST)


def test_a_job_merges_nothing(sandbox: Sandbox, x_app: AppKeys) -> None:
    send = CHANNEL.send(x_app, pair(sandbox))

    assert CHANNEL.signs
    assert (dict(send.headers), dict(send.query)) == ({}, {})


# ---- the end


def test_a_revoked_token_is_dead_and_revoking_it_again_is_no_error(sandbox: Sandbox, x_app: AppKeys) -> None:
    credentials = pair(sandbox)

    assert CHANNEL.revoke(x_app, credentials) is True
    assert CHANNEL.revoke(x_app, credentials) is True

    assert CHANNEL.inspect(x_app, credentials).ruling.verdict == Verdict.TOKEN_DEAD


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
    assert len(calls) == 7
    assert [call for call in calls if "oauth_" in str(call["query"]) or "[token]" in str(call["query"])] == []


# ---- words


@pytest.mark.parametrize("given", ["18ce54d4x5t", " 18CE54D4X5T\n", "0", "z" * 20])
def test_an_id_has_one_spelling(given: str) -> None:
    assert CHANNEL.canonical_id(given) == given.strip().lower()


@pytest.mark.parametrize("given", ["", "act_1", "18ce/54", "..", "z" * 21, "ä1", "1 2", "١٢"])
def test_an_id_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="ad account's id"):
        CHANNEL.canonical_id(given)


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        (["TWEET_COMPOSER", "ACCOUNT_ADMIN"], ("Account admin", "yes")),
        (["AD_MANAGER"], ("Ad manager", "yes")),
        (["CREATIVE_MANAGER"], ("Creative manager", "no")),
        (["CAMPAIGN_ANALYST"], ("Campaign analyst", "no")),
        (["PARTNER_AUDIENCE_MANAGER", "ANALYST"], ("Analyst", "no")),
        (["TWEET_COMPOSER"], ("No role", "no")),
        (["SOMETHING_NEW"], ("SOMETHING_NEW", "unknown")),
        (["ANALYST", "SOMETHING_NEW"], ("Analyst", "unknown")),
        ([], ("No role", "no")),
    ],
)
def test_a_role_is_told_in_plain_words(permissions: list[str], expected: tuple[str, str]) -> None:
    assert role(permissions) == expected


@pytest.mark.parametrize("reason", list(Reason))
def test_each_reason_has_steps_without_words_of_the_trade(reason: Reason) -> None:
    said = " ".join(CHANNEL.steps(reason))

    assert said or reason == Reason.TRANSIENT
    assert re.findall(r"(?i)\b(oauth|scope|token|probe|refresh|grant|lease|pool)s?\b", said) == []


def test_x_asks_for_the_log_in_each_time() -> None:
    assert CHANNEL.authorize_params() == CHANNEL.authorize_params(again=True) == {"force_login": "true"}


def test_the_ads_manager_is_named_by_the_account() -> None:
    assert CHANNEL.open_url(LUMEN) == f"https://ads.x.com/analytics/{LUMEN}"


def test_the_base_addresses_are_read_at_each_call(settings: Settings) -> None:
    settings.X_ADS_URL, settings.X_API_URL = "https://one.example", "https://two.example"

    signing.check("GET", "https://one.example/12/accounts", {})

    with pytest.raises(ValueError, match=r"one\.example"):
        signing.check("GET", "https://ads-api.x.com/12/accounts", {})
