"""What a job does with the client. Run by test_python.py, in an environment that knows the installed client and nothing of AdToken's code.

One after the other: people leave on the way.
"""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import adtoken_client
import httpx2
import pytest
import requests
from adtoken_client import AdToken, AsyncAdToken, LeaseAuth, webhooks
from adtoken_client.google_auth import refresh_handler
from adtoken_client.requests_adapters import LeaseAdapter, ProxyAdapter

WORLD: dict[str, Any] = json.loads(os.environ["WORLD"])
FACEBOOK, FACEBOOK_TOO, X = WORLD["facebook"], WORLD["facebook_too"], WORLD["x"]


class Clock:
    """The time of a client, which a check moves on."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def adtoken(clock: Clock) -> Iterator[AdToken]:
    with AdToken(WORLD["url"], WORLD["key"], clock=clock) as made:
        yield made


def control(method: str, path: str, body: Any = None, /, **query: str) -> Any:
    """A call to the stand-in channels."""
    answer = httpx2.request(method, f"{WORLD['sandbox']}/_control/{path}", json=body, params=query)
    assert answer.is_success, answer.text
    return answer.json()


def leaves(lease: adtoken_client.Lease) -> None:
    """Let all log-ins of whoever serves die, and forget the calls until then."""
    person = str(lease.native_user).partition(" ")[0].lower()
    control("POST", f"users/{lease.name.channel}/{person}/cancel_authorisation", {})
    control("DELETE", "calls")


def statuses(path: str) -> list[int]:
    """What the channel answered to the calls of jobs below a path."""
    return [call["status"] for call in control("GET", "calls", path=path)]


def handed_out(adtoken: AdToken, native_id: str) -> int:
    """How many leases of an account are on record."""
    rows = adtoken.call("GET", "/hand-outs")["hand_outs"]
    return sum(row["kind"] == "lease" and row["native_id"] == native_id for row in rows)


def wait_for(done: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not done():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_lease_is_kept_renewed_ahead_while_it_serves_and_let_go_when_nobody_uses_it(
    adtoken: AdToken, clock: Clock
) -> None:
    before = handed_out(adtoken, FACEBOOK_TOO)
    with ThreadPoolExecutor(20) as threads:
        leases = list(threads.map(lambda _: adtoken.lease("facebook", FACEBOOK_TOO), range(100)))
    assert all(lease is leases[0] for lease in leases)
    assert handed_out(adtoken, FACEBOOK_TOO) == before + 1

    clock.ahead = 14.7 * 60
    assert adtoken.lease("facebook", FACEBOOK_TOO) is leases[0]
    wait_for(lambda: adtoken.lease("facebook", FACEBOOK_TOO) is not leases[0])
    clock.ahead = 60 * 60
    wait_for(lambda: not adtoken._client._keeper)

    assert handed_out(adtoken, FACEBOOK_TOO) == before + 2


def test_a_batch_gives_leases_and_problems_and_what_is_kept_is_not_asked_for(adtoken: AdToken) -> None:
    adtoken.lease("facebook", FACEBOOK)
    before = handed_out(adtoken, FACEBOOK)

    found = adtoken.leases([("facebook", FACEBOOK), ("x", X), ("x", "nobody")])

    said = {
        name.native_id: one.code if isinstance(one, adtoken_client.AdTokenError) else one.signs
        for name, one in found.items()
    }
    assert said == {FACEBOOK: False, X: True, "nobody": "not_found"}
    assert handed_out(adtoken, FACEBOOK) == before
    assert "send" not in repr(found)


def test_many_threads_go_on_with_the_next_person_by_one_report_and_one_retry_each(adtoken: AdToken) -> None:
    lease = adtoken.lease("facebook", FACEBOOK)
    url, before = f"{lease.base_url}/act_{FACEBOOK}/campaigns", handed_out(adtoken, FACEBOOK)
    leaves(lease)

    with (
        httpx2.Client(auth=LeaseAuth(adtoken, "facebook", FACEBOOK)) as http,
        ThreadPoolExecutor(8) as threads,
    ):
        answers = list(threads.map(lambda _: http.get(url, params={"access_token": "odd"}), range(8)))
        elsewhere = http.get(f"{WORLD['url']}/healthz")

    assert [answer.status_code for answer in answers] == [200] * 8
    assert 1 <= sum(status == 400 for status in statuses(f"act_{FACEBOOK}/campaigns")) <= 8
    assert handed_out(adtoken, FACEBOOK) == before + 1
    assert "authorization" not in elsewhere.request.headers


def test_a_write_by_requests_is_repeated_once_and_an_account_that_stands_still_is_told_with_reason_and_steps(
    adtoken: AdToken,
) -> None:
    lease = adtoken.lease("facebook", FACEBOOK)
    base = lease.base_url
    path, name = f"act_{FACEBOOK}/campaigns", f"Autumn {time.time()}"
    form = {"name": name, "objective": "OUTCOME_TRAFFIC", "status": "PAUSED", "special_ad_categories": "[]"}
    leaves(lease)

    with requests.Session() as session:
        session.mount(f"{base}/", LeaseAdapter(adtoken, "facebook", FACEBOOK))
        made = session.post(f"{base}/{path}", data=form)
        assert (made.status_code, statuses(path)) == (200, [400, 200])
        wrong = session.post(f"{base}/{path}", data={})
        assert (wrong.status_code, statuses(path)) == (400, [400, 200, 400])
        leaves(adtoken.lease("facebook", FACEBOOK))
        adtoken.call("POST", f"/accounts/facebook/{FACEBOOK}/pause", {})
        with pytest.raises(adtoken_client.AccountDarkError) as dark:
            session.get(f"{base}/{path}")

    assert (dark.value.code, dark.value.reason) == ("person_needed", "paused")
    assert "on purpose" in dark.value.detail
    with pytest.raises(adtoken_client.AccountDarkError):
        adtoken.lease("facebook", FACEBOOK)


def test_with_asyncio_tasks_share_a_lease_and_x_is_signed_before_and_after_a_death(clock: Clock) -> None:
    async def job() -> None:
        async with AsyncAdToken(WORLD["url"], WORLD["key"], clock=clock) as adtoken:
            leases = await asyncio.gather(*(adtoken.lease("x", X) for _ in range(20)))
            assert all(lease is leases[0] for lease in leases)
            url = f"{leases[0].base_url}/accounts/{X}"
            async with httpx2.AsyncClient(auth=LeaseAuth(adtoken, "x", X)) as http:
                funding = (await http.get(f"{url}/funding_instruments?count=1")).json()["data"][0]["id"]
                leaves(leases[0])
                form = {"name": "Autumn & spring", "funding_instrument_id": funding}
                made = await asyncio.gather(*(http.post(f"{url}/campaigns", data=form) for _ in range(4)))
            assert [answer.status_code for answer in made] == [201] * 4
            clock.ahead = 14.7 * 60
            before = await adtoken.lease("x", X)
            while await adtoken.lease("x", X) is before:
                await asyncio.sleep(0.05)

    asyncio.run(asyncio.wait_for(job(), 60))


def test_what_is_meant_for_a_fixed_host_goes_through_adtokens_proxy(adtoken: AdToken) -> None:
    made = adtoken.call("POST", f"/accounts/linkedin/{WORLD['linkedin']}/credential", {"purpose": "read"})
    asked = f"https://api.linkedin.com/rest/adAccounts/{WORLD['linkedin']}?q=a%2Fb"

    with requests.Session() as session:
        session.mount("https://api.linkedin.com/", ProxyAdapter(made["base_url"]))
        headers = {**made["send"]["headers"], "LinkedIn-Version": "202608", "Host": "api.linkedin.com"}
        answer = session.get(asked, headers=headers)

    assert (answer.status_code, answer.url, answer.json()["name"]) == (200, asked, "Lumen Shoes EU"), (
        answer.text
    )


def test_an_error_of_tiktok_is_known_although_its_status_is_200(adtoken: AdToken) -> None:
    tiktok = WORLD["tiktok"]
    leaves(adtoken.lease("tiktok", tiktok))

    def job(lease: adtoken_client.Lease) -> httpx2.Response:
        url = f"{lease.base_url}/advertiser/info/"
        return httpx2.get(url, headers=dict(lease.send.headers), params={"advertiser_ids": f'["{tiktok}"]'})

    answer = adtoken.run("tiktok", tiktok, job)

    assert (answer.json()["code"], statuses("advertiser/info")) == (0, [200, 200])


def test_google_auth_gets_token_and_end(adtoken: AdToken) -> None:
    token, ends = refresh_handler(adtoken, "linkedin", WORLD["linkedin"])(None, scopes=[])

    assert token in adtoken.lease("linkedin", WORLD["linkedin"]).send.headers["Authorization"]
    assert 0 < (ends.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds() <= 900


def test_a_webhook_is_verified(clock: Clock) -> None:
    sent = WORLD["webhook"]

    event = webhooks.verify(sent["secret"], sent["body"].encode(), sent["headers"])

    assert (event["type"], event["id"]) == ("account.shifted", sent["headers"]["webhook-id"])
    with pytest.raises(webhooks.WebhookVerificationError):
        webhooks.verify(sent["secret"], sent["body"].encode() + b" ", sent["headers"])


def test_a_wrong_key_and_no_server_are_told_apart() -> None:
    with (
        AdToken(WORLD["url"], "adt_wrong") as stranger,
        pytest.raises(adtoken_client.KeyRefusedError) as refused,
    ):
        stranger.lease("facebook", FACEBOOK)
    with (
        AdToken("http://127.0.0.1:1", "adt_wrong", wait=0) as away,
        pytest.raises(adtoken_client.UnreachableError),
    ):
        away.lease("facebook", FACEBOOK)

    assert (refused.value.code, refused.value.status) == ("no_key", 401)


def command(*arguments: str, key: str = WORLD["key"], url: str = WORLD["url"]) -> tuple[int, str]:
    env = {**os.environ, "ADTOKEN_URL": url, "ADTOKEN_KEY": key}
    done = subprocess.run(
        ["adtoken", *arguments], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_the_command_lists_leases_asks_and_says_what_is_wrong() -> None:
    status, said = command("accounts", "--channel", "x")
    assert (status, said.split("\t")[:2]) == (0, [f"x/{X}", "connected"])
    status, said = command("dark")
    assert status == 0
    assert "deactivated\tsince " in said
    status, said = command("lease", f"linkedin/{WORLD['linkedin']}")
    assert (status, json.loads(said)["signs"], "Bearer" in said) == (0, False, False)
    assert "Bearer" in command("lease", f"linkedin/{WORLD['linkedin']}", "--send")[1]
    status, said = command("lease", f"facebook/{FACEBOOK}")
    assert (status, "(person_needed)" in said) == (1, True)
    status, said = command("events")
    assert "account.shifted" in {json.loads(line)["type"] for line in said.splitlines()}
    status, said = command(
        "ask", "client_link", "--email", "clara@client.example", "--channel", "x", "--no-mail"
    )
    assert (status, "/api/v1/asks/" in said) == (0, True), said

    status, said = command("credential", f"facebook/{FACEBOOK}")
    assert (status, said[:5]) == (0, "adtp_"), said

    assert [line[:3] for line in command("doctor")[1].splitlines()] == ["ok "] * 3, command("doctor")
    assert command("doctor", key="adt_wrong")[1].splitlines()[-1].startswith("DO ")
    assert command("doctor", url="http://127.0.0.1:1")[1].startswith("DO ")
    assert command("doctor", url=WORLD["sandbox"])[1].startswith("DO ")
