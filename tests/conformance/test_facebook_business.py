"""Meta's own client (facebook-business) against the stand-in Facebook.

Re-pointed by FacebookSession.GRAPH, the class attribute that its documentation names; nothing else is changed.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.user import User
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession

from tests.support.sandbox import Sandbox

LUMEN, FERN = "act_203847561029384", "act_318204957716203"
FIELDS = ["account_id", "name", "account_status", "currency", "timezone_name", "user_tasks"]
Connect = Callable[[str], FacebookAdsApi]


@pytest.fixture
def connect(channels_world: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """The client with a token of a person of the start world (each call issues a new one)."""
    monkeypatch.setattr(FacebookSession, "GRAPH", channels_world.facebook)
    sessions = []

    def make(user: str) -> FacebookAdsApi:
        token = channels_world.issue_token("facebook", user)["access_token"]
        session = FacebookSession(*Sandbox.APPS["facebook"], token)
        sessions.append(session)
        return FacebookAdsApi(session)

    yield make
    for session in sessions:
        session.requests.close()


def refusal(api: FacebookAdsApi) -> tuple[int, Any, Any]:
    """HTTP status, code and subcode that the client reads out of a refused list of ad accounts."""
    with pytest.raises(FacebookRequestError) as caught:
        User("me", api=api).get_ad_accounts(fields=FIELDS)
    error = caught.value
    return error.http_status(), error.api_error_code(), error.api_error_subcode()


def test_all_pages_of_ad_accounts_are_read(connect: Connect, fill: Callable[[str, int], set[str]]) -> None:
    names = fill("facebook", 30)
    api = connect("ada")

    listed = User("me", api=api).get_ad_accounts(fields=FIELDS, params={"limit": 7})

    assert {account["name"] for account in listed} == names
    assert api.get_num_requests_succeeded() == -(-len(names) // 7)


def test_one_ad_account_is_read_as_its_own_class(connect: Connect) -> None:
    account = AdAccount(LUMEN, api=connect("ada")).api_get(fields=FIELDS)

    assert isinstance(account, AdAccount)
    assert account.export_all_data() == {
        "id": LUMEN,
        "account_id": LUMEN.removeprefix("act_"),
        "name": "Lumen Shoes EU",
        "account_status": 1,
        "currency": "EUR",
        "timezone_name": "Europe/Berlin",
        "user_tasks": ["DRAFT", "ANALYZE", "ADVERTISE", "MANAGE"],
    }


@pytest.mark.parametrize(
    ("action", "subcode"),
    [
        ("change_password", 460),
        ("cancel_authorisation", 458),
        ("log_out", 467),
        ("checkpoint", 459),
        ("suspend", 464),
    ],
)
def test_what_a_person_does_ends_the_token_with_code_190_and_its_subcode(
    connect: Connect, channels_world: Sandbox, action: str, subcode: int
) -> None:
    api = connect("ada")
    channels_world.action("facebook", "ada", action)

    assert refusal(api) == (400, 190, subcode)


def test_a_token_whose_date_has_passed_is_190_463(connect: Connect, channels_world: Sandbox) -> None:
    api = connect("ada")
    channels_world.expire_now(user="ada")

    assert refusal(api) == (400, 190, 463)


def test_a_token_that_never_was_is_190_without_a_subcode(connect: Connect, channels_world: Sandbox) -> None:
    connect("ada")
    session = FacebookSession(*Sandbox.APPS["facebook"], "EAAnobody")

    answer = refusal(FacebookAdsApi(session))

    session.requests.close()
    assert answer == (400, 190, None)


def test_a_call_without_the_proof_of_the_app_is_refused(connect: Connect) -> None:
    api = connect("ada")
    del api._session.requests.params["appsecret_proof"]

    status, code, _ = refusal(api)

    assert (status, code) == (400, 100)


def test_a_suspended_app_ends_the_tokens_of_all(connect: Connect, channels_world: Sandbox) -> None:
    api = connect("ada")
    channels_world.put_app("facebook", suspended=True)

    answer = refusal(api)

    channels_world.put_app("facebook", suspended=False)
    assert answer == (400, 190, 493)


def test_an_ad_account_without_a_role_is_100_33(connect: Connect, channels_world: Sandbox) -> None:
    api = connect("ada")
    channels_world.drop_role("facebook", "Fern Gardens", "ada")

    with pytest.raises(FacebookRequestError) as caught:
        AdAccount(FERN, api=api).api_get(fields=FIELDS)

    assert (caught.value.api_error_code(), caught.value.api_error_subcode()) == (100, 33)
    assert caught.value.api_error_type() == "GraphMethodException"


def test_an_ad_account_that_was_unticked_is_a_lost_permission(
    connect: Connect, channels_world: Sandbox
) -> None:
    api = connect("ada")
    channels_world.set_consent("ada", accounts=[LUMEN.removeprefix("act_")])

    with pytest.raises(FacebookRequestError) as caught:
        AdAccount(FERN, api=api).api_get(fields=FIELDS)

    assert (caught.value.http_status(), caught.value.api_error_code()) == (403, 200)


def test_a_reader_lists_but_may_not_publish(connect: Connect) -> None:
    api = connect("chiara")
    [account] = User("me", api=api).get_ad_accounts(fields=FIELDS)
    campaign = {
        "name": "Autumn",
        "objective": "OUTCOME_TRAFFIC",
        "status": "PAUSED",
        "special_ad_categories": [],
    }

    with pytest.raises(FacebookRequestError) as caught:
        account.create_campaign(params=campaign)

    assert account["user_tasks"] == ["ANALYZE"]
    assert (caught.value.http_status(), caught.value.api_error_code()) == (403, 200)


def test_an_admin_publishes_and_reads_it_back(connect: Connect) -> None:
    account = AdAccount(LUMEN, api=connect("ada"))
    campaign = {
        "name": "Autumn",
        "objective": "OUTCOME_TRAFFIC",
        "status": "PAUSED",
        "special_ad_categories": [],
    }

    made = account.create_campaign(params=campaign)

    assert made.api_get(fields=["name", "status"]).export_all_data() == {
        "id": made["id"],
        "name": "Autumn",
        "status": "PAUSED",
    }


def test_a_rate_limit_is_no_dead_token(connect: Connect, channels_world: Sandbox) -> None:
    text = "(#80004) There have been too many calls to this ad-account. Wait a bit and try again."
    body = {"error": {"message": text, "type": "OAuthException", "code": 80004, "error_subcode": 2446079}}
    channels_world.add_fault("facebook", path="adaccounts", status=400, body=body)

    assert refusal(connect("ada")) == (400, 80004, 2446079)


def test_a_failure_that_passes_is_marked_so(connect: Connect, channels_world: Sandbox) -> None:
    body = {
        "error": {"message": "Service unavailable", "type": "OAuthException", "code": 2, "is_transient": True}
    }
    channels_world.add_fault("facebook", path="adaccounts", status=500, body=body)

    with pytest.raises(FacebookRequestError) as caught:
        User("me", api=connect("ada")).get_ad_accounts()

    assert caught.value.api_transient_error() is True


def test_a_token_is_exchanged_and_asked_about_through_the_client(connect: Connect) -> None:
    api = connect("ada")
    client_id, secret = Sandbox.APPS["facebook"]
    order = {"grant_type": "fb_exchange_token", "client_id": client_id, "client_secret": secret}

    token = api._session.access_token
    answer = api.call("GET", ("oauth", "access_token"), {**order, "fb_exchange_token": token}).json()
    told = api.call("GET", ("debug_token",), {"input_token": answer["access_token"]}).json()["data"]

    assert answer["token_type"] == "bearer"
    assert answer["expires_in"] > 59 * 86400
    assert (told["is_valid"], told["type"], told["app_id"]) == (True, "USER", client_id)


def test_a_batch_is_answered_item_by_item(connect: Connect) -> None:
    api = connect("ada")
    batch, good, bad = api.new_batch(), [], []

    def answered(response: Any) -> None:
        good.append(response.json())

    def refused(response: Any) -> None:
        bad.append(response.json()["error"]["code"])

    for path in (LUMEN, FERN):
        batch.add("GET", (path,), params={"fields": "name"}, success=answered, failure=refused)
    batch.add("GET", (LUMEN,), params={"fields": "nope"}, success=answered, failure=refused)
    batch.execute()

    assert [row["name"] for row in good] == ["Lumen Shoes EU", "Fern Gardens"]
    assert bad == [100]
