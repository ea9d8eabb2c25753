"""An engine that asks by HTTP: Debian's nginx with the example of deploy/, in front of a stand-in channel."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from accounts.models import LeaseRecord
from broker.gate import engines
from devtools.embedded.processes import free_port
from infra import async_database
from tests.broker.test_gate_decisions import Job
from tests.gate.test_passing import StandIn
from tests.support.factories import MARKER
from tests.support.gate import served

pytestmark = pytest.mark.django_db(transaction=True)
EXAMPLE = Path(__file__).parents[2] / "deploy/proxy/nginx-gate.conf"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
SECRET = "s" * 32


@pytest.fixture
def job(settings: Any) -> Job:
    settings.GATE_ENGINE_SECRET = SECRET
    return Job()


def test_tokens_are_told_to_engines_alone(job: Job, settings: Any) -> None:
    asks = {
        "authorization": f"Bearer {job.text}",
        "x-adtoken-method": "GET",
        "x-adtoken-uri": "/proxy/facebook/v26.0/act_123456?limit=1",
    }
    with served(engines.application, async_database.close) as address:
        url = f"{address}{engines.PATH}"
        stranger = httpx2.get(url, headers=asks)
        guess = httpx2.get(url, headers={**asks, "x-adtoken-engine": "guess"})
        engine = httpx2.get(url, headers={**asks, "x-adtoken-engine": SECRET})
        settings.GATE_ENGINE_SECRET = ""
        nobody = httpx2.get(url, headers={**asks, "x-adtoken-engine": ""})

    assert [one.status_code for one in (stranger, guess, nobody)] == [404, 404, 404]
    assert MARKER not in f"{stranger.headers}{guess.headers}{nobody.headers}"
    assert engine.status_code == 204
    assert engine.headers["x-adtoken-target"].startswith("/v26.0/act_123456?limit=1&appsecret_proof=")
    assert MARKER in engine.headers["x-adtoken-authorization"]
    assert LeaseRecord.objects.filter(kind="request", account_id=job.account.pk).count() == 1


@pytest.fixture
def nginx(tmp_path: Path, job: Job) -> Iterator[tuple[str, StandIn]]:
    """Nginx with the example: what it says of TLS, names and hosts replaced. Gives its address, and the channel that it leads to."""
    channel, port = StandIn(), free_port()
    with served(engines.application, async_database.close) as adtoken, served(channel) as there:
        site = EXAMPLE.read_text(encoding="utf-8")
        for before, after in {
            "listen 443 ssl": f"listen 127.0.0.1:{port}",
            "ssl_certificate ": "#",
            "ssl_certificate_key ": "#",
            "proxy_pass https": "proxy_pass http",
            "/etc/ssl/certs/ca-certificates.crt": str(tmp_path / "none.pem"),
            "proxy_ssl_": "#",
            ":443; keepalive": ":1; keepalive",
            '"GATE_ENGINE_SECRET"': SECRET,
            **{
                f"server {host}:1": f"server {there.removeprefix('http://')}"
                for host in ("graph.facebook.com", "ads-api.x.com")
            },
        }.items():
            site = site.replace(before, after)
        site = "\n".join(line for line in site.splitlines() if ":1; keepalive" not in line)
        upstream = f"upstream adtoken {{ server {adtoken.removeprefix('http://')}; }}"
        places = " ".join(
            f"{kind}_temp_path {tmp_path};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        alone = f"daemon off; master_process off; pid {tmp_path}/pid; error_log stderr; events {{}}"
        whole = f"{alone}\nhttp {{ {places}\n{upstream}\n{site}\n}}\n"
        (tmp_path / "whole.conf").write_text(whole)
        process = subprocess.Popen([str(NGINX), "-p", str(tmp_path), "-c", str(tmp_path / "whole.conf")])
        try:
            address = f"http://127.0.0.1:{port}"
            _until_it_serves(address)
            yield address, channel
        finally:
            process.terminate()
            process.wait(10)


def _until_it_serves(address: str) -> None:
    for _ in range(1_200):
        try:
            httpx2.get(address)
            return
        except httpx2.ConnectError:
            time.sleep(0.05)
    raise AssertionError("nginx does not serve")


@pytest.mark.skipif(NGINX is None, reason="no nginx here")
def test_nginx_asks_and_passes_on_with_the_token(nginx: tuple[str, StandIn], job: Job) -> None:
    address, channel = nginx
    with closing(httpx2.Client(base_url=f"{address}/proxy/facebook")) as client:
        read = client.get(
            f"/v26.0/act_123456/campaigns?limit=2&access_token={job.text}", headers={"cookie": "a=b"}
        )
        audience = client.post(
            f"{address}/proxy/x/12/accounts/18ce54d4x5t/custom_audiences/1nmth/users",
            json=["v" * 2_000_000],
            headers={"authorization": f'OAuth oauth_token="{Job("x").text}"'},
        )
        other = client.get("/v26.0/act_99/campaigns", headers={"authorization": f"Bearer {job.text}"})
        unseen = client.post(
            "/v26.0/act_123456/campaigns", data={"name": "A"}, headers={"authorization": f"Bearer {job.text}"}
        )
        nobody = client.get("/v26.0/act_123456/campaigns")

    assert [one.status_code for one in (read, audience, other, unseen, nobody)] == [200, 200, 403, 403, 403]
    came = [dict(one["headers"]) for one in channel.came]
    assert [MARKER in one["authorization"] and "cookie" not in one for one in came] == [True, True]
    assert channel.came[0]["query"].startswith(b"limit=2&appsecret_proof=")
    assert channel.came[1]["size"] > 2_000_000
    assert job.text not in str(channel.came)
    assert "123456 alone" in json.loads(other.content)["error"]["message"]
    assert "no credential" in json.loads(nobody.content)["error"]["message"]
