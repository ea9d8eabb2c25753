"""A third party's client (snapchat-ads-mcp) against the stand-in Snapchat, which has no client of its own.

Its two addresses are constants without a setting: the test replaces them, and gives it a configuration file in a
temporary folder. It raises what its HTTP library raises, and words it in `err`.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import server as client  # the one module of snapchat-ads-mcp

from tests.support.sandbox import Sandbox

LUMEN, FERN = "e4cd371b-8de8-4011-a8d2-860fe77c09e1", "5f0d7c0b-2f3e-4a8b-8c57-3f6a1d9be702"

SignIn = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _addresses(channels_world: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(client, "API_BASE", f"{channels_world.snapchat}/v1")
    monkeypatch.setattr(client, "TOKEN_URL", f"{channels_world.snapchat}/login/oauth2/access_token")
    client_id, secret = Sandbox.APPS["snapchat"]
    monkeypatch.setattr(client, "CLIENT_ID", client_id)
    monkeypatch.setattr(client, "CLIENT_SECRET", secret)
    monkeypatch.setattr(client, "CONFIG_FILE", str(tmp_path / "config.json"))
    yield
    client._request_times.clear()  # it would wait after 30 calls in a minute


@pytest.fixture
def sign_in(channels_world: Sandbox) -> SignIn:
    """Give the client the tokens of a person of the start world, as its own sign-in would keep them."""

    def make(user: str, **more: Any) -> dict[str, Any]:
        issued: dict[str, Any] = channels_world.issue_token("snapchat", user)
        kept = {name: issued[name] for name in ("access_token", "refresh_token", "expires_at")}
        client.save_config({**kept, **more})
        return issued

    return make


def run(call: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(call)


def organisation() -> str:
    """The one organization of the person who is signed in."""
    [row] = run(client.snap_request("me/organizations"))["organizations"]
    return str(row["organization"]["id"])


def refusal(endpoint: str) -> tuple[int, dict[str, Any]]:
    """HTTP status and body of a refused call, out of the exception that the client lets through."""
    with pytest.raises(httpx.HTTPStatusError) as caught:
        run(client.snap_request(endpoint))
    return caught.value.response.status_code, caught.value.response.json()


def test_the_client_lists_the_ad_accounts_of_the_person(sign_in: SignIn) -> None:
    sign_in("ada")

    told = run(client.snapchat_get_ad_accounts())

    assert "**Lumen Shoes EU**" in told
    assert f"Ad Account ID: `{LUMEN}`" in told
    assert "Harbor Coffee DE" not in told
    assert "Status: PENDING" in told


def test_all_pages_are_followed_by_the_address_in_the_answer(
    sign_in: SignIn, fill: Callable[[str, int], set[str]]
) -> None:
    names = fill("snapchat", 120)
    sign_in("ada")

    items = run(client.snap_request_all(f"organizations/{organisation()}/adaccounts?limit=50", "adaccounts"))

    assert {item["adaccount"]["name"] for item in items} == names
    assert len(items) == len(names)


def test_one_ad_account_is_read(sign_in: SignIn) -> None:
    sign_in("ada")

    [item] = run(client.snap_request(f"adaccounts/{LUMEN}"))["adaccounts"]

    account = item["adaccount"]
    assert (account["name"], account["currency"], account["status"]) == ("Lumen Shoes EU", "EUR", "ACTIVE")
    assert account["timezone"] == "Europe/Berlin"


def test_a_token_whose_date_has_passed_is_refreshed_by_the_client(
    sign_in: SignIn, channels_world: Sandbox
) -> None:
    issued = sign_in("ada", expires_at=0)
    channels_world.expire_now(channel="snapchat", user="ada")

    person = run(client.snap_request("me"))["me"]

    kept = client.load_config()
    assert person["display_name"] == "Ada Okafor"
    assert kept["access_token"] != issued["access_token"]
    assert kept["refresh_token"] == issued["refresh_token"]  # none came, the old one stays
    assert 0 < kept["expires_at"] - time.time() <= 1800


def test_a_refresh_token_that_rotates_is_kept_by_the_client(sign_in: SignIn, channels_world: Sandbox) -> None:
    channels_world.put_app("snapchat", settings={"rotate": True})
    issued = sign_in("ada", expires_at=0)

    run(client.snap_request("me"))

    first = client.load_config()
    client.save_config({**first, "expires_at": 0})
    run(client.snap_request("me"))
    channels_world.put_app("snapchat", settings={})
    assert len({issued["refresh_token"], first["refresh_token"], client.load_config()["refresh_token"]}) == 3


@pytest.mark.parametrize("action", ["cancel_authorisation", "suspend", "deactivate"])
def test_a_dead_token_is_401_whatever_the_cause(
    sign_in: SignIn, channels_world: Sandbox, action: str
) -> None:
    sign_in("ada")
    channels_world.action("snapchat", "ada", action)

    status, body = refusal("me")

    assert (status, body["request_status"]) == (401, "ERROR")
    assert run(client.snapchat_get_ad_accounts()).startswith("Error 401: Auth expired.")


def test_a_token_that_ran_out_is_401_until_it_is_refreshed(sign_in: SignIn, channels_world: Sandbox) -> None:
    sign_in("ada")
    channels_world.expire_now(channel="snapchat", user="ada")

    status, _ = refusal("me")

    assert status == 401
    client.save_config({**client.load_config(), "expires_at": 0})
    assert run(client.snap_request("me"))["request_status"] == "SUCCESS"


def test_a_dead_refresh_token_is_an_invalid_grant(sign_in: SignIn, channels_world: Sandbox) -> None:
    sign_in("ada", expires_at=0)
    channels_world.cancel_authorisation("snapchat", "ada")

    status, body = refusal("me")

    assert (status, body["error"]) == (400, "invalid_grant")


def test_a_refresh_token_that_never_was_is_an_invalid_grant(sign_in: SignIn) -> None:
    sign_in("ada", expires_at=0)
    client.save_config({**client.load_config(), "refresh_token": "eyJnobody"})

    status, body = refusal("me")

    assert (status, body["error"]) == (400, "invalid_grant")


def test_a_wrong_secret_is_not_the_fault_of_the_token(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in("ada", expires_at=0)
    monkeypatch.setattr(client, "CLIENT_SECRET", "wrong")

    status, body = refusal("me")

    assert (status, body["error"]) == (401, "invalid_client")


def test_an_ad_account_without_a_role_is_forbidden_and_the_others_go_on(
    sign_in: SignIn, channels_world: Sandbox
) -> None:
    sign_in("ada")
    channels_world.drop_role("snapchat", "Fern Gardens", "ada")

    status, body = refusal(f"adaccounts/{FERN}")

    assert (status, body["request_status"]) == (403, "ERROR")
    assert run(client.snap_request(f"adaccounts/{LUMEN}"))["request_status"] == "SUCCESS"


def test_an_ad_account_that_never_was_is_not_found(sign_in: SignIn) -> None:
    sign_in("ada")

    status, body = refusal("adaccounts/00000000-0000-4000-8000-000000000000")

    assert (status, body["error_code"]) == (404, "E3003")


def test_a_rate_limit_is_no_dead_token(sign_in: SignIn, channels_world: Sandbox) -> None:
    sign_in("ada")
    body = {"request_status": "ERROR", "msg": "Rate limit exceeded"}
    channels_world.add_fault("snapchat", path="v1/", status=429, body=body)

    told = run(client.snapchat_get_ad_accounts())

    channels_world.clear_faults()
    assert told.startswith("Error 429: Rate limit hit.")


def test_a_reader_lists_but_may_not_publish(sign_in: SignIn) -> None:
    sign_in("chiara")
    campaign = {"campaigns": [{"name": "Autumn", "ad_account_id": LUMEN, "status": "PAUSED"}]}

    told = run(client.snapchat_get_ad_accounts())
    with pytest.raises(httpx.HTTPStatusError) as caught:
        run(client.snap_request(f"adaccounts/{LUMEN}/campaigns", "POST", json=campaign))

    assert "Lumen Shoes EU" in told
    assert caught.value.response.status_code == 403
