"""The stand-in Snapchat's Marketing API: frames, roles, pages, errors."""

from typing import Any

import httpx2
import pytest

from tests.sandbox.snapchat_client import HARBOR, LUMEN, ORGANIZATION, Snap
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


def test_each_campaign_succeeds_or_fails_for_itself(snap: Snap, token: str) -> None:
    rows = publish(snap, token, LUMEN, {"name": "A", "status": "PAUSED"}, {"name": "B"}).json()["campaigns"]

    listed = snap.get(f"adaccounts/{LUMEN}/campaigns", token).json()["campaigns"]

    assert [row["sub_request_status"] for row in rows] == ["SUCCESS", "ERROR"]
    assert [row["campaign"]["name"] for row in listed] == ["A"]
