"""An agency's own portal asks for a client link by API; its client gives access by it, comes back to the portal, and a job publishes."""

import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from devtools.embedded.processes import wait_until
from tests.e2e.driver import PHONE, Chromium
from tests.e2e.job import Job
from tests.e2e.product import AGENCY, Product
from tests.e2e.steps import WORKER_SECONDS, consent

CLIENT = "clara@agency-client.example"
BACK = f"{AGENCY}/clients/42?from=adtoken"


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # its interface
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<h1>Welcome back, Clara</h1>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its interface
        """Be quiet."""


@pytest.fixture
def agency() -> Iterator[None]:
    """The agency's portal, at an origin that ASK_RETURN_ORIGINS names."""
    address = urlsplit(AGENCY)
    assert address.hostname is not None
    assert address.port is not None
    with ThreadingHTTPServer((address.hostname, address.port), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


@pytest.mark.usefixtures("agency")
def test_a_link_by_api_leads_a_stranger_to_the_channel_and_back_to_the_portal(
    product: Product, chromium: Chromium
) -> None:
    # Of nobody else: Ada's accounts at LinkedIn are those of other walks.
    product.channels.put_user("linkedin", "clara", name="Clara Client")
    product.channels.put_account(
        "linkedin", "509900042", name="Clara Cakes", roles={"clara": "admin"}, currency="EUR"
    )
    wanted = {
        "kind": "client_link", "email": CLIENT, "name": "Clara Client", "team": "General", "channels": ["linkedin"],
        "note": "For the spring campaign", "send_mail": False, "return_url": BACK,
    }  # fmt: skip
    with closing(Job(product, "linkedin", "")) as job:
        once = {"Idempotency-Key": "client 42"}
        made, again = (job.http.post(f"{job.api}/asks", json=wanted, headers=once) for _ in range(2))
        assert (made.status_code, again.json()) == (201, made.json()), made.text
        (ask,) = made.json()["asks"]

        with chromium.visitor(width=PHONE) as client:
            client.open(ask["address"])
            client.sees("asks for access to your ad accounts", "For the spring campaign")
            client.press("Continue to LinkedIn")
            consent(client, "Clara Client")
            client.press("Give access")
            client.sees("Thank you. That was all")
            client.follow(f"Back to {urlsplit(AGENCY).netloc}")
            client.sees("Welcome back, Clara")
            assert client.page.url == BACK
            again_opened = client.page.context.request.get(ask["address"])
            assert again_opened.status == 410
            assert f'href="{BACK}"' in again_opened.text()

        seen = job.http.get(ask["url"]).json()
        assert (seen["state"], seen["progress"], seen["address"]) == (
            "done",
            {"total": 1, "done": 1, "failed": 0},
            None,
        )
        assert seen["linked"]
        job.native_id = seen["linked"][0]["native_id"]
        assert job.lease().status_code == 200
        assert job.http.get(f"{job.api}/accounts/linkedin/{job.native_id}/timeline").json()["entries"]
        (taken,) = job.http.get(
            f"{job.api}/hand-outs", params={"channel": "linkedin", "native_id": job.native_id}
        ).json()["hand_outs"]
        assert (taken["person"], taken["purpose"]) == ("Clara Client", "publish")
        check = job.http.post(f"{job.api}/accounts/linkedin/{job.native_id}/check").json()
        assert wait_until(
            lambda: job.http.get(check["url"]).json()["done"], seconds=WORKER_SECONDS, every=0.5
        )
        assert {one["result"] for one in job.http.get(check["url"]).json()["tokens"]} == {"fine"}
        assert wait_until(lambda: is_told(job, ask["id"]), seconds=WORKER_SECONDS, every=0.5)
    assert product.channels.mails(to=CLIENT) == []


def is_told(job: Job, ask_id: int) -> bool:
    """Whether the stream of events says that the ask is done."""
    events = job.http.get(f"{job.api}/events", params={"limit": 500}).json()["events"]
    return any(one["type"] == "ask.done" and one["data"]["ask"] == ask_id for one in events)
