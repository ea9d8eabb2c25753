"""The stand-in TikTok: ad accounts, Business Centers, limits, campaigns, and the pushes of suspensions."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx2
import pytest

from tests.sandbox.tiktok_client import CENTER, FERN, HARBOR, LUMEN, MARLO, TikTokClient
from tests.support.sandbox import Sandbox


@pytest.fixture
def tiktok(sandbox: Sandbox, http: httpx2.Client) -> TikTokClient:
    return TikTokClient(sandbox, http)


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return str(sandbox.issue_token("tiktok", "ada")["access_token"])


class Mailbag(list[dict[str, Any]]):
    """What was pushed to `url`."""

    url = ""

    def wait(self, count: int) -> None:
        """Wait until so many pushes came."""
        until = time.monotonic() + 60
        while len(self) < count and time.monotonic() < until:
            time.sleep(0.01)
        assert len(self) >= count


@pytest.fixture
def mailbag() -> Iterator[Mailbag]:
    got = Mailbag()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Keep the output of the tests clean."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    got.url = f"http://127.0.0.1:{server.server_address[1]}/push/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield got
    server.shutdown()
    thread.join()
    server.server_close()


def subscribe(tiktok: TikTokClient, token: str, url: str, **changes: Any) -> Any:
    detail = {"access_token": token, "advertiser_ids": [LUMEN, FERN]} | changes
    body = {"subscribe_entity": "AD_ACCOUNT_SUSPENSION", "callback_url": url, "subscription_detail": detail}
    return tiktok.post("subscription/subscribe", {**tiktok.keys, **body})


def test_a_field_that_does_not_exist_refuses_the_call(tiktok: TikTokClient, token: str) -> None:
    ids, fields = json.dumps([LUMEN]), json.dumps(["name", "nonsense"])

    assert tiktok.get("advertiser/info", token, advertiser_ids=ids, fields=fields)["code"] == 40002


@pytest.mark.parametrize(
    "text", ["", "7002238017842757633", "[]", "[7002238017842757633]", json.dumps(["1"] * 101), "{}"]
)
def test_ids_come_as_a_json_array_of_1_to_100_texts(tiktok: TikTokClient, token: str, text: str) -> None:
    assert tiktok.get("advertiser/info", token, advertiser_ids=text)["code"] == 40002


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"page_size": "51"}, 40002),
        ({"page": "0"}, 40002),
        ({"asset_type": "PIXEL"}, 40002),
        ({"bc_id": "1"}, 40001),
    ],
)
def test_the_list_of_assets_is_strict(
    tiktok: TikTokClient, token: str, changes: dict[str, str], code: int
) -> None:
    asked = {"bc_id": CENTER, "asset_type": "ADVERTISER", **changes}

    assert tiktok.get("bc/asset/get", token, **asked)["code"] == code


def test_bursts_are_refused_with_http_200(tiktok: TikTokClient, sandbox: Sandbox, token: str) -> None:
    sandbox.put_app("tiktok", settings={"burst": {"calls": 2, "seconds": 60}})

    seen = [tiktok.get("user/info", token)["code"] for _ in range(4)]
    sandbox.set_clock(offset=61)
    later = tiktok.get("user/info", token)["code"]
    sandbox.set_clock()

    assert (seen, later) == ([0, 0, 40100, 40100], 0)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "v1.3/nothing/"), ("GET", "v1.3/oauth2/access_token/"), ("GET", "v1.2/user/info/")],
)
def test_unknown_paths_methods_and_versions_are_http_200_too(
    tiktok: TikTokClient, token: str, method: str, path: str
) -> None:
    url = f"{tiktok.sandbox.tiktok}/open_api/{path}"

    response = tiktok.http.request(method, url, headers={"Access-Token": token})

    assert response.status_code == 200
    assert response.json()["code"] in {40400, 40006}


def test_campaigns_need_a_role_that_writes_and_an_account_in_order(
    tiktok: TikTokClient, sandbox: Sandbox, token: str
) -> None:
    reader = sandbox.issue_token("tiktok", "chiara")["access_token"]
    body = {"advertiser_id": LUMEN, "campaign_name": "Spring", "objective_type": "TRAFFIC"}

    made = tiktok.post("campaign/create", body, token=token)
    refused = tiktok.post("campaign/create", body, token=reader)
    limited = tiktok.post("campaign/create", {**body, "advertiser_id": MARLO}, token=token)

    listed = tiktok.get("campaign/get", token, advertiser_id=LUMEN)["data"]["list"]
    assert made["code"] == 0
    assert [one["campaign_id"] for one in listed] == [made["data"]["campaign_id"]]
    assert (refused["code"], limited["code"]) == (40001, 40002)


def test_a_suspension_is_pushed_flat_and_its_end_without_a_reason(
    tiktok: TikTokClient, sandbox: Sandbox, token: str, mailbag: Mailbag
) -> None:
    subscription_id = subscribe(tiktok, token, mailbag.url)["data"]["subscription_id"]

    sandbox.put_account("tiktok", LUMEN, status="STATUS_LIMIT", details={"rejection_reason": "1:bad ads"})
    mailbag.wait(1)
    sandbox.put_account("tiktok", LUMEN, status="STATUS_ENABLE")
    mailbag.wait(2)

    limited, freed = mailbag
    assert (limited["advertiser_id"], limited["status"]) == (LUMEN, "STATUS_LIMIT")
    assert limited["suspension_reasion"] == "1:bad ads"
    assert limited["subscription_id"] == subscription_id
    assert len(limited["status_change_time"]) == len("2025-01-01 00:00:01")
    assert freed["status"] == "STATUS_ENABLE"
    assert "suspension_reasion" not in freed


def test_a_subscription_is_silent_once_its_token_is_revoked(
    tiktok: TikTokClient, sandbox: Sandbox, token: str, mailbag: Mailbag
) -> None:
    other = sandbox.issue_token("tiktok", "emil")["access_token"]
    subscribe(tiktok, token, mailbag.url)
    subscribe(tiktok, other, mailbag.url, advertiser_ids=[FERN])
    tiktok.post("oauth2/revoke_token", {**tiktok.keys, "access_token": token})

    sandbox.put_account("tiktok", LUMEN, status="STATUS_LIMIT")
    sandbox.put_account("tiktok", FERN, status="STATUS_LIMIT")
    mailbag.wait(1)

    assert [push["advertiser_id"] for push in mailbag] == [FERN]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"advertiser_ids": []}, 40002),
        ({"advertiser_ids": ["1"] * 101}, 40002),
        ({"advertiser_ids": [HARBOR]}, 40001),
        ({"access_token": "nothing"}, 40105),
    ],
)
def test_a_subscription_reaches_only_what_its_token_reaches(
    tiktok: TikTokClient, token: str, changes: dict[str, Any], code: int
) -> None:
    assert subscribe(tiktok, token, "http://127.0.0.1:1/", **changes)["code"] == code
