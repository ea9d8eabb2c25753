"""The stand-in Pinterest: from the consent page to tokens, their renewal and their end. Written from the vendor's API description."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.support.sandbox import Sandbox

CALLBACK = "http://app.example:8000/link/pinterest/callback/"
CLIENT_ID, SECRET = Sandbox.APPS["pinterest"]
SCOPES = "ads:read,ads:write,user_accounts:read"
DAY = 86_400
DENIED = (401, 2, "Authentication failed.")
INVALID = (401, 283, "The authorization grant is invalid")
ASKED = {
    "client_id": CLIENT_ID,
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": SCOPES,
    "state": "a&b",
}


class Pinterest:
    """Calls of one app."""

    def __init__(self, sandbox: Sandbox, http: httpx2.Client) -> None:
        self.root, self.http = sandbox.pinterest, http
        self.keys = (CLIENT_ID, SECRET)

    def decide(self, **form: Any) -> httpx2.Response:
        """Send the consent form."""
        given = {"user": "ada", "action": "allow"}
        return self.http.post(f"{self.root}/oauth/", data={**ASKED, **given, **form})

    def code(self, **form: Any) -> str:
        """A code from the consent form."""
        return query_of(self.decide(**form))["code"]

    def token(self, **form: str) -> httpx2.Response:
        """The token endpoint, with the app's keys in Basic."""
        return self.http.post(f"{self.root}/v5/oauth/token", data=form, auth=self.keys)

    def redeem(self, code: str, **form: str) -> httpx2.Response:
        """Code for tokens."""
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "continuous_refresh": "true",
        }
        return self.token(**{**asked, **form})

    def refresh(self, token: str, **form: str) -> httpx2.Response:
        """Refresh token for tokens."""
        return self.token(grant_type="refresh_token", refresh_token=token, **form)

    def person(self, token: str) -> httpx2.Response:
        """Whose token it is."""
        headers = {"Authorization": f"Bearer {token}"}
        return self.http.get(f"{self.root}/v5/user_account", headers=headers)

    def revoke(self, token: str) -> httpx2.Response:
        """End a token."""
        form = {"token": token, "token_type_hint": "refresh_token"}
        return self.http.post(f"{self.root}/v5/oauth/token/revoke", data=form, auth=self.keys)


def query_of(response: httpx2.Response) -> dict[str, str]:
    """The answer in the address that a redirect leads to."""
    assert response.status_code == 302, response.text
    return {
        name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()
    }


def error_of(response: httpx2.Response) -> tuple[int, int, str]:
    body = response.json()
    return response.status_code, body["code"], body["message"]


@pytest.fixture
def pinterest(sandbox: Sandbox, http: httpx2.Client) -> Pinterest:
    sandbox.put_app("pinterest", redirect_uris=[CALLBACK])
    return Pinterest(sandbox, http)


def switch(sandbox: Sandbox, **settings: Any) -> None:
    sandbox.put_app("pinterest", settings=settings)


def test_the_samples_older_name_of_the_app_is_taken_too(pinterest: Pinterest) -> None:
    asked = {name: value for name, value in ASKED.items() if name != "client_id"}
    page = pinterest.http.get(f"{pinterest.root}/oauth/", params={**asked, "consumer_id": CLIENT_ID})

    assert page.status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uri": CALLBACK.rstrip("/")},
        {"redirect_uri": CALLBACK + "?x=1"},
        {"redirect_uri": ""},
        {"client_id": "1"},
        {"response_type": "token"},
        {"scope": SCOPES.replace(",", " ")},
        {"scope": "ads:everything"},
    ],
)
def test_what_is_asked_for_wrongly_gets_no_redirect(pinterest: Pinterest, wrong: dict[str, str]) -> None:
    response = pinterest.decide(**wrong)

    assert response.status_code == 400
    assert "location" not in response.headers


def test_a_header_that_is_no_basic_is_denied(pinterest: Pinterest) -> None:
    for header in ("Basic !!!", "Bearer abc", "Basic", f"Basic {CLIENT_ID}:{SECRET}"):
        headers = {"Authorization": header}
        response = pinterest.http.post(
            f"{pinterest.root}/v5/oauth/token", data={"grant_type": "x"}, headers=headers
        )

        assert error_of(response) == DENIED


def test_parameters_in_the_address_are_not_read(pinterest: Pinterest) -> None:
    params = {"grant_type": "authorization_code", "code": pinterest.code(), "redirect_uri": CALLBACK}

    response = pinterest.http.post(f"{pinterest.root}/v5/oauth/token", params=params, auth=pinterest.keys)

    assert error_of(response)[:2] == (400, 1)


@pytest.mark.parametrize("form", [{"code": ""}, {"grant_type": ""}, {"grant_type": "client_credentials"}])
def test_a_request_that_lacks_something_is_a_bad_one(pinterest: Pinterest, form: dict[str, str]) -> None:
    asked = {"grant_type": "authorization_code", "code": "c", "redirect_uri": CALLBACK, **form}

    assert error_of(pinterest.token(**asked))[:2] == (400, 1)


def test_in_their_grace_both_still_work(pinterest: Pinterest, sandbox: Sandbox) -> None:
    switch(sandbox, grace=60)
    first = sandbox.issue_token("pinterest", "ada")
    second = pinterest.refresh(first["refresh_token"]).json()

    again = pinterest.refresh(first["refresh_token"]).json()

    assert again["refresh_token"] == second["refresh_token"]
    assert pinterest.person(first["access_token"]).status_code == 200
    sandbox.set_clock(offset=61)
    assert error_of(pinterest.refresh(first["refresh_token"])) == INVALID
    assert error_of(pinterest.person(first["access_token"])) == DENIED


def test_an_old_app_must_ask_for_continuous_refresh(pinterest: Pinterest, sandbox: Sandbox) -> None:
    switch(sandbox, old_app=True)

    asked = pinterest.redeem(pinterest.code()).json()
    not_asked = pinterest.redeem(pinterest.code(), continuous_refresh="").json()
    again = pinterest.refresh(not_asked["refresh_token"]).json()

    assert asked["refresh_token_expires_in"] == 60 * DAY
    assert not_asked["refresh_token_expires_in"] == 365 * DAY
    assert "refresh_token" not in again
    assert "refresh_token" in pinterest.refresh(asked["refresh_token"]).json()


def test_the_answer_names_every_scope_that_was_ever_approved(pinterest: Pinterest) -> None:
    pinterest.redeem(pinterest.code(scope="ads:write"))

    said = pinterest.redeem(pinterest.code(scope="ads:read")).json()

    assert said["scope"] == "ads:read,ads:write"
    refused = pinterest.refresh(said["refresh_token"], scope="ads:read,billing:write")
    assert error_of(refused)[:2] == (400, 1)


def test_only_system_users_tokens_can_be_revoked(pinterest: Pinterest, sandbox: Sandbox) -> None:
    switch(sandbox, system_users=["ben"])
    ada, ben = sandbox.issue_token("pinterest", "ada"), sandbox.issue_token("pinterest", "ben")

    refused, taken = pinterest.revoke(ada["refresh_token"]), pinterest.revoke(ben["refresh_token"])

    assert error_of(refused) == (403, 29, "You are not permitted to access that resource.")
    assert (taken.status_code, taken.text) == (200, "")
    assert pinterest.person(ada["access_token"]).status_code == 200
    assert error_of(pinterest.person(ben["access_token"])) == DENIED
    wrong = pinterest.http.post(f"{pinterest.root}/v5/oauth/token/revoke", data={"token": "x"})
    assert error_of(wrong) == DENIED
