"""The stand-in Facebook: what each knob makes of the Graph calls."""

import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest

from tests.sandbox.graph import FERN, HARBOR, LUMEN, Graph
from tests.support.sandbox import Sandbox


@pytest.fixture
def graph(sandbox: Sandbox, http: httpx2.Client) -> Graph:
    return Graph(sandbox, http)


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return str(sandbox.issue_token("facebook", "ada")["access_token"])


def error_of(response: httpx2.Response) -> tuple[int, int, int | None]:
    error = response.json()["error"]
    return response.status_code, error["code"], error.get("error_subcode")


@pytest.mark.parametrize("path", ["me", "me/adaccounts", f"act_{LUMEN}", f"act_{LUMEN}/insights"])
def test_a_field_that_does_not_exist_refuses_the_whole_call(graph: Graph, token: str, path: str) -> None:
    answer = graph.call("GET", path, token, fields="id,nonsense" if path == "me" else "account_id,nonsense")

    assert error_of(answer) == (400, 100, None)
    assert "(#100) Tried accessing nonexisting field (nonsense)" in answer.json()["error"]["message"]


def test_a_field_may_be_asked_about_in_its_turn(graph: Graph, token: str) -> None:
    answer = graph.call("GET", f"act_{LUMEN}", token, fields="name,business{id,name},currency")

    assert answer.json().keys() == {"id", "name", "business", "currency"}


def test_a_version_that_is_over_may_be_upgraded_with_a_warning(
    graph: Graph, sandbox: Sandbox, token: str
) -> None:
    sandbox.put_app("facebook", settings={"retired_versions": ["v25.0"], "auto_upgrade": True})
    graph.root = f"{sandbox.facebook}/v25.0"

    answer = graph.call("GET", f"act_{LUMEN}", token, fields="name")

    assert answer.status_code == 200
    assert answer.headers["x-ad-api-version-warning"] == (
        "The call has been auto-upgraded to v26.0 as v25.0 has been deprecated."
    )


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "v25.0/me/", (200, None, None)),
        ("GET", "me", (200, None, None)),  # without a version the oldest is taken
        ("GET", "me/adaccounts", (400, 2635, None)),  # which the Marketing API serves no longer
        ("GET", "v19.0/me", (200, None, None)),  # the Graph answers in the oldest that is left
        ("GET", "v19.0/me/adaccounts", (400, 2635, None)),
        ("GET", "v24.0/me/adaccounts", (400, 2635, None)),
        ("GET", "v27.0/me/adaccounts", (200, None, None)),
        ("GET", "v99.0/me", (400, 2500, None)),
        ("GET", "v99.0/me/adaccounts", (400, 2500, None)),
        ("GET", "v25.0/act_1/nothing", (400, 2500, None)),
        ("GET", "v25/me", (400, 2500, None)),
        ("POST", "v25.0/me", (400, 100, 33)),
        ("PUT", f"v25.0/act_{LUMEN}", (400, 100, 33)),
    ],
)
def test_an_address_or_method_that_does_not_exist_is_answered_as_by_the_graph(
    sandbox: Sandbox,
    http: httpx2.Client,
    token: str,
    method: str,
    path: str,
    expected: tuple[int, int | None, int | None],
) -> None:
    proof = hmac.new(b"facebook-sandbox-secret", token.encode(), hashlib.sha256).hexdigest()
    query = {"access_token": token, "appsecret_proof": proof}

    answer = http.request(method, f"{sandbox.facebook}/{path}", params=query)

    error = answer.json().get("error", {})
    assert (answer.status_code, error.get("code"), error.get("error_subcode")) == expected


def test_the_proof_is_demanded_and_checked(graph: Graph, sandbox: Sandbox, token: str) -> None:
    missing = graph.http.get(f"{graph.root}/me", params={"access_token": token})
    wrong = graph.call("GET", "me", token, appsecret_proof="00")
    sandbox.put_app("facebook", proof_required=False)
    optional = graph.http.get(f"{graph.root}/me", params={"access_token": token})
    still_wrong = graph.call("GET", "me", token, appsecret_proof="00")

    assert error_of(missing) == (400, 100, None)
    assert (
        missing.json()["error"]["message"] == "API calls from the server require an appsecret_proof argument"
    )
    assert error_of(wrong) == (400, 100, None)
    assert wrong.json()["error"]["message"] == "Invalid appsecret_proof provided in the API argument"
    assert optional.status_code == 200
    assert error_of(still_wrong) == (400, 100, None)


def test_a_checkpoint_stops_the_dialog_and_its_end_revives_the_token(
    graph: Graph, sandbox: Sandbox, token: str
) -> None:
    sandbox.checkpoint("facebook", "ada")

    stopped = graph.dialog()
    sandbox.checkpoint("facebook", "ada", on=False)

    assert "location" not in stopped.headers
    assert graph.call("GET", "me", token).status_code == 200


def test_garbage_is_200_for_debug_token_and_190_for_a_call(graph: Graph) -> None:
    data = graph.debug("garbage")

    assert data["is_valid"] is False
    assert data["scopes"] == []
    assert data["error"]["code"] == 190
    assert error_of(graph.call("GET", "me", "garbage")) == (400, 190, None)
    assert error_of(graph.http.get(f"{graph.root}/me")) == (400, 2500, None)


def test_debug_token_needs_a_right_app_token(graph: Graph, token: str) -> None:
    for asking in ("", "100000000000001|wrong", "1|x"):
        response = graph.http.get(
            f"{graph.root}/debug_token", params={"input_token": token, "access_token": asking}
        )
        assert response.status_code == 400
        assert "error" in response.json()


def test_an_account_beyond_role_or_tick_is_out_of_reach(graph: Graph, sandbox: Sandbox) -> None:
    token = sandbox.issue_token("facebook", "ada", accounts=["Lumen Shoes EU"])["access_token"]

    assert error_of(graph.call("GET", f"act_{HARBOR}", token)) == (400, 100, 33)
    assert error_of(graph.call("GET", f"act_{FERN}", token)) == (403, 200, None)
    assert [a["id"] for a in graph.call("GET", "me/adaccounts", token).json()["data"]] == [f"act_{LUMEN}"]
    sandbox.drop_role("facebook", LUMEN, "ada")
    assert error_of(graph.call("GET", f"act_{LUMEN}", token)) == (400, 100, 33)


def test_a_campaign_is_published_and_read_back(graph: Graph, sandbox: Sandbox) -> None:
    token = sandbox.issue_token("facebook", "ben")["access_token"]
    wanted = {"name": "Autumn", "objective": "OUTCOME_TRAFFIC", "status": "PAUSED"}

    made = graph.call("POST", f"act_{LUMEN}/campaigns", token, **wanted).json()

    assert graph.call("GET", made["id"], token).json() == {"id": made["id"], "account_id": LUMEN, **wanted}
    listed = graph.call("GET", f"act_{LUMEN}/campaigns", token).json()["data"]
    assert [row["id"] for row in listed] == [made["id"]]
    assert graph.call("GET", f"act_{LUMEN}/insights", token).json()["data"][0]["account_id"] == LUMEN


def test_publishing_needs_the_scope_the_role_and_an_account_in_order(graph: Graph, sandbox: Sandbox) -> None:
    wanted = {"name": "Autumn", "objective": "OUTCOME_TRAFFIC"}
    path = f"act_{LUMEN}/campaigns"
    reader = sandbox.issue_token("facebook", "chiara")["access_token"]
    narrow = sandbox.issue_token("facebook", "ada", scopes=["ads_read"])["access_token"]
    ben = sandbox.issue_token("facebook", "ben")["access_token"]

    assert error_of(graph.call("POST", path, reader, **wanted)) == (403, 200, None)
    assert error_of(graph.call("POST", path, narrow, **wanted)) == (400, 294, None)
    assert error_of(graph.call("POST", path, ben, name="n")) == (400, 100, None)
    sandbox.set_account_status("facebook", LUMEN, account_status=2, disable_reason=1)
    assert graph.call("POST", path, ben, **wanted).status_code == 400
    assert graph.call("GET", f"act_{LUMEN}", ben, fields="account_status").json()["account_status"] == 2
    sandbox.give_role("facebook", LUMEN, "chiara", "advertiser")
    sandbox.set_account_status("facebook", LUMEN, account_status=1, disable_reason=0)
    assert graph.call("POST", path, reader, **wanted).status_code == 200


def test_one_permission_can_be_taken_back_and_then_all(graph: Graph, token: str) -> None:
    one = graph.call("DELETE", "me/permissions", token, permission="ads_management")
    rows = graph.call("GET", "me/permissions", token).json()["data"]
    everything = graph.call("DELETE", "me/permissions", token)

    assert one.json() == everything.json() == {"success": True}
    assert {"permission": "ads_management", "status": "declined"} in rows
    assert error_of(graph.call("GET", "me", token)) == (400, 190, 458)


def test_removing_the_app_calls_its_deauthorise_address_signed(sandbox: Sandbox, token: str) -> None:
    got: list[str] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    sandbox.put_app("facebook", deauthorise_url=f"http://127.0.0.1:{server.server_port}/deauthorise/")

    sandbox.cancel_authorisation("facebook", "ada")

    thread.join(10)
    server.server_close()
    signature, _, payload = parse_qs(got[0])["signed_request"][0].partition(".")
    expected = hmac.new(sandbox.FACEBOOK_SECRET.encode(), payload.encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "=") == expected
    data = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert (data["user_id"], data["algorithm"]) == ("10215241773831025", "HMAC-SHA256")
