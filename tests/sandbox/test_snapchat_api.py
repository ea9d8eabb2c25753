"""The stand-in Snapchat's Marketing API: frames, roles, pages, errors."""

from typing import Any

import httpx2
import pytest

from tests.sandbox.snapchat_client import FERN, HARBOR, LUMEN, ORGANIZATION, Snap
from tests.support.sandbox import Sandbox

NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def snap(sandbox: Sandbox, http: httpx2.Client) -> Snap:
    return Snap(sandbox, http)


@pytest.fixture
def token(snap: Snap) -> str:
    return str(snap.issued()["access_token"])


def more_accounts(snap: Snap, count: int) -> None:
    for number in range(count):
        native_id = f"00000000-0000-4000-8000-{number + 1:012d}"
        snap.sandbox.put_account(
            "snapchat", native_id, name=f"A{number}", status="ACTIVE", roles={"ada": "admin"}
        )


def test_me_names_the_person(snap: Snap, token: str) -> None:
    body = snap.get("me", token).json()

    assert (body["request_status"], body["me"]["id"]) == ("SUCCESS", "a71cfcae-895d-4314-9460-e2ffd2515dd0")
    assert (body["me"]["display_name"], body["me"]["email"]) == ("Ada Okafor", "ada@people.example")
    assert body["request_id"]


def test_organizations_hold_flat_ad_accounts_with_roles_only_when_asked(snap: Snap, token: str) -> None:
    [bare] = snap.get("me/organizations", token).json()["organizations"]
    [full] = snap.get("me/organizations", token, with_ad_accounts="true").json()["organizations"]

    assert "ad_accounts" not in bare["organization"]
    assert full["sub_request_status"] == "SUCCESS"
    assert full["organization"]["roles"] == ["member"]
    first = full["organization"]["ad_accounts"][0]
    assert (first["id"], first["status"], first["roles"]) == (LUMEN, "ACTIVE", ["admin"])
    assert "adaccount" not in first


def test_the_paged_list_wraps_each_ad_account(snap: Snap, token: str) -> None:
    rows = snap.get(f"organizations/{ORGANIZATION}/adaccounts", token).json()["adaccounts"]

    assert {row["sub_request_status"] for row in rows} == {"SUCCESS"}
    assert LUMEN in {row["adaccount"]["id"] for row in rows}
    assert HARBOR not in {row["adaccount"]["id"] for row in rows}
    assert all("roles" not in row["adaccount"] for row in rows)


@pytest.mark.parametrize("kind", ["adaccounts", "roles", "members"])
def test_pages_are_followed_by_the_address_in_the_answer(snap: Snap, token: str, kind: str) -> None:
    more_accounts(snap, 120)
    whole = snap.get(f"organizations/{ORGANIZATION}/{kind}", token).json()
    rows: list[Any] = []
    page = snap.get(f"organizations/{ORGANIZATION}/{kind}", token, limit="50").json()
    while True:
        rows += page[kind]
        if "paging" not in page:
            break
        link = page["paging"]["next_link"]
        page = snap.http.get(link, headers={"Authorization": f"Bearer {token}"}).json()

    assert len(rows) == len(whole[kind]) == len({str(row) for row in rows})
    assert "paging" not in whole


@pytest.mark.parametrize("limit", ["49", "1001", "0", "-1", "many"])
def test_a_page_has_50_to_1000_rows(snap: Snap, token: str, limit: str) -> None:
    response = snap.get(f"organizations/{ORGANIZATION}/adaccounts", token, limit=limit)

    assert (response.status_code, response.json()["request_status"]) == (400, "ERROR")


def test_a_made_up_cursor_is_refused(snap: Snap, token: str) -> None:
    response = snap.get(f"organizations/{ORGANIZATION}/adaccounts", token, limit="50", cursor="!!")

    assert response.status_code == 400


def test_roles_name_members_containers_and_types(snap: Snap, token: str) -> None:
    [organization] = snap.get("me/organizations", token).json()["organizations"]
    member = organization["organization"]["my_member_id"]

    rows = snap.get(f"organizations/{ORGANIZATION}/roles", token).json()["roles"]
    mine = [row["role"] for row in rows if row["role"]["member_id"] == member]
    on_lumen = snap.get(f"adaccounts/{LUMEN}/roles", token).json()["roles"]

    assert {"container_kind", "container_id", "member_id", "organization_id", "type"} < set(mine[0])
    assert ("AdAccounts", LUMEN, "admin") in {
        (one["container_kind"], one["container_id"], one["type"]) for one in mine
    }
    assert sorted(row["role"]["type"] for row in on_lumen) == ["admin", "general", "reports"]


def test_members_are_those_with_a_role(snap: Snap, token: str) -> None:
    rows = snap.get(f"organizations/{ORGANIZATION}/members", token).json()["members"]

    assert [row["member"]["display_name"] for row in rows] == [
        "Ada Okafor",
        "Ben Lindqvist",
        "Chiara Rossi",
        "Emil Novak",
    ]


def test_a_dropped_role_is_403_or_404_and_the_others_stay(snap: Snap, token: str) -> None:
    snap.sandbox.drop_role("snapchat", LUMEN, "ada")

    refused = snap.get(f"adaccounts/{LUMEN}", token)
    snap.switch(hides=True)
    hidden = snap.get(f"adaccounts/{LUMEN}", token)

    assert (refused.status_code, refused.json()["request_status"]) == (403, "ERROR")
    assert (hidden.status_code, hidden.json()["error_code"]) == (404, "E3003")
    assert snap.get(f"adaccounts/{FERN}", token).status_code == 200
    assert snap.get("me", token).status_code == 200


def test_what_does_not_exist_is_404_and_what_is_others_403(snap: Snap, token: str) -> None:
    partner = "507d7a57-94ae-4239-8a74-e93c00aa53e6"
    snap.sandbox.put_account("snapchat", HARBOR, details={"organization_id": partner})

    assert snap.get(f"adaccounts/{NOWHERE}", token).status_code == 404
    assert snap.get(f"organizations/{NOWHERE}/adaccounts", token).status_code == 404
    assert snap.get(f"organizations/{partner}/adaccounts", token).status_code == 403
    assert snap.get("campaigns/none", token).status_code == 404


def test_another_method_is_405_and_a_slash_at_the_end_another_path(snap: Snap, token: str) -> None:
    bearer = {"Authorization": f"Bearer {token}"}
    posted = snap.http.post(f"{snap.base}/v1/me", headers=bearer)
    slash = snap.http.get(f"{snap.base}/v1/me/", headers=bearer)

    assert (posted.status_code, posted.json()["request_status"]) == (405, "ERROR")
    assert (slash.status_code, slash.json()["error_code"]) == (404, "E3003")
    assert snap.http.get(f"{snap.base}/v2/me", headers=bearer).status_code == 404


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer nothing", "Basic eDp5", "OAuth x"])
def test_a_call_without_a_living_bearer_is_401(snap: Snap, authorization: str) -> None:
    response = snap.http.get(f"{snap.base}/v1/me", headers={"Authorization": authorization})

    assert (response.status_code, response.json()["request_status"]) == (401, "ERROR")


def test_a_token_in_the_address_is_not_read(snap: Snap, token: str) -> None:
    assert snap.http.get(f"{snap.base}/v1/me", params={"access_token": token}).status_code == 401


def test_a_token_without_the_scope_is_403(snap: Snap) -> None:
    narrow = snap.issued(scopes=["snapchat-profile-api"])["access_token"]

    assert snap.get("me/organizations", narrow).status_code == 403


def test_an_admin_of_the_organization_reaches_everything_and_a_data_admin_only_reads(snap: Snap) -> None:
    snap.switch(organization_roles={"chiara": ["admin"], "emil": ["data_admin", "member"]})
    admin, reader = snap.issued("chiara")["access_token"], snap.issued("emil")["access_token"]

    assert snap.get(f"adaccounts/{HARBOR}", admin).status_code == 200
    assert snap.get(f"adaccounts/{HARBOR}", reader).status_code == 200
    assert publish(snap, admin, HARBOR).status_code == 200
    assert publish(snap, reader, HARBOR).status_code == 403


def publish(snap: Snap, token: str, account: str, *campaigns: Any) -> httpx2.Response:
    return snap.http.post(
        f"{snap.base}/v1/adaccounts/{account}/campaigns",
        headers={"Authorization": f"Bearer {token}"},
        json={"campaigns": list(campaigns) or [{"name": "Autumn", "status": "PAUSED"}]},
    )


@pytest.mark.parametrize(("user", "status"), [("ada", 200), ("ben", 200), ("chiara", 403)])
def test_a_reader_publishes_nothing(snap: Snap, user: str, status: int) -> None:
    assert publish(snap, snap.issued(user)["access_token"], LUMEN).status_code == status


def test_each_campaign_succeeds_or_fails_for_itself(snap: Snap, token: str) -> None:
    rows = publish(snap, token, LUMEN, {"name": "A", "status": "PAUSED"}, {"name": "B"}).json()["campaigns"]

    listed = snap.get(f"adaccounts/{LUMEN}/campaigns", token).json()["campaigns"]

    assert [row["sub_request_status"] for row in rows] == ["SUCCESS", "ERROR"]
    assert [row["campaign"]["name"] for row in listed] == ["A"]


def test_an_item_may_be_in_error_inside_a_good_answer(snap: Snap, token: str) -> None:
    snap.sandbox.put_account("snapchat", LUMEN, details={"sub_request_error": "try again"})
    path = f"organizations/{ORGANIZATION}/adaccounts"

    response = snap.get(path, token)

    statuses = [row["sub_request_status"] for row in response.json()["adaccounts"]]
    assert response.status_code == 200
    assert sorted(set(statuses)) == ["ERROR", "SUCCESS"]


def test_switches_change_the_spelling_and_the_depth_of_lists(snap: Snap, token: str) -> None:
    snap.switch(small_letters=True, nested_roles=False)
    body = snap.get("me/organizations", token, with_ad_accounts="true").json()
    snap.switch(nested_accounts=False, broken_organizations=True)
    broken = snap.get("me/organizations", token, with_ad_accounts="true").json()

    assert body["request_status"] == body["organizations"][0]["sub_request_status"] == "success"
    assert "roles" not in body["organizations"][0]["organization"]["ad_accounts"][0]
    assert broken["organizations"][0]["sub_request_status"] == "ERROR"


def test_a_limit_of_calls_answers_429_without_saying_for_how_long(snap: Snap, token: str) -> None:
    snap.switch(rate_limit={"limit": 2, "window": 3600})

    first, _, third = (snap.get("me", token) for _ in range(3))
    snap.switch(rate_limit={"limit": 2, "window": 3600, "headers": True})
    told = snap.get("me", token)

    assert (first.status_code, third.status_code) == (200, 429)
    assert third.json()["msg"] == "Rate limit exceeded"
    assert not {"retry-after", "x-rate-limit-reset"} & set(third.headers)
    assert (told.headers["x-rate-limit-limit"], told.headers["x-rate-limit-remaining"]) == ("2", "0")
    assert snap.get("me", snap.issued("ben")["access_token"]).status_code == 200


def test_a_person_without_any_role_has_no_organization(snap: Snap) -> None:
    snap.sandbox.drop_role("snapchat", FERN, "emil")
    token = snap.issued("emil")["access_token"]

    assert snap.get("me/organizations", token, with_ad_accounts="true").json()["organizations"] == []
    assert snap.get("me", token).status_code == 200
