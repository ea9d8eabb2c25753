"""Pinterest's own generated client, and a stricter one that a third party generates from a newer specification.

Both are re-pointed by Configuration(host=...), as their documentation says; nothing else is changed.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.conformance.conftest import CALLBACK
from tests.support.sandbox import Sandbox

# Imported by name when a test runs: the second one takes seconds, and `make quick` collects this file too.
VENDOR, THIRD_PARTY = "openapi_generated.pinterest_client", "pinterestsdk"
pytestmark = pytest.mark.slow
LUMEN, FERN = "549755885175", "549756012348"
DAY = 86400
Consent = Callable[..., dict[str, str]]


class Client:
    """One of the two clients, by the names that both have."""

    def __init__(self, package: str, host: str, token: str) -> None:
        top = import_module(package)
        self.errors = import_module(f"{package}.exceptions")
        self.api = top.ApiClient(top.Configuration(host=host, access_token=token))
        self.accounts = import_module(f"{package}.api.ad_accounts_api").AdAccountsApi(self.api)
        self.user = import_module(f"{package}.api.user_account_api").UserAccountApi(self.api)

    def refusal(self, call: Callable[[], Any]) -> tuple[type[Exception], int, int]:
        """The client's own exception for a refused call, the HTTP status and Pinterest's code in it."""
        with pytest.raises(self.errors.ApiException) as caught:
            call()
        error = caught.value
        return type(error), error.status, json.loads(error.body)["code"]


Connect = Callable[..., Client]


def told(page: Any, name: str) -> Any:
    """A field of a list's answer: Pinterest's own client leaves it a dict."""
    return page.get(name) if isinstance(page, dict) else getattr(page, name)


def words(values: list[Any]) -> list[str]:
    """The plain words of a list of the client's enumerations."""
    return [str(getattr(one, "value", one)) for one in values]


@pytest.fixture(params=[VENDOR, THIRD_PARTY], ids=["vendor", "third-party"])
def connect(channels_world: Sandbox, request: pytest.FixtureRequest) -> Iterator[Connect]:
    """A client with a token of a person of the start world."""
    made = []

    def make(user: str, **fields: Any) -> Client:
        token = channels_world.issue_token("pinterest", user, **fields)["access_token"]
        made.append(Client(request.param, f"{channels_world.pinterest}/v5", token))
        return made[-1]

    yield make
    for client in made:
        client.api.rest_client.pool_manager.clear()


@pytest.fixture
def oauth(channels_world: Sandbox) -> Iterator[Any]:
    """The token endpoint in the third party's client; Pinterest's own one forgets to send the code."""
    pinterestsdk = import_module(THIRD_PARTY)
    username, password = Sandbox.APPS["pinterest"]
    settings = pinterestsdk.Configuration(
        host=f"{channels_world.pinterest}/v5", username=username, password=password
    )
    api = pinterestsdk.ApiClient(settings)
    yield pinterestsdk.OauthApi(api)
    api.rest_client.pool_manager.clear()


def test_all_pages_of_ad_accounts_are_read(connect: Connect, fill: Callable[[str, int], set[str]]) -> None:
    names = fill("pinterest", 10)
    client = connect("ada")
    found: list[str] = []
    pages = 0
    more: dict[str, str] = {}

    while True:
        page = client.accounts.ad_accounts_list(page_size=4, include_shared_accounts=True, **more)
        found += [told(account, "name") for account in told(page, "items")]
        pages += 1
        if not told(page, "bookmark"):
            break
        more = {"bookmark": told(page, "bookmark")}

    assert set(found) == names
    assert pages == -(-len(names) // 4)


def test_one_ad_account_is_read(connect: Connect) -> None:
    account = connect("ada").accounts.ad_accounts_get(LUMEN)

    assert (account.id, account.name) == (LUMEN, "Lumen Shoes EU")
    assert words([account.currency, *account.permissions]) == ["EUR", "OWNER"]
    assert account.owner.username == "adaokafor"


def test_the_person_behind_the_token_is_read(connect: Connect) -> None:
    person = connect("ada").user.user_account_get()

    assert (person.id, person.username) == ("2783136121146311751", "adaokafor")


def test_a_reader_is_an_analyst(connect: Connect) -> None:
    page = connect("chiara").accounts.ad_accounts_list()

    [account] = told(page, "items")
    assert words(told(account, "permissions")) == ["ANALYST"]


@pytest.mark.parametrize("action", ["cancel_authorisation", "change_password", "deactivate"])
def test_a_dead_token_is_unauthorized_whatever_the_cause(
    connect: Connect, channels_world: Sandbox, action: str
) -> None:
    client = connect("ada")
    channels_world.action("pinterest", "ada", action)

    answer = client.refusal(client.accounts.ad_accounts_list)

    assert answer == (client.errors.UnauthorizedException, 401, 2)


def test_a_token_whose_date_has_passed_is_unauthorized_too(connect: Connect, channels_world: Sandbox) -> None:
    client = connect("ada")
    channels_world.expire_now(channel="pinterest", user="ada")

    answer = client.refusal(client.user.user_account_get)

    assert answer == (client.errors.UnauthorizedException, 401, 2)


def test_a_missing_scope_is_told_apart(connect: Connect) -> None:
    client = connect("ada", scopes=["user_accounts:read"])

    answer = client.refusal(client.accounts.ad_accounts_list)

    assert answer == (client.errors.UnauthorizedException, 401, 3)


def test_an_ad_account_without_a_role_is_forbidden_and_the_others_go_on(
    connect: Connect, channels_world: Sandbox
) -> None:
    client = connect("ada")
    channels_world.drop_role("pinterest", "Fern Gardens", "ada")

    kind, status, code = client.refusal(lambda: client.accounts.ad_accounts_get(FERN))

    assert (kind, status) == (client.errors.ForbiddenException, 403)
    assert code in (29, 403)
    assert client.accounts.ad_accounts_get(LUMEN).id == LUMEN


def test_a_rate_limit_is_no_dead_token(connect: Connect, channels_world: Sandbox) -> None:
    client = connect("ada")
    body = {"code": 8, "message": "You have exceeded your rate limit. Try again later."}
    channels_world.add_fault("pinterest", path="ad_accounts", status=429, body=body)

    assert client.refusal(client.accounts.ad_accounts_list) == (client.errors.ApiException, 429, 8)


def test_trouble_at_pinterest_is_a_service_exception(connect: Connect, channels_world: Sandbox) -> None:
    client = connect("ada")
    body = {"code": 1, "message": "Something went wrong on our end."}
    channels_world.add_fault("pinterest", path="ad_accounts", status=503, body=body)

    kind, status, _ = client.refusal(client.accounts.ad_accounts_list)

    assert (kind, status) == (client.errors.ServiceException, 503)


def test_a_consent_becomes_tokens_with_both_lives(
    oauth: Any, consent: Consent, channels_world: Sandbox
) -> None:
    asked = {
        "client_id": Sandbox.APPS["pinterest"][0],
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "ads:read,user_accounts:read",
        "state": "abc",
    }
    back = consent("pinterest", f"{channels_world.pinterest}/oauth/?{urlencode(asked)}", "ada")
    order = {"code": back["code"], "redirect_uri": CALLBACK, "continuous_refresh": "true"}

    answer = oauth.oauth_token("authorization_code", **order)

    assert back["state"] == "abc"
    assert answer.access_token.startswith("pina")
    assert answer.refresh_token.startswith("pinr")
    assert answer.expires_in == pytest.approx(30 * DAY, abs=5)
    assert answer.refresh_token_expires_in == pytest.approx(60 * DAY, abs=5)
    assert answer.response_type == "authorization_code"


def test_a_refresh_rotates_and_starts_the_sixty_days_anew(oauth: Any, channels_world: Sandbox) -> None:
    issued = channels_world.issue_token("pinterest", "ada")
    channels_world.set_clock(offset=25 * DAY)

    answer = oauth.oauth_token("refresh_token", refresh_token=issued["refresh_token"])

    assert answer.response_type == "refresh_token"
    assert answer.refresh_token_expires_in == pytest.approx(60 * DAY, abs=5)
    assert answer.refresh_token_expires_at == pytest.approx(issued["issued_at"] + 85 * DAY, abs=5)
    assert answer.refresh_token != issued["refresh_token"]


def test_a_dead_refresh_token_is_283(oauth: Any, channels_world: Sandbox) -> None:
    issued = channels_world.issue_token("pinterest", "ada")
    channels_world.cancel_authorisation("pinterest", "ada")

    with pytest.raises(import_module(THIRD_PARTY).exceptions.UnauthorizedException) as caught:
        oauth.oauth_token("refresh_token", refresh_token=issued["refresh_token"])

    assert (caught.value.status, caught.value.data.code) == (401, 283)


def test_a_wrong_secret_is_not_the_fault_of_the_token(oauth: Any, channels_world: Sandbox) -> None:
    issued = channels_world.issue_token("pinterest", "ada")
    wrong = {"type": "basic", "in": "header", "key": "Authorization"}
    wrong["value"] = "Basic " + b64encode(b"1480001:wrong").decode()

    with pytest.raises(import_module(THIRD_PARTY).exceptions.UnauthorizedException) as caught:
        oauth.oauth_token("refresh_token", refresh_token=issued["refresh_token"], _request_auth=wrong)

    assert caught.value.data.code == 2
