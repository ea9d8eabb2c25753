"""The stand-in X: OAuth 2.0 with PKCE, as X documents it beside 1.0a."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.sandbox.x_client import CALLBACK, XClient
from tests.support.sandbox import Sandbox

VERIFIER = "verifier-of-this-test"
S256 = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
SPENT = {"error": "invalid_request", "error_description": "Value passed for the token was invalid."}
UNKNOWN_CLIENT = {"error": "unauthorized_client", "error_description": "Missing valid authorization header"}
ALL = "ads.read ads.write tweet.read users.read offline.access"


class Client:
    """An app with a secret."""

    def __init__(self, sandbox: Sandbox, http: httpx2.Client) -> None:
        self.sandbox, self.http, self.root = sandbox, http, sandbox.x
        self.basic: Any = (sandbox.X_CLIENT_ID, sandbox.X_SECRET)

    def consent(self, **more: str) -> dict[str, str]:
        """Give the query with which the browser comes back."""
        asked = {
            "response_type": "code",
            "client_id": self.sandbox.X_CLIENT_ID,
            "redirect_uri": CALLBACK,
            "scope": ALL,
            "state": "s",
            "code_challenge": S256,
            "code_challenge_method": "S256",
            "user": "ada",
            "action": "allow",
            **more,
        }
        answer = self.http.post(f"{self.root}/i/oauth2/authorize", data=asked)
        if answer.status_code != 302:
            return {"refused": str(answer.status_code)}
        return {name: one[0] for name, one in parse_qs(urlsplit(answer.headers["location"]).query).items()}

    def token(self, **form: str) -> httpx2.Response:
        return self.http.post(f"{self.root}/2/oauth2/token", data=form, auth=self.basic)

    def redeem(self, code: str, **more: str) -> httpx2.Response:
        form = {"redirect_uri": CALLBACK, "code_verifier": VERIFIER, **more}
        return self.token(grant_type="authorization_code", code=code, **form)

    def dance(self, **more: str) -> dict[str, Any]:
        answer = self.redeem(self.consent(**more)["code"])
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def refresh(self, token: str) -> httpx2.Response:
        return self.token(grant_type="refresh_token", refresh_token=token)

    def get(self, path: str, token: str) -> httpx2.Response:
        return self.http.get(self.root + path, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def x(sandbox: Sandbox, http: httpx2.Client) -> Client:
    return Client(sandbox, http)


@pytest.mark.parametrize("challenge", [(S256, "S256"), (VERIFIER, "plain")])
def test_a_code_gives_tokens_that_name_their_owner(x: Client, challenge: tuple[str, str]) -> None:
    made = x.dance(code_challenge=challenge[0], code_challenge_method=challenge[1])

    assert set(made) == {"token_type", "expires_in", "access_token", "scope", "refresh_token"}
    assert (made["token_type"], made["expires_in"], made["scope"]) == ("bearer", 7200, ALL)
    me = x.get("/2/users/me", made["access_token"]).json()
    assert me == {"data": {"id": "2417045708", "name": "Ada Okafor", "username": "AdaOkafor"}}


def test_without_offline_access_there_is_no_refresh_token(x: Client) -> None:
    assert "refresh_token" not in x.dance(scope="ads.read")


def test_the_consent_page_is_strict_and_cancel_says_so(x: Client) -> None:
    strange = [
        {"code_challenge": ""},
        {"code_challenge_method": "S512"},
        {"response_type": "token"},
        {"redirect_uri": CALLBACK + "?more=1"},
        {"scope": "everything"},
        {"state": "s" * 501},
    ]

    assert [x.consent(**one) for one in strange] == [{"refused": "400"}] * len(strange)
    assert x.consent(action="cancel") == {"error": "access_denied", "state": "s"}


def test_a_code_is_good_once_for_thirty_seconds_and_for_its_verifier(x: Client) -> None:
    code = x.consent()["code"]
    wrong = x.redeem(code, code_verifier="guess")
    first, second = x.redeem(code), x.redeem(code)
    late = x.consent()["code"]
    x.sandbox.control("POST", "clock", {"offset": 31})

    assert [one.status_code for one in (wrong, first, second, x.redeem(late))] == [400, 200, 400, 400]
    assert second.json()["error_description"] == "Value passed for the authorization code was invalid."


def test_a_refresh_token_is_good_once(x: Client) -> None:
    old = x.dance()
    fresh = x.refresh(old["refresh_token"])
    again = x.refresh(old["refresh_token"])

    assert fresh.status_code == 200
    assert fresh.json()["refresh_token"] != old["refresh_token"]
    assert (again.status_code, again.json()) == (400, SPENT)
    assert x.get("/2/users/me", old["access_token"]).status_code == 401
    assert x.get("/2/users/me", fresh.json()["access_token"]).status_code == 200


def test_a_second_grant_of_the_same_person_ends_the_first(x: Client) -> None:
    first, bens, second = x.dance(), x.dance(user="ben"), x.dance()

    answers = [x.get("/2/users/me", one["access_token"]).status_code for one in (first, second, bens)]
    assert answers == [401, 200, 200]
    assert x.refresh(first["refresh_token"]).json() == SPENT


def test_the_secret_goes_by_basic_alone(x: Client) -> None:
    code = x.consent()["code"]
    basic, x.basic = x.basic, None
    posted = x.redeem(code, client_id=basic[0], client_secret=basic[1])
    x.basic = (basic[0], "wrong")
    wrong = x.redeem(code)
    x.sandbox.control("PUT", "apps/x", {"settings": {"public": True}})
    x.basic = None
    public = x.redeem(code, client_id=basic[0])

    assert [(one.status_code, one.json()) for one in (posted, wrong)] == [(401, UNKNOWN_CLIENT)] * 2
    assert public.status_code == 200


def test_the_app_and_the_person_can_end_it(x: Client) -> None:
    revoked, removed = x.dance(), x.dance(user="ben")
    answer = x.http.post(f"{x.root}/2/oauth2/revoke", data={"token": revoked["refresh_token"]}, auth=x.basic)
    x.sandbox.action("x", "ben", "cancel_authorisation")

    assert (answer.status_code, answer.json()) == (200, {"revoked": True})
    assert {x.get("/2/users/me", one["access_token"]).status_code for one in (revoked, removed)} == {401}


def test_bearers_reach_the_ads_api_by_a_switch_and_with_permission(x: Client) -> None:
    token, narrow = (
        x.dance()["access_token"],
        x.dance(user="ben", scope="users.read tweet.read")["access_token"],
    )
    closed = x.get("/12/accounts", token)
    x.sandbox.control("PUT", "apps/x", {"settings": {"bearer_on_rest": True}})
    opened = x.get("/12/accounts", token)

    assert (closed.status_code, closed.json()["errors"][0]["code"]) == (401, "UNAUTHORIZED_ACCESS")
    assert (opened.status_code, len(opened.json()["data"])) == (200, 4)
    assert x.get("/12/accounts", narrow).status_code == 401
    assert x.get("/2/users/me", x.dance(scope="ads.read")["access_token"]).status_code == 403


def test_a_wrong_method_and_a_wrong_address_are_told_apart(sandbox: Sandbox, http: httpx2.Client) -> None:
    x = XClient(sandbox, http)
    pair = x.issue(sandbox)
    wrong, nowhere = x.call("PUT", "/12/accounts", pair), x.call("PATCH", "/12/nowhere", pair)

    codes = [(one.status_code, one.json()["errors"][0]["code"]) for one in (wrong, nowhere)]
    assert codes == [(405, "METHOD_NOT_ALLOWED"), (404, "ROUTE_NOT_FOUND")]


def test_basic_and_the_method_of_the_challenge_are_taken_as_clients_write_them(x: Client) -> None:
    client_id, secret = x.basic
    code = x.consent(code_challenge_method="s256")["code"]
    x.basic = (client_id.replace("-", "%2D"), secret.replace("-", "%2D"))

    answer = x.redeem(code)

    assert answer.status_code == 200
