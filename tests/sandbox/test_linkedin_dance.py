"""The stand-in LinkedIn: consent page, tokens, introspection and revocation, as its documents have them."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.support.sandbox import Sandbox

CLIENT_ID, SECRET = Sandbox.APPS["linkedin"]
CALLBACK = "http://app.example:8000/link/linkedin/callback/"
SCOPES = "r_ads rw_ads r_ads_reporting openid profile"
ASKED = {
    "response_type": "code",
    "client_id": CLIENT_ID,
    "redirect_uri": CALLBACK,
    "state": "s1",
    "scope": SCOPES,
}
APP = {"client_id": CLIENT_ID, "client_secret": SECRET}
DAY = 86_400


class LinkedIn:
    """Plain HTTP against the OAuth endpoints."""

    def __init__(self, sandbox: Sandbox, http: httpx2.Client) -> None:
        self.root, self.http = f"{sandbox.linkedin}/oauth/v2", http

    def consent(self, **form: Any) -> httpx2.Response:
        data = {**ASKED, "user": "ada", "action": "allow", **form}
        return self.http.post(f"{self.root}/authorization", data=data)

    def code(self, **form: Any) -> str:
        return query_of(self.consent(**form))["code"]

    def post(self, path: str, form: dict[str, str], **more: Any) -> httpx2.Response:
        return self.http.post(f"{self.root}/{path}", data=form, **more)

    def redeem(self, code: str, /, **form: str) -> httpx2.Response:
        base = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, **APP}
        return self.post("accessToken", {**base, **form})

    def refresh(self, token: str, **form: str) -> httpx2.Response:
        return self.post(
            "accessToken", {"grant_type": "refresh_token", "refresh_token": token, **APP, **form}
        )

    def introspect(self, token: str, **form: str) -> httpx2.Response:
        return self.post("introspectToken", {**APP, "token": token, **form})


def query_of(response: httpx2.Response) -> dict[str, str]:
    assert response.status_code == 302, response.text
    query = parse_qs(urlsplit(response.headers["location"]).query)
    return {name: values[0] for name, values in query.items()}


def back(response: httpx2.Response) -> str:
    return query_of(response).get("error", "")


@pytest.fixture
def linkedin(sandbox: Sandbox, http: httpx2.Client) -> LinkedIn:
    sandbox.put_app("linkedin", redirect_uris=[CALLBACK])
    return LinkedIn(sandbox, http)


def said(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


# ---- the consent page


@pytest.mark.parametrize("address", [CALLBACK + "?x=1", CALLBACK.rstrip("/"), "http://evil.example/", ""])
def test_an_address_that_is_not_registered_exactly_gets_no_redirect(linkedin: LinkedIn, address: str) -> None:
    response = linkedin.consent(redirect_uri=address)

    assert response.status_code == 400
    assert "location" not in response.headers


def test_a_standing_grant_skips_the_page_only_for_the_same_scopes(
    linkedin: LinkedIn, sandbox: Sandbox
) -> None:
    sandbox.put_app("linkedin", settings={"skip_consent": True})
    linkedin.redeem(linkedin.code())
    address = f"{linkedin.root}/authorization"

    same = linkedin.http.get(address, params={**ASKED, "user": "ada"})
    other = linkedin.http.get(address, params={**ASKED, "user": "ada", "scope": "r_ads"})

    assert "code" in query_of(same)
    assert other.status_code == 200


# ---- tokens


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_secret": "wrong"}, (401, "invalid_client")),
        ({"client_id": "nobody"}, (400, "invalid_client_id")),
        ({"client_secret": ""}, (400, "invalid_request")),
        ({"redirect_uri": ""}, (400, "invalid_request")),
        ({"code": ""}, (400, "invalid_request")),
        ({"grant_type": ""}, (400, "invalid_request")),
        ({"grant_type": "client_credentials"}, (401, "access_denied")),
    ],
)
def test_the_token_endpoint_is_strict(
    linkedin: LinkedIn, form: dict[str, str], error: tuple[int, str]
) -> None:
    assert said(linkedin.redeem(linkedin.code(), **form)) == error


def test_neither_basic_nor_the_query_nor_json_is_read(linkedin: LinkedIn) -> None:
    form = {"grant_type": "authorization_code", "code": linkedin.code(), "redirect_uri": CALLBACK}
    url = f"{linkedin.root}/accessToken"

    basic = linkedin.http.post(url, data=form, auth=(CLIENT_ID, SECRET))
    query = linkedin.http.post(url, params={**form, **APP})
    as_json = linkedin.http.post(url, json={**form, **APP})

    assert "client_id" in basic.json()["error_description"]
    assert [said(one) for one in (basic, query, as_json)] == [(400, "invalid_request")] * 3
    assert linkedin.http.get(url, params={**form, **APP}).status_code == 404


def test_a_refresh_counts_the_year_down_and_caps_the_access_token(
    linkedin: LinkedIn, sandbox: Sandbox
) -> None:
    first = linkedin.redeem(linkedin.code()).json()
    sandbox.set_clock(offset=59 * DAY)
    middle = linkedin.refresh(first["refresh_token"]).json()
    sandbox.set_clock(offset=360 * DAY)
    last = linkedin.refresh(first["refresh_token"]).json()

    assert middle["expires_in"] == 60 * DAY
    assert middle["refresh_token_expires_in"] == pytest.approx(306 * DAY, abs=5)
    assert last["expires_in"] == last["refresh_token_expires_in"] == pytest.approx(5 * DAY, abs=5)
    assert first["refresh_token"] == middle["refresh_token"] == last["refresh_token"]
    assert len({first["access_token"], middle["access_token"], last["access_token"]}) == 3


def test_another_scope_set_cancels_the_earlier_tokens_and_the_same_does_not(
    linkedin: LinkedIn, sandbox: Sandbox
) -> None:
    first = linkedin.redeem(linkedin.code()).json()["access_token"]
    linkedin.redeem(linkedin.code())
    same = linkedin.introspect(first).json()
    linkedin.redeem(linkedin.code(scope="r_ads openid profile"))

    assert same["active"] is True
    assert linkedin.introspect(first).json()["status"] == "revoked"


# ---- introspection and the rest


def test_discovery_names_no_introspection_and_no_revocation(linkedin: LinkedIn, sandbox: Sandbox) -> None:
    found = linkedin.http.get(f"{sandbox.linkedin}/oauth/.well-known/openid-configuration").json()

    assert found["token_endpoint"] == f"{linkedin.root}/accessToken"
    assert found["userinfo_endpoint"] == f"{sandbox.linkedin}/v2/userinfo"
    assert not {"revocation_endpoint", "introspection_endpoint", "code_challenge_methods_supported"} & set(
        found
    )


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"scope": "r_ads nonsense"}, "unauthorized_scope_error"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_unknown_scopes_and_other_flows_send_the_browser_back(
    linkedin: LinkedIn, asked: dict[str, str], error: str
) -> None:
    assert back(linkedin.consent(**asked)) == error
