"""The stand-in LinkedIn: version headers, tokens in use, and the ad accounts behind them."""

from typing import Any

import httpx2
import pytest

from tests.support.sandbox import Sandbox

LUMEN, FERN, MARLO = "508720451", "509314782", "511745904"
URN = "urn:li:sponsoredAccount:"
VERSIONS = {"LinkedIn-Version": "202607", "X-Restli-Protocol-Version": "2.0.0"}


class Api:
    """Plain HTTP as one person; the query is sent as it is written."""

    def __init__(self, sandbox: Sandbox, http: httpx2.Client) -> None:
        self.root, self.http = sandbox.linkedin, http
        self.token = sandbox.issue_token("linkedin", "ada")["access_token"]

    def get(self, path: str, *, token: str | None = None, **headers: str) -> httpx2.Response:
        sent = {"Authorization": f"Bearer {token or self.token}", **VERSIONS, **headers}
        return self.http.get(f"{self.root}/{path}", headers={k: v for k, v in sent.items() if v})


@pytest.fixture
def api(sandbox: Sandbox, http: httpx2.Client) -> Api:
    return Api(sandbox, http)


def error(response: httpx2.Response) -> tuple[int, int | None, str | None]:
    body = response.json()
    assert body["status"] == response.status_code
    return response.status_code, body.get("serviceErrorCode"), body.get("code")


# ---- versions and tokens


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"LinkedIn-Version": ""}, (400, None, "VERSION_MISSING")),
        ({"LinkedIn-Version": "202507"}, (426, None, "NONEXISTENT_VERSION")),
        ({"LinkedIn-Version": "202712"}, (426, None, "NONEXISTENT_VERSION")),
        ({"LinkedIn-Version": "202613"}, (426, None, "NONEXISTENT_VERSION")),
        ({"LinkedIn-Version": "20260701"}, (426, None, "NONEXISTENT_VERSION")),
        ({"X-Restli-Protocol-Version": ""}, (400, 0, "ILLEGAL_ARGUMENT")),
        ({"X-Restli-Protocol-Version": "1.0.0"}, (400, 0, "ILLEGAL_ARGUMENT")),
    ],
)
def test_both_version_headers_are_demanded(
    api: Api, headers: dict[str, str], refused: tuple[int, int | None, str]
) -> None:
    assert error(api.get(f"rest/adAccounts/{LUMEN}", **headers)) == refused


def test_a_field_that_does_not_exist_refuses_the_call(api: Api) -> None:
    answer = api.get(f"rest/adAccounts/{LUMEN}?fields=id,nonsense")

    assert error(answer) == (403, 100, "ACCESS_DENIED")
    assert "[/nonsense]" in answer.json()["message"]


def test_a_call_without_a_bearer_token_is_refused_otherwise(api: Api) -> None:
    none = api.get("v2/userinfo", Authorization="")
    basic = api.get("v2/userinfo", Authorization="Basic abc")
    in_the_address = api.get(f"v2/userinfo?oauth2_access_token={api.token}", Authorization="")

    assert error(none) == error(in_the_address) == (401, 401, None)
    assert none.json()["message"] == "Empty oauth2_access_token"
    assert basic.json()["message"] == "Unknown authentication scheme"


# ---- ad accounts


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?q=accounts",
        "?q=authenticatedUser&count=1001",
        "?q=authenticatedUser&start=-1",
        "?q=authenticatedUser&count=x",
    ],
)
def test_a_finder_that_does_not_exist_is_a_bad_request(api: Api, query: str) -> None:
    assert api.get(f"rest/adAccountUsers{query}").status_code == 400


@pytest.mark.parametrize(
    "search",
    [
        "%28status%3A%28values%3AList%28ACTIVE%29%29%29",
        f"(id:(values:List(urn:li:sponsoredAccount:{LUMEN})))",
        "ACTIVE",
        "(name:(values:List(x)))",
    ],
)
def test_escaped_signs_or_bare_texts_are_a_bad_request(api: Api, search: str) -> None:
    assert api.get(f"rest/adAccounts?q=search&search={search}").status_code == 400


def test_an_id_is_a_bare_number(api: Api) -> None:
    assert api.get(f"rest/adAccounts/{URN}{LUMEN}").status_code == 400


@pytest.mark.parametrize(
    ("path", "scopes"),
    [
        (f"rest/adAccounts/{LUMEN}", ["openid", "profile"]),
        ("rest/adAccountUsers?q=authenticatedUser", ["openid", "profile"]),
        ("rest/adAccounts?q=search", ["openid", "profile"]),
        (f"rest/adAnalytics?q=analytics&accounts=List({LUMEN})", ["r_ads"]),
        ("v2/userinfo", ["r_ads"]),
    ],
)
def test_a_scope_that_was_not_granted_is_denied(
    api: Api, sandbox: Sandbox, path: str, scopes: list[str]
) -> None:
    token = sandbox.issue_token("linkedin", "emil", scopes=scopes)["access_token"]

    assert error(api.get(path, token=token)) == (403, 100, "ACCESS_DENIED")


def test_results_are_given_for_the_accounts_that_are_asked_for(api: Api) -> None:
    urn = f"urn%3Ali%3AsponsoredAccount%3A{LUMEN}"

    rows: list[dict[str, Any]] = api.get(f"rest/adAnalytics?q=analytics&accounts=List({urn})").json()[
        "elements"
    ]

    assert [row["pivotValues"] for row in rows] == [[URN + LUMEN]]
    assert rows[0]["impressions"] > 0


def test_a_long_query_may_be_tunnelled_through_a_post(api: Api) -> None:
    form = "q=search&search=(status:(values:List(ACTIVE)))"
    headers = {
        **VERSIONS,
        "Authorization": f"Bearer {api.token}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    url = f"{api.root}/rest/adAccounts"

    tunnelled = api.http.post(url, content=form, headers={**headers, "X-HTTP-Method-Override": "GET"})
    plain = api.http.post(url, content=form, headers=headers)

    assert len(tunnelled.json()["elements"]) == 3
    assert plain.status_code == 405


def test_an_address_that_does_not_exist_is_not_found(api: Api) -> None:
    assert error(api.get("rest/adNothing")) == (404, 0, "RESOURCE_NOT_FOUND")
    assert api.get("v2/nothing").status_code == 404
