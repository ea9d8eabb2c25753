"""LinkedIn's own client (linkedin-api-client) against the stand-in LinkedIn.

It has no setting for its addresses: the test replaces the three constants of linkedin_api.common.constants. It raises
nothing for a refused call, so what counts is the status and the entity that it hands over.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from linkedin_api.clients.auth.client import AuthClient
from linkedin_api.clients.auth.utils import oauth
from linkedin_api.clients.restli.client import RestliClient
from linkedin_api.common import constants
from linkedin_api.common.errors import ResponseFormattingError

from tests.conformance.conftest import CALLBACK
from tests.support.sandbox import Sandbox

LUMEN, FERN = 508720451, 509314782
SCOPES = ["openid", "profile", "r_ads", "rw_ads", "r_ads_reporting"]
VERSION = "202607"
DAY = 86400
Consent = Callable[..., dict[str, str]]


@pytest.fixture(autouse=True)
def _addresses(channels_world: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    base = channels_world.linkedin
    monkeypatch.setattr(constants, "OAUTH_BASE_URL", f"{base}/oauth/v2")
    monkeypatch.setattr(oauth, "OAUTH_BASE_URL", f"{base}/oauth/v2")
    monkeypatch.setattr(constants, "VERSIONED_BASE_URL", f"{base}/rest")
    monkeypatch.setattr(constants, "NON_VERSIONED_BASE_URL", f"{base}/v2")


@pytest.fixture
def auth() -> Iterator[AuthClient]:
    client = AuthClient(*Sandbox.APPS["linkedin"], CALLBACK)
    yield client
    client.session.close()


@pytest.fixture
def rest() -> Iterator[RestliClient]:
    client = RestliClient()
    yield client
    client.session.close()


@pytest.fixture
def token(channels_world: Sandbox) -> str:
    return str(channels_world.issue_token("linkedin", "ada")["access_token"])


def refusal(rest: RestliClient, token: str, path: str = f"/adAccounts/{LUMEN}") -> tuple[int, int, str]:
    """HTTP status, sub-code and code of a refused call, as the client hands them over."""
    answer = rest.get(resource_path=path, access_token=token, version_string=VERSION)
    return answer.status_code, answer.entity["serviceErrorCode"], answer.entity["code"]


def test_a_consent_becomes_tokens_with_both_lives(auth: AuthClient, consent: Consent) -> None:
    address = auth.generate_member_auth_url(scopes=SCOPES, state="abc")
    back = consent("linkedin", address, "ada")

    answer = auth.exchange_auth_code_for_access_token(back["code"])

    assert back["state"] == "abc"
    assert answer.status_code == 200
    assert answer.expires_in == pytest.approx(60 * DAY, abs=5)
    assert answer.refresh_token_expires_in == pytest.approx(365 * DAY, abs=5)
    assert set(answer.scope.split(",")) == set(SCOPES)
    assert answer.access_token != answer.refresh_token


def test_a_code_is_good_once(auth: AuthClient, consent: Consent) -> None:
    code = consent("linkedin", auth.generate_member_auth_url(scopes=SCOPES, state="abc"), "ada")["code"]
    auth.exchange_auth_code_for_access_token(code)

    answer = auth.exchange_auth_code_for_access_token(code)

    assert (answer.status_code, answer.access_token) == (400, None)


def test_a_refresh_counts_the_year_down(auth: AuthClient, channels_world: Sandbox) -> None:
    issued = channels_world.issue_token("linkedin", "ada")
    channels_world.set_clock(offset=50 * DAY)

    answer = auth.exchange_refresh_token_for_access_token(issued["refresh_token"])

    assert answer.status_code == 200
    assert answer.expires_in == pytest.approx(60 * DAY, abs=5)
    assert answer.refresh_token_expires_in == pytest.approx(315 * DAY, abs=5)
    assert answer.access_token != issued["access_token"]


def test_the_last_access_token_ends_with_the_year(auth: AuthClient, channels_world: Sandbox) -> None:
    issued = channels_world.issue_token("linkedin", "ada")
    channels_world.set_clock(offset=360 * DAY)

    answer = auth.exchange_refresh_token_for_access_token(issued["refresh_token"])

    assert answer.expires_in == answer.refresh_token_expires_in == pytest.approx(5 * DAY, abs=5)


def test_a_refresh_after_the_person_removed_the_app_gives_no_token(
    auth: AuthClient, channels_world: Sandbox
) -> None:
    issued = channels_world.issue_token("linkedin", "ada")
    channels_world.cancel_authorisation("linkedin", "ada")

    answer = auth.exchange_refresh_token_for_access_token(issued["refresh_token"])

    assert (answer.status_code, answer.access_token) == (400, None)
    assert answer.response.json()["error"] == "invalid_request"


def test_introspection_tells_a_living_token_with_its_dates(auth: AuthClient, channels_world: Sandbox) -> None:
    issued = channels_world.issue_token("linkedin", "ada")

    answer = auth.introspect_access_token(issued["access_token"])

    assert (answer.active, answer.status, answer.auth_type) == (True, "active", "3L")
    assert answer.client_id == Sandbox.APPS["linkedin"][0]
    assert answer.expires_at == issued["expires_at"]
    assert "r_ads" in answer.scope.split(",")


def test_introspection_tells_revoked_from_expired(auth: AuthClient, channels_world: Sandbox) -> None:
    old = channels_world.issue_token("linkedin", "ada")["access_token"]
    cancelled = channels_world.issue_token("linkedin", "ben")["access_token"]
    channels_world.expire_now(channel="linkedin", user="ada")
    channels_world.cancel_authorisation("linkedin", "ben")

    answers = [auth.introspect_access_token(text) for text in (old, cancelled)]

    assert [(a.active, a.status) for a in answers] == [(False, "expired"), (False, "revoked")]


def test_roles_are_read_page_by_page(
    rest: RestliClient, channels_world: Sandbox, fill: Callable[[str, int], set[str]]
) -> None:
    names = fill("linkedin", 10)
    token = channels_world.issue_token("linkedin", "ada")["access_token"]
    found: list[dict[str, Any]] = []

    while True:
        page = rest.finder(
            resource_path="/adAccountUsers",
            finder_name="authenticatedUser",
            query_params={"start": len(found), "count": 6},
            access_token=token,
            version_string=VERSION,
        )
        if not page.elements:
            break
        assert page.paging.start == len(found)
        found += page.elements

    assert len({row["account"] for row in found}) == len(found) == len(names)
    assert {row["role"] for row in found} == {"ACCOUNT_BILLING_ADMIN"}


def test_all_pages_of_a_search_are_read(
    rest: RestliClient, channels_world: Sandbox, fill: Callable[[str, int], set[str]]
) -> None:
    names = fill("linkedin", 10) - {"Brand EU (old)"}  # that one is CANCELED
    token = channels_world.issue_token("linkedin", "ada")["access_token"]
    found: list[str] = []
    pages = 0
    more: dict[str, str] = {}

    while True:
        page = rest.finder(
            resource_path="/adAccounts",
            finder_name="search",
            query_params={"search": {"status": {"values": ["ACTIVE"]}}, "pageSize": 5, **more},
            access_token=token,
            version_string=VERSION,
        )
        found += [row["name"] for row in page.elements]
        pages += 1
        following = page.response.json()["metadata"].get("nextPageToken")
        if not following:
            break
        more = {"pageToken": following}

    assert set(found) == names
    assert pages == -(-len(names) // 5)


def test_one_ad_account_is_read(rest: RestliClient, token: str) -> None:
    answer = rest.get(
        resource_path="/adAccounts/{id}", path_keys={"id": LUMEN}, access_token=token, version_string=VERSION
    )

    entity = answer.entity
    assert answer.status_code == 200
    assert (entity["id"], entity["name"], entity["currency"]) == (LUMEN, "Lumen Shoes EU", "EUR")
    assert (entity["status"], entity["servingStatuses"]) == ("ACTIVE", ["RUNNABLE"])


def test_only_the_fields_asked_for_come(rest: RestliClient, token: str) -> None:
    answer = rest.get(
        resource_path=f"/adAccounts/{LUMEN}",
        query_params={"fields": "id,name"},
        access_token=token,
        version_string=VERSION,
    )

    assert answer.entity == {"id": LUMEN, "name": "Lumen Shoes EU"}


def test_a_query_too_long_for_an_address_is_sent_in_the_body(rest: RestliClient, token: str) -> None:
    many = [f"urn:li:sponsoredAccount:{number}" for number in (LUMEN, *range(600000000, 600000120))]

    page = rest.finder(
        resource_path="/adAccounts",
        finder_name="search",
        query_params={"search": {"id": {"values": many}}},
        access_token=token,
        version_string=VERSION,
    )

    assert page.response.request.method == "POST"
    assert [row["id"] for row in page.elements] == [LUMEN]


def test_an_unknown_token_is_65600(rest: RestliClient) -> None:
    assert refusal(rest, "AQXnobody") == (401, 65600, "INVALID_ACCESS_TOKEN")


def test_a_cancelled_token_is_65601(rest: RestliClient, token: str, channels_world: Sandbox) -> None:
    channels_world.cancel_authorisation("linkedin", "ada")

    assert refusal(rest, token) == (401, 65601, "REVOKED_ACCESS_TOKEN")


def test_a_token_whose_date_has_passed_is_65602(
    rest: RestliClient, token: str, channels_world: Sandbox
) -> None:
    channels_world.expire_now(channel="linkedin", user="ada")

    assert refusal(rest, token) == (401, 65602, "EXPIRED_ACCESS_TOKEN")


def test_an_ad_account_without_a_role_is_denied(
    rest: RestliClient, token: str, channels_world: Sandbox
) -> None:
    channels_world.drop_role("linkedin", "Fern Gardens", "ada")

    assert refusal(rest, token, f"/adAccounts/{FERN}") == (403, 100, "ACCESS_DENIED")


def test_a_reader_is_a_viewer(rest: RestliClient, channels_world: Sandbox) -> None:
    token = channels_world.issue_token("linkedin", "chiara")["access_token"]

    page = rest.finder(
        resource_path="/adAccountUsers",
        finder_name="authenticatedUser",
        access_token=token,
        version_string=VERSION,
    )

    assert [(row["account"], row["role"]) for row in page.elements] == [
        (f"urn:li:sponsoredAccount:{LUMEN}", "VIEWER")
    ]


def test_a_version_that_was_switched_off_is_no_dead_token(rest: RestliClient, token: str) -> None:
    answer = rest.get(resource_path=f"/adAccounts/{LUMEN}", access_token=token, version_string="202001")

    assert (answer.status_code, answer.entity["code"]) == (426, "NONEXISTENT_VERSION")


def test_the_day_quota_is_no_dead_token(rest: RestliClient, token: str, channels_world: Sandbox) -> None:
    text = "Resource level throttle APPLICATION DAY limit for calls to this resource is reached."
    body = {"status": 429, "serviceErrorCode": 101, "code": "TOO_MANY_REQUESTS", "message": text}
    channels_world.add_fault("linkedin", path="adAccounts", status=429, body=body)

    assert refusal(rest, token) == (429, 101, "TOO_MANY_REQUESTS")


def test_a_page_instead_of_json_is_the_clients_own_error(
    rest: RestliClient, token: str, channels_world: Sandbox
) -> None:
    channels_world.add_fault("linkedin", path="adAccounts", status=502, body="<html>Bad gateway</html>")

    with pytest.raises(ResponseFormattingError):
        refusal(rest, token)
