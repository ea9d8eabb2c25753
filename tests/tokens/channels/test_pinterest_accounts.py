"""Pinterest's people and ad accounts, asked one by one, against the stand-in Pinterest."""

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from tests.support.sandbox import Sandbox
from tests.tokens.channels import pinterest_world as world
from tests.tokens.channels.pinterest_world import ADA, FERN, HARBOR, LUMEN, MARLO, OLD, SCOPES, token
from tokens.channels.kinds import (
    AccessCheck,
    AccountFacts,
    AppKeys,
    ChannelError,
    Credentials,
    Identity,
    Reason,
    Verdict,
)
from tokens.channels.pinterest.channel import CHANNEL

pytestmark = pytest.mark.django_db

READING = ("ads:read", "user_accounts:read")


@pytest.fixture
def app(sandbox: Sandbox, settings: Settings) -> AppKeys:
    return world.set_up(sandbox, settings)


def read(
    sandbox: Sandbox, app: AppKeys, native_id: str = LUMEN, user: str = "ada", **more: Any
) -> AccessCheck:
    return CHANNEL.read_account(app, token(sandbox, user), native_id, scopes=SCOPES, **more)


# ---- the person


def test_own_accounts_are_listed_with_the_business_name_and_shared_ones_with_their_owners_username(
    sandbox: Sandbox, app: AppKeys
) -> None:
    sandbox.put_user("pinterest", "ada", name="Lumen Shoes Ltd")
    sandbox.put_user("pinterest", "emil", screen_name="FernGardens")
    sandbox.put_account("pinterest", FERN, roles={"emil": "admin", "ada": "advertiser"})
    living = token(sandbox)

    listed = CHANNEL.list_accounts(app, living, CHANNEL.identity(app, living), SCOPES)

    businesses = {account.native_id: account.business for account in listed.accounts}
    assert (businesses[LUMEN], businesses[FERN]) == ("Lumen Shoes Ltd", "ferngardens")


@pytest.mark.parametrize("owner", [None, [], "shop_eu", {"username": 7}, {"id": None}])
def test_an_account_whose_owner_cannot_be_read_has_no_business(
    sandbox: Sandbox, app: AppKeys, owner: Any
) -> None:
    body = {"items": [{"id": LUMEN, "name": "Lumen", "owner": owner}], "bookmark": None}
    sandbox.add_fault("pinterest", path="ad_accounts", status=200, body=body)

    listed = CHANNEL.list_accounts(app, token(sandbox), ADA, SCOPES)

    assert [(account.native_id, account.business) for account in listed.accounts] == [(LUMEN, "")]


def test_a_living_token_is_inspected_with_its_owner_and_nothing_that_pinterest_does_not_tell(
    sandbox: Sandbox, app: AppKeys
) -> None:
    found = CHANNEL.inspect(app, token(sandbox))

    assert (found.classification.verdict, found.native_user_id) == (Verdict.OK, ADA.native_user_id)
    assert (found.dates, found.scopes) == (None, None)


def test_a_person_who_takes_another_username_stays_the_same_person(sandbox: Sandbox, app: AppKeys) -> None:
    living = token(sandbox)
    before = CHANNEL.identity(app, living)
    sandbox.put_user("pinterest", "ada", screen_name="AdaWasHere")

    after = CHANNEL.identity(app, living)

    assert before.native_user_id == after.native_user_id == ADA.native_user_id


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"id": "12", "username": "shop_eu", "business_name": None}, Identity("12", "shop_eu")),
        ({"id": 12, "username": 7}, Identity("12", "")),
    ],
)
def test_a_person_without_a_business_name_goes_by_the_username(
    sandbox: Sandbox, app: AppKeys, body: Any, expected: Identity
) -> None:
    sandbox.add_fault("pinterest", path="user_account", status=200, body=body)

    assert CHANNEL.identity(app, token(sandbox)) == expected


@pytest.mark.parametrize(
    "body", [{"id": ""}, {"id": "shop_eu"}, {"id": None}, {"id": True}, {}, [], "<html>"]
)
def test_an_answer_without_an_id_is_nobody_and_kills_nobody(
    sandbox: Sandbox, app: AppKeys, body: Any
) -> None:
    living = token(sandbox)
    sandbox.add_fault("pinterest", path="user_account", status=200, body=body)

    inspection = CHANNEL.inspect(app, living)
    with pytest.raises(ChannelError) as caught:
        CHANNEL.identity(app, living)

    assert inspection.classification.verdict == caught.value.classification.verdict == Verdict.TRANSIENT


def test_a_token_that_may_not_say_whose_it_is_lives(sandbox: Sandbox, app: AppKeys) -> None:
    living = token(sandbox, scopes=["ads:read"])

    inspection = CHANNEL.inspect(app, living)

    assert (inspection.classification.verdict, inspection.native_user_id) == (Verdict.OK, "")


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ({"drop": True}, Verdict.TRANSIENT),
        ({"status": 503, "body": "<html>down</html>"}, Verdict.TRANSIENT),
        ({"status": 200, "body": {"code": 2, "message": "Authentication failed."}}, Verdict.TRANSIENT),
        ({"status": 401, "body": "bad gateway"}, Verdict.TRANSIENT),
        ({"status": 404, "body": {"code": 2, "message": "AdAccount not found."}}, Verdict.TRANSIENT),
        ({"status": 302, "headers": {"location": "https://elsewhere.example/"}}, Verdict.TRANSIENT),
        ({"status": 429, "body": {"code": 30, "message": "x"}}, Verdict.RATE_LIMITED),
        ({"status": 403, "body": {"code": 403, "message": "Not authorized to access the user account."}}, Verdict.ACCESS_LOST),
    ],
)  # fmt: skip
def test_trouble_at_pinterest_says_nothing_about_the_token(
    sandbox: Sandbox, app: AppKeys, fault: dict[str, object], verdict: Verdict
) -> None:
    living = token(sandbox)
    sandbox.add_fault("pinterest", path="user_account", **fault)

    assert CHANNEL.inspect(app, living).classification.verdict == verdict


def test_a_string_that_is_no_token_is_doubtful(app: AppKeys) -> None:
    nothing = Credentials("pina_nothing-of-ours", "pinr.nothing-of-ours")

    inspection = CHANNEL.inspect(app, nothing)
    with pytest.raises(ChannelError) as caught:
        CHANNEL.renew(app, nothing)

    assert inspection.classification.verdict == Verdict.CONFIRM_FIRST
    assert caught.value.classification.verdict == Verdict.TOKEN_DEAD


def test_too_many_calls_are_told_apart_and_pass(sandbox: Sandbox, app: AppKeys) -> None:
    world.switches(sandbox, rate_limit=1, rate_code=8)
    living = token(sandbox)

    first, second = CHANNEL.inspect(app, living), CHANNEL.inspect(app, living)

    assert first.classification.verdict == Verdict.OK
    assert (second.classification.verdict, second.classification.retry_after) == (Verdict.RATE_LIMITED, 60)


def test_a_call_beyond_the_apps_access_tier_is_the_apps_fault(sandbox: Sandbox, app: AppKeys) -> None:
    world.switches(sandbox, restricted_feature="ads_read")
    living = token(sandbox)

    inspection = CHANNEL.inspect(app, living)
    reading = CHANNEL.read_account(app, living, LUMEN, scopes=SCOPES)

    assert inspection.classification.verdict == reading.classification.verdict == Verdict.APP_FAULT


def test_a_closed_door_is_passing_trouble(sandbox: Sandbox, app: AppKeys, settings: Settings) -> None:
    living = token(sandbox)
    settings.PINTEREST_API_URL = "http://127.0.0.1:1"

    assert CHANNEL.inspect(app, living).classification.verdict == Verdict.TRANSIENT


# ---- the list


def test_the_list_holds_own_and_shared_ad_accounts_with_their_roles(sandbox: Sandbox, app: AppKeys) -> None:
    listed = CHANNEL.list_accounts(app, token(sandbox, "ben"), ADA, SCOPES)

    found = {account.native_id: account for account in listed.accounts}
    assert listed.complete
    assert set(found) == {LUMEN, HARBOR, MARLO}
    assert (found[HARBOR].role, found[HARBOR].can_publish) == ("Owner", "yes")
    assert (found[LUMEN].role, found[LUMEN].can_publish) == ("Campaign manager", "yes")
    assert (found[LUMEN].name, found[LUMEN].currency) == ("Lumen Shoes EU", "EUR")
    assert (found[LUMEN].native_status, found[LUMEN].restriction, found[LUMEN].time_zone) == ("", None, "")


def test_an_analyst_may_only_report(sandbox: Sandbox, app: AppKeys) -> None:
    listed = CHANNEL.list_accounts(app, token(sandbox, "chiara"), ADA, SCOPES)

    assert [(one.native_id, one.role, one.can_publish) for one in listed.accounts] == [
        (LUMEN, "Analyst", "no")
    ]


def test_a_token_without_the_scope_to_write_publishes_nowhere(sandbox: Sandbox, app: AppKeys) -> None:
    listed = CHANNEL.list_accounts(app, token(sandbox, scopes=list(READING)), ADA, READING)

    assert {account.can_publish for account in listed.accounts} == {"no"}


@pytest.mark.parametrize(
    ("permissions", "role", "can_publish"),
    [
        (["ADMIN"], "Admin", "yes"),
        (["ANALYST", "CAMPAIGN_MANAGER"], "Campaign manager", "yes"),
        (["FINANCE_MANAGER", "AUDIENCE_MANAGER"], "Audience manager", "no"),
        (["RESTRICTED_OWNER"], "Restricted owner", "unknown"),
        (["CAMPAIGN_WIZARD"], "CAMPAIGN_WIZARD", "unknown"),
        (["ANALYST", "CAMPAIGN_WIZARD"], "Analyst", "unknown"),
        ([], "No role", "no"),
        (None, "", "unknown"),
        ("OWNER", "", "unknown"),
    ],
)
def test_permissions_tell_role_and_publishing_and_strange_ones_leave_it_open(
    sandbox: Sandbox, app: AppKeys, permissions: Any, role: str, can_publish: str
) -> None:
    body = {"id": LUMEN, "permissions": permissions}
    sandbox.add_fault("pinterest", path=f"ad_accounts/{LUMEN}", status=200, body=body)

    account = read(sandbox, app).account

    assert account is not None
    assert (account.role, account.can_publish, account.name) == (role, can_publish, LUMEN)


def test_all_pages_are_read(sandbox: Sandbox, app: AppKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokens.channels.pinterest.listing.PAGE_SIZE", 2)
    sandbox.clear_calls()

    listed = CHANNEL.list_accounts(app, token(sandbox), ADA, SCOPES)

    assert listed.complete
    assert [account.native_id for account in listed.accounts] == [LUMEN, FERN, MARLO, OLD]
    assert len(sandbox.calls(path="/v5/ad_accounts$")) == 2


def test_three_hundred_ad_accounts_take_two_pages(sandbox: Sandbox, app: AppKeys) -> None:
    items = [{"id": str(one), "permissions": ["OWNER"]} for one in range(1, 251)]
    sandbox.add_fault("pinterest", path="/v5/ad_accounts$", status=200, body={"items": items, "bookmark": "b"}, count=1)  # fmt: skip
    rest = [{"id": str(one), "permissions": ["OWNER"]} for one in range(251, 301)]
    sandbox.add_fault("pinterest", path="/v5/ad_accounts$", status=200, body={"items": rest}, count=1)

    listed = CHANNEL.list_accounts(app, token(sandbox), ADA, SCOPES)

    assert (len(listed.accounts), listed.complete) == (300, True)


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "body": "busy"},
        {"status": 200, "body": "<html>"},
        {"status": 200, "body": {"items": None, "bookmark": None}},
        {"status": 200, "body": {"code": 8, "message": "x"}},
        {"status": 401, "body": {"code": 2, "message": "Authentication failed."}},
    ],
)
def test_trouble_on_the_second_page_gives_an_incomplete_list(
    sandbox: Sandbox, app: AppKeys, fault: dict[str, Any]
) -> None:
    body = {"items": [{"id": LUMEN, "permissions": ["OWNER"]}], "bookmark": "next"}
    sandbox.add_fault("pinterest", path="/v5/ad_accounts$", status=200, body=body, count=1)
    sandbox.add_fault("pinterest", path="/v5/ad_accounts$", **fault)

    listed = CHANNEL.list_accounts(app, token(sandbox), ADA, SCOPES)

    assert ([one.native_id for one in listed.accounts], listed.complete) == ([LUMEN], False)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"items": [{"id": LUMEN}, {"name": "no id"}]}, [LUMEN]),
        ({"items": [{"id": LUMEN}, None]}, [LUMEN]),
    ],
)
def test_a_list_in_doubt_is_incomplete_and_never_shorter(
    sandbox: Sandbox, app: AppKeys, body: Any, found: list[str]
) -> None:
    sandbox.add_fault("pinterest", path="/v5/ad_accounts$", status=200, body=body)

    listed = CHANNEL.list_accounts(app, token(sandbox), ADA, SCOPES)

    assert ([one.native_id for one in listed.accounts], listed.complete) == (found, False)


def test_a_bookmark_that_leads_in_a_circle_is_followed_once(sandbox: Sandbox, app: AppKeys) -> None:
    body = {"items": [{"id": LUMEN}], "bookmark": "always the same"}
    sandbox.add_fault("pinterest", path="/v5/ad_accounts$", status=200, body=body)
    sandbox.clear_calls()

    listed = CHANNEL.list_accounts(app, token(sandbox), ADA, SCOPES)

    assert ([one.native_id for one in listed.accounts], listed.complete) == ([LUMEN], False)
    assert len(sandbox.calls(path="/v5/ad_accounts$")) == 2


def test_more_pages_than_we_read_give_an_incomplete_list(
    sandbox: Sandbox, app: AppKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.channels.pinterest.listing.PAGE_SIZE", 1)
    monkeypatch.setattr("tokens.channels.pinterest.listing.MAX_PAGES", 2)

    listed = CHANNEL.list_accounts(app, token(sandbox), ADA, SCOPES)

    assert (len(listed.accounts), listed.complete) == (2, False)


@pytest.mark.parametrize(
    "body", ["<html>", [], {"items": None}, {"items": "x"}, {"data": []}, {"items": [], "bookmark": 7}]
)
def test_a_list_of_another_shape_is_no_empty_list(sandbox: Sandbox, app: AppKeys, body: Any) -> None:
    sandbox.add_fault("pinterest", path="/v5/ad_accounts$", status=200, body=body)

    with pytest.raises(ChannelError) as caught:
        CHANNEL.list_accounts(app, token(sandbox), ADA, SCOPES)

    assert caught.value.classification.verdict == Verdict.TRANSIENT


def test_a_person_without_ad_accounts_has_an_empty_list_that_is_complete(
    sandbox: Sandbox, app: AppKeys
) -> None:
    sandbox.drop_role("pinterest", "Fern Gardens", "emil")

    listed = CHANNEL.list_accounts(app, token(sandbox, "emil"), ADA, SCOPES)

    assert (listed.accounts, listed.complete) == ((), True)


def test_a_token_without_the_scope_to_read_ads_lists_nothing(sandbox: Sandbox, app: AppKeys) -> None:
    with pytest.raises(ChannelError) as caught:
        CHANNEL.list_accounts(app, token(sandbox, scopes=["user_accounts:read"]), ADA, None)

    classification = caught.value.classification
    assert (classification.verdict, classification.reason) == (Verdict.CONFIRM_FIRST, Reason.SCOPE_MISSING)


# ---- one ad account


def test_an_ad_account_is_read_with_its_role(sandbox: Sandbox, app: AppKeys) -> None:
    found = read(sandbox, app, LUMEN, "ben")

    assert found.classification.verdict == Verdict.OK
    assert found.account is not None
    assert (found.account.native_id, found.account.role, found.account.can_publish) == (
        LUMEN,
        "Campaign manager",
        "yes",
    )


@pytest.mark.parametrize("no_role", ["403/29", "401/29", "403/403", "404/2"])
def test_a_dropped_role_is_about_this_ad_account_only(sandbox: Sandbox, app: AppKeys, no_role: str) -> None:
    world.switches(sandbox, no_role=no_role)
    sandbox.drop_role("pinterest", LUMEN, "ada")

    lost, kept = read(sandbox, app), read(sandbox, app, FERN)

    assert (lost.classification.verdict, lost.classification.reason) == (
        Verdict.ACCESS_LOST,
        Reason.ACCESS_LOST,
    )
    assert lost.account is None
    assert kept.classification.verdict == Verdict.OK


def test_an_ad_account_that_never_was_is_lost(sandbox: Sandbox, app: AppKeys) -> None:
    assert read(sandbox, app, "1").classification.verdict == Verdict.ACCESS_LOST


def test_a_person_who_became_an_analyst_reads_but_cannot_publish(sandbox: Sandbox, app: AppKeys) -> None:
    sandbox.give_role("pinterest", LUMEN, "ada", "reader")

    found = read(sandbox, app)

    assert found.classification.verdict == Verdict.OK
    assert found.account is not None
    assert (found.account.role, found.account.can_publish) == ("Analyst", "no")


@pytest.mark.parametrize(("code", "word"), [(2625, "disapproved"), (2626, "under review")])
def test_a_restricted_ad_account_says_why_and_keeps_its_role(
    sandbox: Sandbox, app: AppKeys, code: int, word: str
) -> None:
    sandbox.put_account("pinterest", LUMEN, details={"refuses": code})

    found = read(sandbox, app, LUMEN, "ben")

    assert (found.classification.verdict, found.classification.reason) == (
        Verdict.ACCOUNT_RESTRICTED,
        Reason.RESTRICTED,
    )
    assert found.account is not None
    assert str(found.account.restriction).startswith(f"{word}, “")
    assert (found.account.name, found.account.role) == ("Lumen Shoes EU", "Campaign manager")


def test_a_restriction_without_a_list_writes_no_account(sandbox: Sandbox, app: AppKeys) -> None:
    sandbox.add_fault("pinterest", path="/v5/ad_accounts$", status=503, body="busy")

    found = read(sandbox, app, MARLO)

    assert (found.classification.verdict, found.account) == (Verdict.ACCOUNT_RESTRICTED, None)


@pytest.mark.parametrize("action", ["cancel_authorisation", "change_password", "deactivate"])
def test_a_reading_with_a_token_in_trouble_says_so_without_an_account(
    sandbox: Sandbox, app: AppKeys, action: str
) -> None:
    living = token(sandbox)
    sandbox.action("pinterest", "ada", action)

    found = CHANNEL.read_account(app, living, LUMEN, scopes=SCOPES)

    assert (found.classification.verdict, found.account) == (Verdict.CONFIRM_FIRST, None)


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "body": "busy"},
        {"drop": True},
        {"status": 200, "body": "<html>"},
        {"status": 200, "body": {"name": "no id"}},
        {"status": 200, "body": {"id": FERN, "permissions": ["OWNER"]}},
        {"status": 200, "body": {"code": 29, "message": "You are not permitted to access that resource."}},
    ],
)
def test_trouble_while_reading_an_ad_account_is_passing(
    sandbox: Sandbox, app: AppKeys, fault: dict[str, Any]
) -> None:
    sandbox.add_fault("pinterest", path=f"ad_accounts/{LUMEN}", **fault)

    found = read(sandbox, app, timeout=2)

    assert (found.classification.verdict, found.account) == (Verdict.TRANSIENT, None)


def test_a_version_that_pinterest_took_away_takes_no_account_away(
    sandbox: Sandbox, app: AppKeys, settings: Settings
) -> None:
    living = token(sandbox)
    settings.PINTEREST_API_VERSION = "v4"

    reading, inspection = (
        CHANNEL.read_account(app, living, LUMEN, scopes=SCOPES),
        CHANNEL.inspect(app, living),
    )

    assert reading.classification.verdict == Verdict.OUR_BUG
    assert inspection.classification.verdict == Verdict.OUR_BUG


# ---- words and addresses


@pytest.mark.parametrize(("native_id", "expected"), [("549755885175", "549755885175"), (" 12 ", "12")])
def test_an_id_is_its_digits(native_id: str, expected: str) -> None:
    assert CHANNEL.canonical_id(native_id) == expected


@pytest.mark.parametrize("native_id", ["", "act_1", "12a", "١٢", "1/2", "1" * 31])
def test_what_is_no_number_is_no_id(native_id: str) -> None:
    with pytest.raises(ValueError, match="is a number"):
        CHANNEL.canonical_id(native_id)


def test_a_job_sends_the_token_as_a_header_and_nothing_in_the_address(app: AppKeys) -> None:
    send = CHANNEL.send(app, Credentials("pina_x", "pinr.y"), AccountFacts("1"))

    assert (dict(send.headers), dict(send.query)) == ({"Authorization": "Bearer pina_x"}, {})


def test_an_ad_account_opens_in_ads_manager() -> None:
    assert CHANNEL.open_url("12") == "https://ads.pinterest.com/advertiser/12/"
