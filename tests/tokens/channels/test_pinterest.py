"""What only Pinterest has: usernames and owners, refresh tokens that rotate in their own ways, and code 2, which blames two."""

from typing import Any

import pytest

from tests.tokens.channels.answers import doubt
from tests.tokens.channels.worlds import DAY, FERN, LUMEN, World, in_days, means
from tokens.channels.kinds import Identity, Reason, Verdict

# ---- the person and the list


def test_own_accounts_are_listed_with_the_business_name_and_shared_ones_with_their_owners_username(
    world: World,
) -> None:
    world.sandbox.put_user("pinterest", "ada", name="Lumen Shoes Ltd")
    world.sandbox.put_user("pinterest", "emil", screen_name="FernGardens")
    world.sandbox.put_account("pinterest", FERN, roles={"emil": "admin", "ada": "advertiser"})
    living = world.token()

    who = world.channel.identity(world.app, living)
    listed = world.channel.list_accounts(world.app, living, who, world.scopes)

    businesses = {account.name: account.business for account in listed.accounts}
    assert (businesses[LUMEN], businesses[FERN]) == ("Lumen Shoes Ltd", "ferngardens")


@pytest.mark.parametrize("owner", [None, [], "shop_eu", {"username": 7}, {"id": None}])
def test_an_account_whose_owner_cannot_be_read_has_no_business(world: World, owner: Any) -> None:
    world.says(
        "ad_accounts", {"items": [{"id": world.id(LUMEN), "name": "L", "owner": owner}], "bookmark": None}
    )

    assert [(one.name, one.business) for one in world.list().accounts] == [("L", "")]


def test_a_person_who_takes_another_username_stays_the_same_person(world: World) -> None:
    living = world.token()
    world.sandbox.put_user("pinterest", "ada", screen_name="AdaWasHere")

    assert world.channel.identity(world.app, living).native_user_id == world.person().native_user_id


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"id": "12", "username": "shop_eu", "business_name": None}, Identity("12", "shop_eu")),
        ({"id": 12, "username": 7}, Identity("12", "")),
    ],
)
def test_a_person_without_a_business_name_goes_by_the_username(
    world: World, body: Any, expected: Identity
) -> None:
    world.says("user_account", body)

    assert world.channel.identity(world.app, world.token()) == expected


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
    world: World, permissions: Any, role: str, can_publish: str
) -> None:
    lumen = world.id(LUMEN)
    world.says(f"ad_accounts/{lumen}", {"id": lumen, "permissions": permissions})

    account = world.read().account

    assert account is not None
    assert (account.role, account.can_publish, account.name) == (role, can_publish, lumen)


def test_what_the_scopes_do_not_permit_ends_nothing(world: World) -> None:
    no_person, no_ads = world.token(scopes=["ads:read"]), world.token(scopes=["user_accounts:read"])

    inspection = world.inspect(no_person)
    listing = world.refuses(lambda: world.list(no_ads, scopes=None))

    assert (inspection.classification.verdict, inspection.native_user_id) == (Verdict.OK, "")
    assert means(listing, doubt(Reason.SCOPE_MISSING))


def test_a_call_beyond_the_apps_access_tier_is_the_apps_fault(world: World) -> None:
    words = "Your application does not have access to this restricted feature: ads_read"
    world.says("v5/", {"code": 3, "message": words}, 401)
    living = world.token()

    found = {world.inspect(living).classification.verdict, world.read(LUMEN, living).classification.verdict}

    assert found == {Verdict.APP_FAULT}


# ---- rotation


def test_a_refresh_token_of_365_days_keeps_its_token_and_its_date(world: World) -> None:
    world.switch(legacy=True)
    given = world.exchange()

    grant = world.renew(given.credentials)

    assert in_days(given.dates.refresh_expires_at) == pytest.approx(365, abs=0.01)
    assert (grant.credentials.refresh_token, grant.dates.refresh_expires_at) == ("", None)  # left out: kept
    assert "refresh" not in grant.dates.sources
    world.sandbox.set_clock(offset=364 * DAY)
    assert world.renew(given.credentials).credentials.access_token
    world.sandbox.set_clock(offset=366 * DAY)
    assert world.refuses_to_renew(given.credentials).verdict == Verdict.TOKEN_DEAD


# ---- code 2


@pytest.mark.parametrize(
    ("user", "then", "verdict", "statuses"),
    [
        ("ada", {}, Verdict.CONFIRM_FIRST, [401, 401]),  # the app's keys are fine
        ("", {"status": 503, "body": "busy"}, Verdict.TRANSIENT, [401, 503]),  # nobody knows about the keys
    ],
)
def test_code_2_of_a_refresh_token_is_asked_about_with_the_apps_keys_alone(
    world: World, user: str, then: dict[str, Any], verdict: Verdict, statuses: list[int]
) -> None:
    living = world.token()
    of = {"user": user} if user else {"count": 1}
    world.says("oauth/token", {"code": 2, "message": "Authentication failed."}, 401, **of)
    if then:
        world.trouble("oauth/token", count=1, **then)
    world.sandbox.clear_calls()

    assert world.refuses_to_renew(living).verdict == verdict
    assert [call["status"] for call in world.calls("oauth/token")] == statuses
