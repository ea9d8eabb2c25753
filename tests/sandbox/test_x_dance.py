"""The stand-in X: OAuth 1.0a with real signatures."""

import httpx2
import pytest

from tests.sandbox.x_client import CALLBACK, XClient, code_of, form_of
from tests.support.sandbox import Sandbox

ME = "/1.1/account/verify_credentials.json"


@pytest.fixture
def x(sandbox: Sandbox, http: httpx2.Client) -> XClient:
    return XClient(sandbox, http)


def test_a_callback_that_is_not_registered_is_refused(x: XClient) -> None:
    assert x.request_token(CALLBACK + "more/").status_code == 403


def test_force_login_asks_who_it_is_even_when_somebody_is_signed_in(x: XClient) -> None:
    x.dance("ben")
    token = form_of(x.request_token())["oauth_token"]
    page = f"{x.root}/oauth/authorize"

    silent = x.http.get(page, params={"oauth_token": token})
    forced = x.http.get(page, params={"oauth_token": token, "force_login": "true"})

    assert "Signed in as <strong>Ben Lindqvist</strong>" in silent.text
    assert "Choose who you are" in forced.text


def test_authenticate_skips_the_prompt_for_a_standing_grant(x: XClient) -> None:
    x.dance("ben")
    token = form_of(x.request_token())["oauth_token"]

    response = x.http.get(f"{x.root}/oauth/authenticate", params={"oauth_token": token})

    assert response.status_code == 302
    assert response.headers["location"].startswith(f"{CALLBACK}?oauth_token={token}&oauth_verifier=")


def test_the_same_pair_comes_back_while_the_grant_lives_and_a_new_one_after(x: XClient) -> None:
    first, again = x.dance(), x.dance()
    pair = (first["oauth_token"], first["oauth_token_secret"])

    given_back = x.call("POST", "/1.1/oauth/invalidate_token.json", pair)
    fresh = x.dance()

    assert again == first
    assert given_back.json() == {"access_token": pair[0]}
    assert fresh["oauth_token"] != first["oauth_token"]
    assert code_of(x.call("GET", ME, pair)) == (401, 89)


def test_query_and_form_are_part_of_the_signature(x: XClient, sandbox: Sandbox) -> None:
    pair = x.issue(sandbox)
    url = f"{x.root}{ME}?include_email=true&text=a%20b%2Cc"
    options = {"resource_owner_key": pair[0], "resource_owner_secret": pair[1]}
    signed = x.sign("GET", url, None, **options)

    as_signed = x.http.get(url, headers=signed)
    changed = x.http.get(url.replace("true", "false"), headers=x.sign("GET", url, None, **options))

    assert as_signed.json()["email"] == "ada@people.example"
    assert code_of(changed) == (401, 32)


def test_a_wrong_secret_is_32_and_no_header_is_215(x: XClient, sandbox: Sandbox) -> None:
    pair = x.issue(sandbox)

    assert code_of(x.call("GET", ME, pair, client_secret="wrong")) == (401, 32)
    assert code_of(x.call("GET", ME, (pair[0], "wrong"))) == (401, 32)
    assert code_of(x.http.get(x.root + ME)) == (400, 215)
    assert code_of(x.http.get(x.root + ME, headers={"Authorization": "Bearer x"})) == (400, 215)


def test_a_nonce_is_good_once(x: XClient, sandbox: Sandbox) -> None:
    pair = x.issue(sandbox)
    headers = x.sign("GET", x.root + ME, None, resource_owner_key=pair[0], resource_owner_secret=pair[1])

    first, second = (x.http.get(x.root + ME, headers=headers) for _ in range(2))

    assert first.status_code == 200
    assert code_of(second) == (401, 32)
