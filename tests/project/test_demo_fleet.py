"""The living installation of `make run`: what it shows at the first look, and that every curl of the docs answers there."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account, AccountEvent
from accounts.pool import queries as pool_queries
from accounts.pool import services as pool
from accounts.pool.health import Health
from adtoken_project.api.application import api
from devtools import demo, demo_fleet
from devtools.demo_fleet.cast import TEAMS
from notifications.models import Message
from tests.macros.support import make_macro
from tests.support.sandbox import Sandbox
from tests.support.world import make_default_macro
from tokens.channels import declarations
from tokens.models import ChannelApp
from users.models import User

RUN_BY = {
    "bash": ["bash", "-c"],
    "python": [sys.executable, "-c"],
    **({"typescript": ["node", "--input-type=module", "-e"]} if shutil.which("node") else {}),
}
ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key(channels_world: Sandbox, settings: Settings) -> str:
    """A filled demo; the key of its publishing job."""
    settings.DEMO, settings.STAFF_SECOND_FACTOR = True, False
    make_default_macro()
    key = str(demo.prepare()["api_key"])
    for app in ChannelApp.objects.all():
        channels_world.put_app(app.channel, redirect_uris=[app.redirect_uri])
    demo_fleet.fill(sandbox=channels_world.base)
    return key


def test_the_demo_is_alive_at_the_first_look_and_every_curl_of_the_docs_answers(
    key: str, client: Client, channels_world: Sandbox, live_server: Any
) -> None:
    shows_every_state(channels_world)
    ada_begins_with_nothing(client)
    assert curls_that_answer("README.md", "## The API", key, channels_world) == 3
    assert curls_that_answer("docs/api.md", "## Calls", key, channels_world) == 7
    assert curls_that_answer("docs/api.md", "## Asks", key, channels_world) == 2
    make_macro(accounts=[Account.objects.get(native_id="611420987315526")])
    assert examples_that_run(key, live_server.url, channels_world) == 23 * len(RUN_BY)
    again = demo_fleet.fill(sandbox=channels_world.base)
    assert again == 26


def shows_every_state(channels_world: Sandbox) -> None:
    now = timezone.now()
    fleet = list(Account.objects.with_pools())
    states = {pool_queries.summarise(account, now).health for account in fleet}

    assert len(fleet) == 26
    assert {account.channel for account in fleet} == set(declarations.channel_keys())
    assert {account.team.name for account in fleet} == set(TEAMS)
    assert states == set(Health)
    assert pool.differences() == []
    past = AccountEvent.objects.order_by("at").values_list("at", flat=True)[0]
    assert (now - past).days >= 20
    assert {"macro", "news"} <= set(Message.objects.filter(state="sent").values_list("kind", flat=True))
    assert {to for mail in channels_world.mails() for to in mail["to"]} >= {
        "emil@example.com",
        "noor@example.com",
    }


def ada_begins_with_nothing(client: Client) -> None:
    client.force_login(User.objects.get(email="ada@example.com"))

    assert "Link your first ad account" in client.get("/").content.decode()


def curls_that_answer(name: str, heading: str, key: str, channels_world: Sandbox) -> int:
    text = (ROOT / name).read_text(encoding="utf-8")
    text = text.replace("http://127.0.0.1:8100", channels_world.base)
    block = text.partition(f"\n{heading}\n")[2].partition("```\n")[2].partition("```")[0]
    client = Client(headers={"authorization": f"Bearer {key}"})
    leases: list[str] = []
    asked = 0
    for line in block.splitlines():
        if not line.startswith("curl "):
            continue
        words = shlex.split(line, comments=True)
        address = next(word for word in words if word.startswith("$API")).replace("$API", "/api/v1")
        address = address.replace("$(lease_id)", leases[-1] if leases else "")
        body = words[words.index("-d") + 1] if "-d" in words else None
        answer = client.post(address, body, content_type="application/json") if body else client.get(address)
        assert answer.status_code in {200, 201}, (line, answer.content)
        asked += 1
        if address.endswith("/lease"):
            given = json.loads(answer.content)
            assert given["base_url"].startswith(f"{channels_world.base}/{given['channel']}/")
            leases.append(given["lease_id"])

    return asked


def examples_that_run(key: str, url: str, channels_world: Sandbox) -> int:
    """Run the examples of the reference as a reader does, one after the other: with curl, Python and Node."""
    about = {"ADTOKEN_URL": url, "ADTOKEN_KEY": key, "NO_PROXY": "*", "CODE": "https_only"}
    about |= {"CHANNEL": "facebook", "NATIVE_ID": "611420987315526"}
    of_x = Client(headers={"authorization": f"Bearer {key}"}).post(
        "/api/v1/accounts/x/18ce61n7dk2/lease", {}, content_type="application/json"
    )
    about["LEASE_ID"] = of_x.json()["lease_id"]
    ran = 0
    for path, methods in api.get_openapi_schema()["paths"].items():
        for operation in methods.values():
            fences = re.findall(r"```(\w+)\n(.*?)\n```", operation["description"], re.DOTALL)
            for language, text in fences:
                if language not in RUN_BY:
                    continue
                text = text.replace("https://ads-api.x.com", f"{channels_world.base}/x")
                said = subprocess.run(
                    [*RUN_BY[language], text], env={**os.environ, **about}, capture_output=True, text=True, check=False, timeout=60,
                )  # fmt: skip
                assert said.returncode == 0, (path, text, said.stdout, said.stderr)
                if language == "bash":
                    about |= learnt(operation["operationId"], json.loads(said.stdout))
                ran += 1
    return ran


def learnt(operation_id: str, answer: Any) -> dict[str, str]:
    """What a reader writes into the variables of the examples that follow."""
    match operation_id:
        case "ask_people":
            return {"ASK_ID": str(answer["asks"][0]["id"])}
        case "check_account":
            return {"ASKED_AT": quote(answer["asked_at"])}
        case "list_macros":
            return {
                "MACRO_ID": str(next(one["id"] for one in answer["macros"] if one["applies_to"] == "chosen"))
            }
        case "offboard_person":
            return {"OFFBOARDING_ID": str(answer["id"])}
    return {}
