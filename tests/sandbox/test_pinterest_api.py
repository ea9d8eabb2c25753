"""The stand-in Pinterest: the person, the ad accounts, their numbers and campaigns, and each row of the error table."""

from typing import Any

import httpx2
import pytest

from tests.support.sandbox import Sandbox

LUMEN, FERN, HARBOR, MARLO, OLD = (
    "549755885175", "549756012348", "549756134902", "549756260071", "549754998816",
)  # fmt: skip
REPORT = {
    "start_date": "2026-01-01",
    "end_date": "2026-01-31",
    "columns": "SPEND_IN_DOLLAR,TOTAL_CLICKTHROUGH",
    "granularity": "TOTAL",
}
NOT_PERMITTED = "You are not permitted to access that resource."


class Caller:
    """Calls of one person."""

    def __init__(self, sandbox: Sandbox, http: httpx2.Client, user: str, **fields: Any) -> None:
        self.root, self.http = f"{sandbox.pinterest}/v5", http
        self.token = sandbox.issue_token("pinterest", user, **fields)["access_token"]

    def call(self, path: str, *, method: str = "GET", json: Any = None, **params: str) -> httpx2.Response:
        """One call with the token in the header."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.http.request(method, f"{self.root}/{path}", params=params, json=json, headers=headers)

    def error(self, path: str, **more: Any) -> tuple[int, int, str]:
        """Status, code and message of a call that is refused."""
        response = self.call(path, **more)
        body = response.json()
        return response.status_code, body["code"], body["message"]


@pytest.fixture
def ada(sandbox: Sandbox, http: httpx2.Client) -> Caller:
    return Caller(sandbox, http, "ada")


def switch(sandbox: Sandbox, **settings: Any) -> None:
    sandbox.put_app("pinterest", settings=settings)


def test_with_an_ad_account_its_owner_is_shown(sandbox: Sandbox, http: httpx2.Client) -> None:
    ben = Caller(sandbox, http, "ben")

    assert ben.call("user_account", ad_account_id=LUMEN).json()["username"] == "adaokafor"
    assert ben.error("user_account", ad_account_id=FERN) == (
        403,
        403,
        "Not authorized to access the user account.",
    )


@pytest.mark.parametrize(
    "params", [{"page_size": "0"}, {"page_size": "251"}, {"page_size": "3e"}, {"bookmark": "?"}]
)
def test_a_page_that_cannot_be_is_a_bad_request(ada: Caller, params: dict[str, str]) -> None:
    assert ada.error("ad_accounts", **params)[:2] == (400, 1)


def test_shared_ad_accounts_may_be_left_out(sandbox: Sandbox, http: httpx2.Client) -> None:
    ben = Caller(sandbox, http, "ben")

    own = ben.call("ad_accounts", include_shared_accounts="false").json()["items"]
    every = ben.call("ad_accounts", include_shared_accounts="true").json()["items"]

    assert [row["id"] for row in own] == [HARBOR]
    assert [row["id"] for row in every] == [LUMEN, HARBOR, MARLO]


def test_each_call_needs_its_scope(sandbox: Sandbox, http: httpx2.Client) -> None:
    nothing = Caller(sandbox, http, "ada", scopes=["boards:read"])
    reading = Caller(sandbox, http, "ada", scopes=["ads:read"])

    missing = {nothing.error(path)[:2] for path in ("user_account", "ad_accounts", f"ad_accounts/{LUMEN}")}

    assert missing == {(401, 3)}
    assert reading.call("ad_accounts").status_code == 200
    assert reading.error(f"ad_accounts/{LUMEN}/campaigns", method="POST", json=[])[:2] == (401, 3)


@pytest.mark.parametrize(
    ("no_role", "expected"),
    [
        ("403/29", (403, 29, NOT_PERMITTED)),
        ("401/29", (401, 29, NOT_PERMITTED)),
        ("403/403", (403, 403, "Not authorized to access the user account.")),
        ("404/2", (404, 2, "AdAccount not found.")),
    ],
)
def test_an_ad_account_without_a_role_is_refused_as_the_switch_says(
    ada: Caller, sandbox: Sandbox, no_role: str, expected: tuple[int, int, str]
) -> None:
    switch(sandbox, no_role=no_role)

    assert ada.error(f"ad_accounts/{HARBOR}") == expected
    assert ada.error("ad_accounts/1") == (404, 2, "AdAccount not found.")
    assert ada.error("ad_accounts/x")[:2] == (400, 1)


@pytest.mark.parametrize(("code", "words"), [(2625, "disapproved"), (2626, "reviewing")])
def test_a_restricted_ad_account_is_refused_with_the_reason(
    ada: Caller, sandbox: Sandbox, code: int, words: str
) -> None:
    sandbox.put_account("pinterest", FERN, details={"refuses": code})

    for path in (f"ad_accounts/{FERN}", f"ad_accounts/{FERN}/campaigns"):
        status, found, message = ada.error(path)

        assert (status, found) == (403, code)
        assert words in message
    assert FERN in [row["id"] for row in ada.call("ad_accounts").json()["items"]]


def test_numbers_need_all_parameters_and_a_role(ada: Caller, sandbox: Sandbox) -> None:
    path = f"ad_accounts/{LUMEN}/analytics"

    [row] = ada.call(path, **REPORT).json()

    assert row["AD_ACCOUNT_ID"] == LUMEN
    assert {"SPEND_IN_DOLLAR", "TOTAL_CLICKTHROUGH"} < set(row)
    assert ada.call(path, **{**REPORT, "granularity": "DAY"}).json()[0]["DATE"] == "2026-01-01"
    for name in REPORT:
        assert ada.error(path, **{**REPORT, name: ""})[:2] == (400, 400)
    assert ada.error(f"ad_accounts/{HARBOR}/analytics", **REPORT)[:2] == (403, 29)


def test_campaigns_are_made_one_by_one_with_their_own_exceptions(ada: Caller) -> None:
    path = f"ad_accounts/{LUMEN}/campaigns"
    rows = [{"name": "Spring", "objective_type": "AWARENESS"}, {"name": "no objective"}]

    made, refused = ada.call(path, method="POST", json=rows).json()["items"]

    listed = ada.call(path).json()
    assert (made["data"]["name"], made["exceptions"]) == ("Spring", [])
    assert (refused["data"], refused["exceptions"][0]["code"]) == (None, 1)
    assert [row["id"] for row in listed["items"]] == [made["data"]["id"]]
    assert ada.error(path, method="POST", json=[])[:2] == (400, 1)


def test_an_analyst_reads_and_publishes_nothing(sandbox: Sandbox, http: httpx2.Client) -> None:
    chiara = Caller(sandbox, http, "chiara")
    rows = [{"name": "Spring", "objective_type": "AWARENESS"}]

    assert chiara.call(f"ad_accounts/{LUMEN}/analytics", **REPORT).status_code == 200
    assert chiara.error(f"ad_accounts/{LUMEN}/campaigns", method="POST", json=rows) == (403, 29, NOT_PERMITTED)  # fmt: skip
