"""Generic clients get what they send from the token endpoint: the blocks of docs/token-endpoint.md, each run by the real package.

A stand-in for the gate keeps what came in place of a token; behind it stands nobody.
"""

import gc
import json
import logging
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
import yaml
from django.utils import timezone

from accounts.models import Account, ApiKey
from broker.gate.credentials import make_credential, read_credential
from broker.gate.minting import Minted
from tests.macros.support import lasting
from tests.support.jobs import issued_key
from tokens.channels import declarations

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PAGE = Path(__file__).resolve().parents[2] / "docs/token-endpoint.md"
GATE = "https://adtoken.example/proxy/facebook"


class StandIn:
    """In the gate's place: answers one row and keeps the header Authorization."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stand_in.sent.append(self.headers["Authorization"])
                body = json.dumps([{"id": "1"}]).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


class Recipes:
    """The blocks of the page, with the addresses, the account, the key and the credential of this test."""

    def __init__(self, url: str, gate: StandIn, account: Account, key: str, handle: str) -> None:
        text, self.gate = PAGE.read_text(encoding="utf-8"), gate
        self.account, self.key, self.handle = account, key, handle
        for ours, theirs in (
            (GATE, gate.url), ("https://adtoken.example", url), ("611420987315526", account.native_id), ("adtp_...", handle),
            ("adt_...", key),
        ):  # fmt: skip
            text = text.replace(ours, theirs)
        self.sections = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))

    def blocks(self, heading: str) -> list[str]:
        """The blocks below a heading, in order."""
        return re.findall(r"```\w+\n(.*?)```", self.sections[heading], re.DOTALL)

    def run(self, heading: str) -> dict[str, Any]:
        """Run the Python of a section, and return its names."""
        names: dict[str, Any] = {}
        exec(self.blocks(heading)[0], names)  # a page of the repository
        return names

    def is_credential(self, purpose: str) -> bool:
        """Whether what came last at the gate is a credential for this account, from the endpoint and not the handle itself."""
        text = self.gate.sent[-1].removeprefix("Bearer ")
        found = read_credential(text, now=timezone.now())
        return text != self.handle and (found.account_id, found.purpose) == (self.account.pk, purpose)


@pytest.fixture
def recipes(live_server: Any) -> Iterator[Recipes]:
    account, gate = lasting(), StandIn()
    with issued_key() as key:
        ends = timezone.now() + timedelta(days=30)
        key_id = ApiKey.objects.get().pk
        handle = make_credential(key_id=key_id, account_id=account.pk, purpose="publish", expires_at=ends)
        yield Recipes(live_server.url, gate, account, key, handle)
    gc.collect()  # connections that clients keep, and with them the server's to the database
    gate.server.shutdown()
    gate.server.server_close()


@pytest.mark.parametrize(("block", "purpose"), [(0, "publish"), (1, "read")], ids=["oauth", "session token"])
def test_airbyte(recipes: Recipes, block: int, purpose: str) -> None:
    with warnings.catch_warnings(action="ignore"):  # of what is experimental in it
        from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource
    requester = {
        "type": "HttpRequester",
        **yaml.safe_load(recipes.blocks("Airbyte")[block]),
    }
    extractor = {"type": "DpathExtractor", "field_path": []}
    selector = {"type": "RecordSelector", "extractor": extractor}
    stream = {
        "type": "DeclarativeStream",
        "name": "campaigns",
        "retriever": {"type": "SimpleRetriever", "requester": requester, "record_selector": selector},
        "schema_loader": {"type": "InlineSchemaLoader", "schema": {"type": "object"}},
    }
    manifest = {
        "version": "7.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["campaigns"]},
        "streams": [stream],
    }
    config = {"api_key": recipes.key if block else "", "credential": recipes.handle}
    source = ConcurrentDeclarativeSource(catalog=None, config=config, state=None, source_config=manifest)

    status = source.check(logging.getLogger("airbyte"), config)

    assert status.status.value == "SUCCEEDED", status.message
    assert recipes.is_credential(purpose)


def test_singer_sdk(recipes: Recipes) -> None:
    authenticator = recipes.run("Singer SDK")["authenticator"]
    with requests.Session() as session:
        request = session.prepare_request(requests.Request("GET", recipes.gate.url))

        session.send(authenticator.authenticate_request(request))

    assert recipes.is_credential("publish")
    assert authenticator.expires_in == pytest.approx(3600, abs=5)


def test_what_taps_with_a_refresh_proxy_send(recipes: Recipes) -> None:
    settings = yaml.safe_load(recipes.blocks("Meltano")[0])["oauth_credentials"]

    answer = requests.post(
        settings["refresh_proxy_url"],
        headers={"Authorization": settings["refresh_proxy_url_auth"]},
        json={"refresh_token": settings["refresh_token"], "grant_type": "refresh_token"},
        timeout=20,
    ).json()

    recipes.gate.sent.append(answer["access_token"])
    assert recipes.is_credential("publish")


def test_google_auth(recipes: Recipes) -> None:
    from google.auth.exceptions import RefreshError

    with recipes.run("google-auth")["session"] as session:
        session.get(recipes.gate.url)
        assert recipes.is_credential("publish")
        ApiKey.objects.update(revoked_at=timezone.now())

        with pytest.raises(RefreshError, match="revoked or past its last day"):
            session.credentials.refresh(session._auth_request)


def test_authlib(recipes: Recipes) -> None:
    with recipes.run("Authlib")["session"] as session:
        session.get(recipes.gate.url)

    assert recipes.is_credential("read")


def test_dlt(recipes: Recipes) -> None:
    client = recipes.run("dlt")["client"]

    assert [list(page) for page in client.paginate("campaigns")] == [[{"id": "1"}]]

    assert recipes.is_credential("read")
    client.auth.session.close()


@pytest.mark.parametrize("channel", declarations.channel_keys())
def test_the_lines_that_set_a_channels_own_client_up_run_and_set_what_is_there(channel: str) -> None:
    written = []
    for line in Minted(channel, timezone.now(), "adtp_a").client:
        place = line.partition(" = ")[0]
        written += (
            [place] if re.fullmatch(r"[\w.]+\.\w+", place) else []
        )  # an attribute that must be there before
        written.append(line)

    said = subprocess.run(
        [sys.executable, "-c", "\n".join(written)], capture_output=True, text=True, check=False
    )

    assert said.returncode == 0, said.stderr
