"""The stand-in LinkedIn: consent page, tokens, introspection and revocation, as its documents have them."""

import html
import re
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
BAD_REFRESH = "The provided authorization grant or refresh token is invalid, expired or revoked"


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


def test_a_person_walks_from_the_page_to_a_code_by_its_own_form(linkedin: LinkedIn) -> None:
    address = f"{linkedin.root}/authorization"

    who = linkedin.http.get(address, params=ASKED)
    consent = linkedin.http.get(address, params={**ASKED, "user": "ada", "state": "a&b"})

    assert "Sandbox LinkedIn" in who.text
    assert re.findall(r'name="user" value="(\w+)"', who.text) == ["ada", "ben", "chiara", "emil"]
    assert "r_ads, rw_ads, r_ads_reporting, openid, profile" in html.unescape(consent.text)
    assert 'name="accounts"' not in consent.text  # LinkedIn has no choice of ad accounts
    assert query_of(linkedin.consent())["state"] == "s1"


@pytest.mark.parametrize(
    ("action", "error"), [("cancel", "user_cancelled_authorize"), ("cancel_login", "user_cancelled_login")]
)
def test_a_person_may_say_no_at_two_places(linkedin: LinkedIn, action: str, error: str) -> None:
    answer = query_of(linkedin.consent(action=action))

    assert (answer["error"], answer["state"]) == (error, "s1")
    assert "code" not in answer


@pytest.mark.parametrize("address", [CALLBACK + "?x=1", CALLBACK.rstrip("/"), "http://evil.example/", ""])
def test_an_address_that_is_not_registered_exactly_gets_no_redirect(linkedin: LinkedIn, address: str) -> None:
    response = linkedin.consent(redirect_uri=address)

    assert response.status_code == 400
    assert "location" not in response.headers


def test_a_scope_that_the_app_does_not_have_sends_the_browser_back(
    linkedin: LinkedIn, sandbox: Sandbox
) -> None:
    sandbox.put_app("linkedin", settings={"products": ["openid", "profile"]})

    answer = query_of(linkedin.consent())

    assert answer["error"] == "unauthorized_scope_error"
    assert "r_ads" in answer["error_description"]


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


def test_a_code_becomes_both_tokens_with_their_lives(linkedin: LinkedIn) -> None:
    answer = linkedin.redeem(linkedin.code()).json()

    assert answer["expires_in"] == 60 * DAY
    assert answer["refresh_token_expires_in"] == 365 * DAY
    assert answer["scope"] == SCOPES.replace(" ", ",")
    assert answer["token_type"] == "Bearer"
    assert len(answer["access_token"]) > 300
    assert all(Sandbox.MARKER in answer[name] for name in ("access_token", "refresh_token", "id_token"))


def test_an_app_that_is_not_approved_gets_no_refresh_token(linkedin: LinkedIn, sandbox: Sandbox) -> None:
    sandbox.put_app("linkedin", settings={"refresh_tokens": False})

    answer = linkedin.redeem(linkedin.code()).json()

    assert not {"refresh_token", "refresh_token_expires_in"} & set(answer)


def test_a_code_is_good_once_and_for_half_an_hour(linkedin: LinkedIn, sandbox: Sandbox) -> None:
    code, late = linkedin.code(), linkedin.code()
    linkedin.redeem(code)
    again = linkedin.redeem(code)
    sandbox.set_clock(offset=1801)

    assert said(again) == (400, "invalid_request")
    assert said(linkedin.redeem(late)) == (400, "invalid_redirect_uri")
    assert said(linkedin.redeem("AQTnothing")) == (401, "invalid_request")


def test_a_code_needs_the_address_it_was_asked_with(linkedin: LinkedIn) -> None:
    response = linkedin.redeem(linkedin.code(), redirect_uri=CALLBACK + "?other")

    assert said(response) == (400, "invalid_redirect_uri")


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


def test_a_refresh_token_that_is_over_cancelled_or_anothers_is_refused_in_one_way(
    linkedin: LinkedIn, sandbox: Sandbox
) -> None:
    sandbox.put_app("linkedin", client_id="other", secret="s", redirect_uris=[CALLBACK])
    over, cancelled = sandbox.issue_token("linkedin", "ada"), sandbox.issue_token("linkedin", "ben")
    theirs = sandbox.issue_token("linkedin", "emil", client_id="other")
    sandbox.set_dates(channel="linkedin", user="ada", refresh_expires_at=1)
    sandbox.cancel_authorisation("linkedin", "ben")

    answers = [linkedin.refresh(one["refresh_token"]) for one in (over, cancelled, theirs)]
    answers += [linkedin.refresh(over["access_token"]), linkedin.refresh("AQWnothing")]

    assert {said(one) for one in answers} == {(400, "invalid_request")}
    assert {one.json()["error_description"] for one in answers} == {BAD_REFRESH}


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


def test_introspection_tells_how_a_token_stands(linkedin: LinkedIn, sandbox: Sandbox) -> None:
    living = sandbox.issue_token("linkedin", "ada")
    expired, cancelled = sandbox.issue_token("linkedin", "ben"), sandbox.issue_token("linkedin", "emil")
    sandbox.expire_now(channel="linkedin", user="ben")
    sandbox.cancel_authorisation("linkedin", "emil")

    answer = linkedin.introspect(living["access_token"]).json()
    over = [linkedin.introspect(one["access_token"]).json() for one in (expired, cancelled)]

    assert (answer["active"], answer["status"], answer["auth_type"]) == (True, "active", "3L")
    assert (answer["client_id"], answer["expires_at"]) == (CLIENT_ID, living["expires_at"])
    assert answer["scope"] == SCOPES.replace(" ", ",")
    assert [(one["active"], one["status"]) for one in over] == [(False, "expired"), (False, "revoked")]


def test_introspection_refuses_with_the_documented_statuses(linkedin: LinkedIn, sandbox: Sandbox) -> None:
    token = sandbox.issue_token("linkedin", "ada")["access_token"]
    sandbox.put_app("linkedin", client_id="other", secret="s")

    theirs = linkedin.introspect(token, client_id="other", client_secret="s")

    assert linkedin.introspect("AQXnothing").status_code == 400
    assert linkedin.introspect(token, client_id="nobody").status_code == 400
    assert linkedin.introspect(token, client_secret="wrong").status_code == 401
    assert (theirs.status_code, theirs.json()) == (200, {"active": False})


def test_revoking_ends_the_consent_and_may_not_exist(linkedin: LinkedIn, sandbox: Sandbox) -> None:
    one, two = sandbox.issue_token("linkedin", "ada"), sandbox.issue_token("linkedin", "ben")

    taken = linkedin.post("revoke", {**APP, "token": one["access_token"]})
    sandbox.put_app("linkedin", settings={"no_revoke": True})
    missing = linkedin.post("revoke", {**APP, "token": two["access_token"]})

    assert (taken.status_code, missing.status_code) == (200, 404)
    assert linkedin.introspect(one["access_token"]).json()["status"] == "revoked"
    assert linkedin.introspect(two["access_token"]).json()["status"] == "active"


def test_discovery_names_no_introspection_and_no_revocation(linkedin: LinkedIn, sandbox: Sandbox) -> None:
    found = linkedin.http.get(f"{sandbox.linkedin}/oauth/.well-known/openid-configuration").json()

    assert found["token_endpoint"] == f"{linkedin.root}/accessToken"
    assert found["userinfo_endpoint"] == f"{sandbox.linkedin}/v2/userinfo"
    assert not {"revocation_endpoint", "introspection_endpoint", "code_challenge_methods_supported"} & set(
        found
    )


def test_commas_part_scopes_too_and_end_no_other_consent(linkedin: LinkedIn) -> None:
    first = linkedin.redeem(linkedin.code()).json()["access_token"]

    second = linkedin.redeem(linkedin.code(scope=SCOPES.replace(" ", ","))).json()

    assert set(second["scope"].split(",")) == set(SCOPES.split())
    assert linkedin.introspect(first).json()["status"] == "active"


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
