"""X's own client (twitter-ads) against the stand-in X.

Its last release speaks version 11 to ads-api.twitter.com and has no setting for either: the test replaces the constant
of the host and the version in the two paths that it uses. Signing, cursors and exceptions are the client's own.
"""

import time
from collections.abc import Callable

import pytest
from twitter_ads import error
from twitter_ads.account import Account
from twitter_ads.campaign import FundingInstrument
from twitter_ads.client import Client
from twitter_ads.http import Request

from tests.support.sandbox import Sandbox

LUMEN, FERN = "18ce54d4x5t", "18ce55gq7fk"
ACCESS = f"/12/accounts/{LUMEN}/authenticated_user_access"
Connect = Callable[[str], Client]


@pytest.fixture
def connect(channels_world: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """The client with the pair of a person of the start world."""
    monkeypatch.setattr(Request, "_DEFAULT_DOMAIN", channels_world.x)
    monkeypatch.setattr(Account, "RESOURCE_COLLECTION", "/12/accounts")
    monkeypatch.setattr(Account, "RESOURCE", "/12/accounts/{id}")
    funding = "/12/accounts/{account_id}/funding_instruments"
    monkeypatch.setattr(FundingInstrument, "RESOURCE_COLLECTION", funding)

    def make(user: str) -> Client:
        pair = channels_world.issue_token("x", user)
        return Client(*Sandbox.APPS["x"], pair["oauth_token"], pair["oauth_token_secret"])

    return make


def code_of(caught: pytest.ExceptionInfo[error.Error]) -> str:
    """The one code in what the client makes of the answer."""
    [detail] = caught.value.details
    return str(detail["code"])


def test_all_pages_of_ad_accounts_are_read(connect: Connect, fill: Callable[[str, int], set[str]]) -> None:
    names = fill("x", 20)
    client = connect("ada")

    cursor = Account.all(client, count=7)

    assert {account.name for account in cursor} == names
    assert cursor.exhausted


def test_a_total_is_told_where_it_is_asked_for(connect: Connect) -> None:
    cursor = Account.all(connect("ada"), count=2, with_total_count="true")

    assert (cursor.fetched, cursor.count) == (2, 4)
    with pytest.raises(error.BadRequest):  # a total and a cursor exclude each other
        list(cursor)


def test_one_ad_account_is_read_with_its_currency(connect: Connect) -> None:
    account = connect("ada").accounts(LUMEN)

    [funding] = account.funding_instruments()

    assert isinstance(account, Account)
    assert (account.id, account.name, account.approval_status) == (LUMEN, "Lumen Shoes EU", "ACCEPTED")
    assert account.timezone == "Europe/Berlin"
    assert (funding.currency, funding.able_to_fund) == ("EUR", True)


@pytest.mark.parametrize(("action", "body"), [("cancel_authorisation", {}), ("deactivate", {"on": True})])
def test_a_dead_pair_is_not_authorized(
    connect: Connect, channels_world: Sandbox, action: str, body: dict[str, bool]
) -> None:
    client = connect("ada")
    channels_world.action("x", "ada", action, **body)

    with pytest.raises(error.NotAuthorized) as caught:
        client.accounts()

    assert (caught.value.code, code_of(caught)) == (401, "UNAUTHORIZED_ACCESS")


def test_the_same_dead_pair_is_89_where_x_counts_in_numbers(
    connect: Connect, channels_world: Sandbox
) -> None:
    client = connect("ada")
    channels_world.cancel_authorisation("x", "ada")

    with pytest.raises(error.NotAuthorized) as caught:
        Request(client, "get", "/1.1/account/verify_credentials.json").perform()

    assert (caught.value.code, code_of(caught)) == (401, "89")


def test_an_invalidated_pair_is_dead_at_once(connect: Connect) -> None:
    client = connect("ada")

    answer = Request(client, "post", "/1.1/oauth/invalidate_token.json").perform()

    assert answer.body == {"access_token": client.access_token}
    with pytest.raises(error.NotAuthorized):
        client.accounts(LUMEN)


@pytest.mark.parametrize(
    ("action", "code"), [("suspend", "CURRENT_USER_SUSPENDED"), ("checkpoint", "ACCOUNT_LOCKED_OUT")]
)
def test_a_suspended_or_locked_person_is_forbidden(
    connect: Connect, channels_world: Sandbox, action: str, code: str
) -> None:
    client = connect("ada")
    channels_world.action("x", "ada", action, on=True)

    with pytest.raises(error.Forbidden) as caught:
        client.accounts(LUMEN)

    assert (caught.value.code, code_of(caught)) == (403, code)


def test_a_wrong_signature_cannot_be_told_from_a_dead_pair(connect: Connect) -> None:
    pair = connect("ada")
    client = Client(*Sandbox.APPS["x"], pair.access_token, "wrong")

    with pytest.raises(error.NotAuthorized) as caught:
        client.accounts()

    assert code_of(caught) == "UNAUTHORIZED_ACCESS"
    with pytest.raises(error.NotAuthorized) as caught:
        Request(client, "get", "/1.1/account/verify_credentials.json").perform()
    assert code_of(caught) == "32"


def test_an_ad_account_without_a_role_is_forbidden_and_the_others_go_on(
    connect: Connect, channels_world: Sandbox
) -> None:
    client = connect("ada")
    channels_world.drop_role("x", "Fern Gardens", "ada")

    with pytest.raises(error.Forbidden) as caught:
        client.accounts(FERN)

    assert code_of(caught) == "ACCOUNT_NOT_FOUND"
    assert client.accounts(LUMEN).id == LUMEN


def test_the_sixth_list_in_a_window_is_a_rate_limit_with_its_end(connect: Connect) -> None:
    client = connect("ada")
    for _ in range(5):
        client.accounts()

    with pytest.raises(error.RateLimit) as caught:
        client.accounts()

    assert (caught.value.code, code_of(caught)) == (429, "TOO_MANY_REQUESTS")
    assert 0 < int(caught.value.reset_at) - time.time() <= 900
    assert client.accounts(LUMEN).id == LUMEN


def test_a_rate_limit_of_the_ad_account_comes_first(connect: Connect, channels_world: Sandbox) -> None:
    headers = {"x-rate-limit-reset": "1000000000", "x-account-rate-limit-reset": "2000000000"}
    body = {
        "errors": [{"code": "TOO_MANY_REQUESTS", "message": "Too many requests"}],
        "request": {"params": {}},
    }
    channels_world.add_fault("x", path="/12/accounts", status=429, headers=headers, body=body)

    with pytest.raises(error.RateLimit) as caught:
        connect("ada").accounts(LUMEN)

    assert caught.value.reset_at == "2000000000"


def test_a_service_that_is_away_tells_when_to_come_back(connect: Connect, channels_world: Sandbox) -> None:
    body = {"errors": [{"code": "SERVICE_UNAVAILABLE", "message": "Service unavailable"}]}
    channels_world.add_fault("x", path="/12/accounts", status=503, headers={"retry-after": "30"}, body=body)

    with pytest.raises(error.ServiceUnavailable) as caught:
        connect("ada").accounts()

    assert caught.value.retry_after == "30"


def test_an_error_in_html_is_known_by_its_status(connect: Connect, channels_world: Sandbox) -> None:
    channels_world.add_fault("x", path="/12/accounts", status=404, body="<html>Not here</html>")

    with pytest.raises(error.NotFound) as caught:
        connect("ada").accounts()

    assert caught.value.details is None


def test_a_reader_sees_the_account_but_may_not_publish(connect: Connect) -> None:
    client = connect("chiara")
    form = {"name": "Autumn", "funding_instrument_id": "f4x5t"}

    permissions = Request(client, "get", ACCESS).perform().body["data"]["permissions"]
    with pytest.raises(error.Forbidden) as caught:
        Request(client, "post", f"/12/accounts/{LUMEN}/campaigns", params=form).perform()

    assert permissions == ["ANALYST"]
    assert code_of(caught) == "INSUFFICIENT_USER_AUTHORIZED_PERMISSION"
