"""The stand-in X: what each knob makes of the identity calls and the Ads API."""

import httpx2
import pytest

from tests.sandbox.x_client import LUMEN, XClient, code_of
from tests.support.sandbox import Sandbox

ME, ME2, ACCOUNT = "/1.1/account/verify_credentials.json", "/2/users/me", f"/12/accounts/{LUMEN}"


@pytest.fixture
def x(sandbox: Sandbox, http: httpx2.Client) -> XClient:
    return XClient(sandbox, http)


def test_the_sixth_list_in_fifteen_minutes_is_429(x: XClient, sandbox: Sandbox) -> None:
    pair, other = x.issue(sandbox), x.issue(sandbox, "ben")

    answers = [x.call("GET", "/12/accounts", pair) for _ in range(6)]

    assert [a.status_code for a in answers] == [200] * 5 + [429]
    assert [a.headers["x-rate-limit-remaining"] for a in answers] == ["4", "3", "2", "1", "0", "0"]
    assert answers[0].headers["x-rate-limit-limit"] == "5"
    assert code_of(answers[5]) == (429, "TOO_MANY_REQUESTS")
    assert x.call("GET", "/12/accounts", other).status_code == 200
    assert x.call("GET", ACCOUNT, pair).status_code == 200
    sandbox.set_clock(offset=901)
    assert x.call("GET", "/12/accounts", pair).status_code == 401  # the client's clock is off by now
    sandbox.set_clock(offset=0)
    sandbox.reset_x_rate_limit()
    assert x.call("GET", "/12/accounts", pair).status_code == 200


def test_a_campaign_is_published_and_read_back(x: XClient, sandbox: Sandbox) -> None:
    pair = x.issue(sandbox, "ben")
    funding = x.call("GET", f"{ACCOUNT}/funding_instruments", pair).json()["data"][0]["id"]
    form = {"name": "Autumn, 20% & more", "funding_instrument_id": funding, "entity_status": "PAUSED"}

    made = x.call("POST", f"{ACCOUNT}/campaigns", pair, form)

    assert made.is_success
    assert made.json()["data"]["name"] == "Autumn, 20% & more"
    listed = x.call("GET", f"{ACCOUNT}/campaigns", pair).json()["data"]
    assert [c["id"] for c in listed] == [made.json()["data"]["id"]]


def test_a_reader_may_not_write(x: XClient, sandbox: Sandbox) -> None:
    pair = x.issue(sandbox, "chiara")

    response = x.call("POST", f"{ACCOUNT}/campaigns", pair, {"name": "n"})

    assert response.status_code == 403
    sandbox.give_role("x", LUMEN, "chiara", "advertiser")
    assert code_of(x.call("POST", f"{ACCOUNT}/campaigns", pair, {"name": "n"})) == (400, "MISSING_PARAMETER")
    sandbox.drop_role("x", LUMEN, "chiara")
    assert code_of(x.call("GET", ACCOUNT, pair)) == (403, "ACCOUNT_NOT_FOUND")


def test_a_wrong_signature_looks_like_a_dead_token_to_the_ads_api(x: XClient, sandbox: Sandbox) -> None:
    pair = x.issue(sandbox)

    assert code_of(x.call("GET", ACCOUNT, (pair[0], "wrong"))) == (401, "UNAUTHORIZED_ACCESS")
    bearer = x.http.get(x.root + ACCOUNT, headers={"Authorization": f"Bearer {pair[0]}"})
    assert code_of(bearer) == (401, "UNAUTHORIZED_ACCESS")
