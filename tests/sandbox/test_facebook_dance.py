"""The stand-in Facebook: from the dialog to a long-lived token."""

import html
import re
import time
from typing import Any

import httpx2
import pytest

from tests.sandbox.graph import CALLBACK, FERN, LUMEN, Graph, query_of
from tests.support.sandbox import Sandbox


@pytest.fixture
def graph(sandbox: Sandbox, http: httpx2.Client) -> Graph:
    return Graph(sandbox, http)


def error(response: httpx2.Response) -> Any:
    return response.json()["error"]


def test_a_person_walks_from_the_dialog_to_a_code_by_its_own_form(graph: Graph) -> None:
    asked = {
        "client_id": graph.client["client_id"],
        "redirect_uri": CALLBACK,
        "state": "a&b",
        "scope": "ads_read",
    }

    who = graph.http.get(f"{graph.root}/dialog/oauth", params=asked)
    consent = graph.http.get(f"{graph.root}/dialog/oauth", params={**asked, "user": "ada"})

    assert "Sandbox Facebook" in who.text
    assert re.findall(r'name="user" value="(\w+)"', who.text) == ["ada", "ben", "chiara", "emil"]
    assert re.findall(r'name="scopes" value="(\w+)"', consent.text) == ["ads_read"]
    assert re.findall(r'name="accounts" value="(\w+)"', consent.text)[:2] == [LUMEN, FERN]
    assert 'name="state" value="a&amp;b"' in consent.text
    [others] = re.findall(r'<a href="([^"]+)">Not you', consent.text)
    assert "Choose who you are" in graph.http.get(f"{graph.root}/dialog/oauth{html.unescape(others)}").text
    answer = query_of(graph.dialog(state="a&b"))
    assert answer["state"] == "a&b"
    assert answer["code"]


@pytest.mark.parametrize("address", [CALLBACK + "?x=1", CALLBACK.rstrip("/"), "http://evil.example/", ""])
def test_an_address_that_is_not_registered_exactly_gets_no_redirect(graph: Graph, address: str) -> None:
    response = graph.dialog(redirect_uri=address)

    assert response.status_code == 400
    assert "location" not in response.headers


def test_a_permission_that_does_not_exist_gets_no_redirect(graph: Graph) -> None:
    answer = graph.dialog(scope="ads_management,nonsense")

    assert answer.status_code == 400
    assert "Invalid Scopes: nonsense" in answer.text


def test_a_code_becomes_a_short_token_and_that_a_long_one(graph: Graph) -> None:
    short = graph.redeem(graph.code()).json()
    long = graph.exchange(short["access_token"]).json()

    assert set(short) == {"access_token", "token_type", "expires_in"}
    assert 3600 <= short["expires_in"] <= 7200
    assert long["expires_in"] == 60 * 86400
    assert long["token_type"] == "bearer"
    assert "SBXTOKEN" in short["access_token"]
    assert "SBXTOKEN" in long["access_token"]
    data = graph.debug(long["access_token"])
    assert data["is_valid"] is True
    assert data["user_id"] == "10215241773831025"
    assert data["scopes"] == ["ads_management", "ads_read", "business_management", "public_profile"]
    assert data["granular_scopes"] == [
        {"scope": "ads_management", "target_ids": [LUMEN, FERN]},
        {"scope": "ads_read", "target_ids": [LUMEN, FERN]},
    ]
    assert data["expires_at"] - data["issued_at"] == 60 * 86400
    assert abs(data["data_access_expires_at"] - time.time() - 90 * 86400) < 60
    assert "issued_at" not in graph.debug(short["access_token"])


def test_a_code_is_short_lived(graph: Graph, sandbox: Sandbox) -> None:
    code = graph.code()
    sandbox.set_clock(offset=601)

    late = graph.redeem(code)

    assert (late.status_code, error(late)["code"], error(late)["error_subcode"]) == (400, 100, 36007)


def test_a_code_needs_the_address_it_was_asked_with(graph: Graph) -> None:
    response = graph.redeem(graph.code(), redirect_uri=CALLBACK + "?other")

    assert (response.status_code, error(response)["code"]) == (400, 100)


@pytest.mark.parametrize(("client_id", "code"), [("100000000000001", 1), ("999", 101)])
def test_wrong_secret_and_unknown_app_are_refused(graph: Graph, client_id: str, code: int) -> None:
    response = graph.token_call(client_id=client_id, client_secret="wrong", code=graph.code())

    assert (response.status_code, error(response)["code"]) == (400, code)
    assert error(response)["type"] == "OAuthException"


def test_declined_scopes_are_asked_again_only_with_rerequest(graph: Graph) -> None:
    graph.dialog(scopes=["ads_read"])
    still = graph.redeem(graph.code()).json()["access_token"]
    rows = graph.call("GET", "me/permissions", still).json()["data"]

    again = graph.redeem(graph.code(auth_type="rerequest")).json()["access_token"]

    assert {r["permission"]: r["status"] for r in rows} == {
        "ads_read": "granted",
        "public_profile": "granted",
        "ads_management": "declined",
        "business_management": "declined",
    }
    assert "ads_management" in graph.debug(again)["scopes"]


def test_the_app_token_comes_by_client_credentials(graph: Graph) -> None:
    answer = graph.token_call(grant_type="client_credentials").json()

    assert answer == {"access_token": graph.app_token, "token_type": "bearer"}


def test_an_exchange_does_not_move_data_access(graph: Graph, sandbox: Sandbox) -> None:
    end = int(time.time()) + 5000
    token = sandbox.issue_token("facebook", "ada", data_access_expires_at=end)

    renewed = graph.exchange(token["access_token"]).json()["access_token"]

    assert graph.debug(renewed)["data_access_expires_at"] == end
