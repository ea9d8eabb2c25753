"""The stand-in X: what each knob makes of the identity calls and the Ads API."""

from collections.abc import Callable

import httpx2
import pytest

from tests.sandbox.x_client import HARBOR, LUMEN, XClient, code_of
from tests.support.sandbox import Sandbox

ME, ME2, ACCOUNT = "/1.1/account/verify_credentials.json", "/2/users/me", f"/12/accounts/{LUMEN}"


@pytest.fixture
def x(sandbox: Sandbox, http: httpx2.Client) -> XClient:
    return XClient(sandbox, http)


def test_the_list_holds_the_accounts_of_the_user_in_pages(x: XClient, sandbox: Sandbox) -> None:
    pair = x.issue(sandbox)

    first = x.call("GET", "/12/accounts?count=3", pair).json()
    second = x.call("GET", f"/12/accounts?count=3&cursor={first['next_cursor']}", pair).json()

    names = [a["name"] for a in first["data"] + second["data"]]
    assert names == ["Lumen Shoes EU", "Fern Gardens", "Marlo Optics", "Brand EU (old)"]
    assert second["next_cursor"] is None
    assert first["request"]["params"] == {"count": "3"}
    assert first["data"][0]["id"] == LUMEN
    assert first["data"][0]["approval_status"] == "ACCEPTED"
    assert "currency" not in first["data"][0]


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


def test_the_limit_on_lists_can_be_set(x: XClient, sandbox: Sandbox) -> None:
    pair = x.issue(sandbox)
    sandbox.set_x_rate_limit(limit=1)

    assert [x.call("GET", "/12/accounts", pair).status_code for _ in range(2)] == [200, 429]


def test_role_currency_and_status_are_read_per_account(x: XClient, sandbox: Sandbox) -> None:
    pair = x.issue(sandbox, "chiara")

    one = x.call("GET", ACCOUNT, pair).json()["data"]
    access = x.call("GET", f"{ACCOUNT}/authenticated_user_access", pair).json()
    funding = x.call("GET", f"{ACCOUNT}/funding_instruments", pair).json()["data"]

    assert one["industry_type"]
    assert access == {
        "data": {"user_id": "2893310457", "permissions": ["ANALYST"]},
        "request": {"params": {"account_id": LUMEN}},
    }
    assert (funding[0]["currency"], funding[0]["able_to_fund"]) == ("EUR", True)


def test_an_account_without_a_role_is_not_found(x: XClient, sandbox: Sandbox) -> None:
    assert code_of(x.call("GET", f"/12/accounts/{HARBOR}", x.issue(sandbox))) == (403, "ACCOUNT_NOT_FOUND")
    assert code_of(x.call("GET", "/12/accounts/zzz", x.issue(sandbox))) == (403, "ACCOUNT_NOT_FOUND")


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


@pytest.mark.parametrize(
    ("turn", "v1", "v2", "ads"),
    [
        (Sandbox.cancel_authorisation, (401, 89), 401, (401, "UNAUTHORIZED_ACCESS")),
        (Sandbox.suspend, (403, 64), 403, (403, "CURRENT_USER_SUSPENDED")),
        (Sandbox.checkpoint, (403, 326), 403, (403, "ACCOUNT_LOCKED_OUT")),
        (Sandbox.deactivate, (404, 34), 401, (401, "UNAUTHORIZED_ACCESS")),
    ],
)
def test_each_knob_gives_its_row(
    x: XClient,
    sandbox: Sandbox,
    turn: Callable[[Sandbox, str, str], None],
    v1: tuple[int, int],
    v2: int,
    ads: tuple[int, str],
) -> None:
    pair, ben = x.issue(sandbox), x.issue(sandbox, "ben")

    turn(sandbox, "x", "ada")

    assert code_of(x.call("GET", ME, pair)) == v1
    assert x.call("GET", ME2, pair).status_code == v2
    assert code_of(x.call("GET", ACCOUNT, pair)) == ads
    assert x.call("GET", ACCOUNT, ben).status_code == 200


def test_a_lifted_lock_gives_the_same_token_back(x: XClient, sandbox: Sandbox) -> None:
    pair = x.issue(sandbox)
    sandbox.checkpoint("x", "ada")

    sandbox.checkpoint("x", "ada", on=False)

    assert x.call("GET", ACCOUNT, pair).status_code == 200


def test_a_changed_password_ends_no_pair(x: XClient, sandbox: Sandbox) -> None:
    pair = x.issue(sandbox)

    sandbox.change_password("x", "ada")

    assert x.call("GET", ME2, pair).json()["data"] == {
        "id": "2417045708",
        "name": "Ada Okafor",
        "username": "AdaOkafor",
    }


def test_a_suspended_app_is_416_for_everybody(x: XClient, sandbox: Sandbox) -> None:
    pair = x.issue(sandbox)

    sandbox.put_app("x", suspended=True)

    assert code_of(x.call("GET", ME, pair)) == (401, 416)


def test_a_wrong_signature_looks_like_a_dead_token_to_the_ads_api(x: XClient, sandbox: Sandbox) -> None:
    pair = x.issue(sandbox)

    assert code_of(x.call("GET", ACCOUNT, (pair[0], "wrong"))) == (401, "UNAUTHORIZED_ACCESS")
    bearer = x.http.get(x.root + ACCOUNT, headers={"Authorization": f"Bearer {pair[0]}"})
    assert code_of(bearer) == (401, "UNAUTHORIZED_ACCESS")
