"""A stand-in refuses what its channel refuses: else our own mistake would pass against it. What it gives: contract and conformance."""

import hashlib
import hmac
import json
from typing import Any

import httpx2
import pytest

from sandbox.start import start_accounts
from tests.sandbox.x_client import CALLBACK as X_CALLBACK
from tests.sandbox.x_client import XClient, code_of
from tests.support.sandbox import Sandbox

LUMEN = {one.channel: one.id for one in start_accounts() if one.name == "Lumen Shoes EU"}
VERSIONS = {"LinkedIn-Version": "202609", "X-Restli-Protocol-Version": "2.0.0"}
CALLBACK = "http://app.example:8000/link/{}/callback/"
ME = "/1.1/account/verify_credentials.json"


@pytest.fixture
def asked(sandbox: Sandbox, http: httpx2.Client) -> Any:
    """Ask as somebody with a token, `{token}`, `{proof}` and `{id}` put in; gives the answer."""

    def ask(key: str, request: str, *, user: str = "ada", **sent: Any) -> httpx2.Response:
        token = sandbox.issue_token(key, user)["access_token"]
        proof = hmac.new(sandbox.FACEBOOK_SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()
        method, _, path = request.partition(" ")
        text = json.dumps({"path": path, **sent})
        for name, value in (("token", token), ("proof", proof), ("id", LUMEN[key])):
            text = text.replace(f"{{{name}}}", value)
        filled = json.loads(text)
        path = filled.pop("path")
        if key == "linkedin" and "rest/" in path:
            filled["headers"] = {"Authorization": f"Bearer {token}", **VERSIONS, **filled.get("headers", {})}
        elif key in {"pinterest", "snapchat"}:
            filled.setdefault("headers", {"Authorization": f"Bearer {token}"})
        elif key == "tiktok":
            filled.setdefault("headers", {"Access-Token": token})
        return http.request(method, f"{getattr(sandbox, key)}/{path}", **filled)

    return ask


PROVEN = {"access_token": "{token}", "appsecret_proof": "{proof}"}
REFUSED: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("facebook", "GET v26.0/me", {"params": {"access_token": "{token}"}}, 400, "require an appsecret_proof"),
    ("facebook", "GET v26.0/me", {"params": {**PROVEN, "appsecret_proof": "00"}}, 400, "Invalid appsecret_proof"),
    ("facebook", "GET v26.0/me", {}, 400, "2500"),
    ("facebook", "GET v24.0/me/adaccounts", {"params": PROVEN}, 400, "2635"),
    ("facebook", "GET v99.0/me", {"params": PROVEN}, 400, "2500"),
    ("facebook", "GET v26.0/act_{id}", {"params": {**PROVEN, "fields": "id,nonsense"}}, 400, "nonexisting field (nonsense)"),
    ("facebook", "GET v26.0/debug_token", {"params": {"input_token": "{token}", "access_token": "1|x"}}, 400, "error"),
    ("facebook", "POST v26.0/act_{id}/campaigns", {"params": PROVEN, "user": "chiara"}, 403, "200"),
    ("linkedin", "GET rest/adAccounts/{id}", {"headers": {"LinkedIn-Version": ""}}, 400, "VERSION_MISSING"),
    ("linkedin", "GET rest/adAccounts/{id}", {"headers": {"LinkedIn-Version": "202507"}}, 426, "NONEXISTENT_VERSION"),
    ("linkedin", "GET rest/adAccounts/{id}", {"headers": {"X-Restli-Protocol-Version": "1.0.0"}}, 400, "ILLEGAL_ARGUMENT"),
    ("linkedin", "GET rest/adAccounts/{id}?fields=id,nonsense", {}, 403, "[/nonsense]"),
    ("linkedin", "GET rest/adAccounts/urn:li:sponsoredAccount:{id}", {}, 400, ""),
    ("linkedin", "GET rest/adAccounts?q=search&search=(name:(values:List(x)))", {}, 400, ""),
    ("linkedin", "GET rest/adAccountUsers?q=authenticatedUser&count=1001", {}, 400, ""),
    ("linkedin", "GET v2/userinfo", {}, 401, "Empty oauth2_access_token"),
    ("linkedin", "GET v2/userinfo?oauth2_access_token={token}", {}, 401, "Empty oauth2_access_token"),
    ("linkedin", "POST oauth/v2/accessToken", {"json": {"grant_type": "refresh_token"}}, 400, "invalid_request"),
    ("pinterest", "GET v5/ad_accounts?page_size=251", {}, 400, "1"),
    ("pinterest", "GET v5/ad_accounts?bookmark=x", {}, 400, "1"),
    ("pinterest", "POST v5/ad_accounts/{id}/campaigns", {"json": [], "user": "chiara"}, 403, "29"),
    ("pinterest", "POST v5/oauth/token", {"headers": {"Authorization": "Basic !!!"}, "data": {"grant_type": "x"}}, 401, "2"),
    ("snapchat", "GET v1/organizations/7f064d90-52a1-42db-b25b-7539e663e926/adaccounts?limit=49", {}, 400, "ERROR"),
    ("snapchat", "GET v1/me/", {}, 404, "E3003"),
    ("snapchat", "POST v1/me", {}, 405, "ERROR"),
    ("snapchat", "POST login/oauth2/access_token", {"json": {"grant_type": "refresh_token"}}, 400, "invalid_request"),
    ("snapchat", "GET login/oauth2/access_token", {}, 405, ""),
    ("tiktok", "GET open_api/v1.3/advertiser/info/?advertiser_ids={id}", {}, 200, "40002"),
    ("tiktok", 'GET open_api/v1.3/advertiser/info/?advertiser_ids=["{id}"]&fields=["nonsense"]', {}, 200, "40002"),
    ("tiktok", "GET open_api/v1.3/bc/asset/get/?bc_id=1&asset_type=ADVERTISER", {}, 200, "40001"),
    ("tiktok", "POST open_api/v1.3/oauth2/access_token/", {"data": {"auth_code": "x"}}, 200, "40002"),
    ("tiktok", "GET open_api/v1.2/user/info/", {}, 200, "40"),
]  # fmt: skip


@pytest.mark.parametrize("channel", sorted(LUMEN.keys() - {"x"}))
def test_a_call_that_the_channel_refuses_is_refused(asked: Any, channel: str) -> None:
    for key, request, how, status, words in REFUSED:
        if key == channel:
            answer = asked(key, request, **how)

            assert answer.status_code == status, (request, how, answer.text)
            assert words in answer.text, (request, how)


PAGES = {
    "facebook": ("v26.0/dialog/oauth", "continue"),
    "linkedin": ("oauth/v2/authorization", "allow"),
    "pinterest": ("oauth/", "allow"),
    "snapchat": ("login/oauth2/authorize", "allow"),
    "tiktok": ("portal/auth", "allow"),
}
SCOPES = {
    "facebook": "ads_read",
    "linkedin": "r_ads",
    "pinterest": "ads:read",
    "snapchat": "snapchat-marketing-api",
}


@pytest.mark.parametrize("key", PAGES)
def test_the_consent_page_leads_nowhere_but_to_the_registered_address_and_knows_its_scopes(
    key: str, sandbox: Sandbox, http: httpx2.Client
) -> None:
    right, (path, action) = CALLBACK.format(key), PAGES[key]
    sandbox.put_app(key, redirect_uris=[right])
    asked = {
        "app_id" if key == "tiktok" else "client_id": Sandbox.APPS[key][0],
        "response_type": "code",
        "state": "s",
        "scope": SCOPES.get(key, ""),
        "user": "ada",
        "action": action,
    }

    def led_to(**changes: str) -> str:
        answer = http.post(
            f"{getattr(sandbox, key)}/{path}", data={**asked, "redirect_uri": right, **changes}
        )
        return str(answer.headers.get("location", answer.status_code))

    assert led_to().startswith(f"{right}?")
    for address in (right + "?x=1", right.rstrip("/"), "http://evil.example/", ""):
        assert led_to(redirect_uri=address) == "400"
    if key in SCOPES:
        assert "code=" not in led_to(scope="nonsense")


# ---- X: real signatures


@pytest.fixture
def x(sandbox: Sandbox, http: httpx2.Client) -> XClient:
    return XClient(sandbox, http)


def test_x_takes_no_signature_that_is_not_of_this_call_and_none_twice(x: XClient, sandbox: Sandbox) -> None:
    pair = x.issue(sandbox)
    url = f"{x.root}{ME}?include_email=true&text=a%20b%2Cc"
    signed = x.sign("GET", url, None, resource_owner_key=pair[0], resource_owner_secret=pair[1])

    changed = x.http.get(url.replace("true", "false"), headers=signed)
    first, second = (x.http.get(url, headers=signed) for _ in range(2))

    assert (first.status_code, code_of(second), code_of(changed)) == (200, (401, 32), (401, 32))
    assert code_of(x.call("GET", ME, pair, client_secret="wrong")) == (401, 32)
    assert code_of(x.http.get(x.root + ME, headers={"Authorization": "Bearer x"})) == (400, 215)
    assert x.request_token(X_CALLBACK + "more/").status_code == 403


def test_x_gives_five_lists_in_fifteen_minutes(x: XClient, sandbox: Sandbox) -> None:
    pair, other = x.issue(sandbox), x.issue(sandbox, "ben")

    answers = [x.call("GET", "/12/accounts", pair) for _ in range(6)]

    assert [one.status_code for one in answers] == [200] * 5 + [429]
    assert [one.headers["x-rate-limit-remaining"] for one in answers] == ["4", "3", "2", "1", "0", "0"]
    assert x.call("GET", "/12/accounts", other).status_code == 200
    sandbox.reset_x_rate_limit()
    assert x.call("GET", "/12/accounts", pair).status_code == 200
