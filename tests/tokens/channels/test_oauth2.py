"""The handshake of OAuth 2, through Django's test client: the same at each channel that has it, so that two stand for all."""

import json
import logging
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from accounts.models import PendingLink
from tests.support import native
from tests.support.factories import make_user
from tests.support.native import back, query
from tests.support.sandbox import Sandbox
from tokens.models import ChannelApp, Token
from users.models import Session

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Way:
    """What differs: where the code is exchanged, where it is asked who consented, and what the code is called."""

    key: str
    exchange: str
    identity: str
    code: str = "code"

    def __str__(self) -> str:
        return self.key

    @property
    def callback(self) -> str:
        """Our address that the channel sends people back to."""
        return f"/link/{self.key}/callback/"


WAYS = (
    Way("facebook", "oauth/access_token", "/me$"),
    Way("tiktok", "oauth2/access_token", "user/info", code="auth_code"),
)


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.param
    return found


@pytest.fixture(autouse=True)
def sandbox(channels_world: Sandbox) -> Sandbox:
    native.set_up_apps(channels_world)
    channels_world.clear_calls()
    return channels_world


def exchanges(sandbox: Sandbox, way: Way) -> int:
    return len(sandbox.calls(channel=way.key, path=way.exchange))


def test_a_cancelled_consent_changes_nothing(client: Client, sandbox: Sandbox, way: Way) -> None:
    address = native.decide(native.leave(client, way.key), "ada", action="cancel")

    response = back(client, address)

    assert "stopped" in response.content.decode()
    assert (Token.objects.count(), exchanges(sandbox, way)) == (0, 0)


def test_a_callback_exchanges_once_and_leads_on_to_where_it_led(
    client: Client, sandbox: Sandbox, way: Way
) -> None:
    address = native.decide(native.leave(client, way.key), "ada")
    led = native.come_back(client, address)
    before = exchanges(sandbox, way)

    again = native.come_back(client, address)

    assert before > 0
    assert (again, exchanges(sandbox, way)) == (led, before)


@pytest.mark.parametrize("state", ["", "somebodyelse1234"])
def test_a_callback_without_its_state_exchanges_nothing(
    client: Client, sandbox: Sandbox, way: Way, state: str
) -> None:
    address = native.decide(native.leave(client, way.key), "ada")

    response = back(client, address, state=state)

    assert (response.status_code, exchanges(sandbox, way)) == (400, 0)


def test_a_callback_in_another_browser_exchanges_nothing(client: Client, sandbox: Sandbox, way: Way) -> None:
    address = native.decide(native.leave(client, way.key), "ada")
    other = Client()
    other.force_login(make_user("ben@example.com"))

    response = back(other, address)

    assert (response.status_code, exchanges(sandbox, way)) == (400, 0)


def test_a_callback_for_an_app_that_is_no_longer_the_default_starts_again(
    client: Client, sandbox: Sandbox, way: Way
) -> None:
    address = native.decide(native.leave(client, way.key), "ada")
    ChannelApp.objects.filter(channel=way.key).update(is_default=False)
    fresh = ChannelApp(channel=way.key, client_id="another", state=ChannelApp.State.LIVE)
    fresh.set_secrets(["s"])
    fresh.save()

    response = back(client, address)

    assert response.status_code == 400
    assert "Start again" in response.content.decode()
    assert exchanges(sandbox, way) == 0


def test_a_code_that_was_used_starts_again_and_marks_no_app(client: Client, way: Way) -> None:
    first = native.decide(native.leave(client, way.key), "ada")
    native.come_back(client, first)
    second = native.decide(native.leave(client, way.key), "ada")

    response = back(client, second, **{way.code: query(first)[way.code]})

    assert response.status_code == 400
    assert "Start again" in response.content.decode()
    assert ChannelApp.objects.get(channel=way.key).fault_since is None


@pytest.mark.parametrize("asked", ["exchange", "identity"])
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "body": "<html>SBXTOKEN</html>"},
        {"status": 200, "body": {"access_token": "", "sbx": "SBXTOKEN"}},
    ],
)
def test_a_channel_in_trouble_shows_our_page_and_no_body(
    client: Client, sandbox: Sandbox, way: Way, fault: dict[str, Any], asked: str
) -> None:
    address = native.decide(native.leave(client, way.key), "ada")
    sandbox.add_fault(way.key, path=getattr(way, asked), **fault)

    response = back(client, address)

    assert response.status_code == 502
    assert Sandbox.MARKER not in response.content.decode()
    assert Token.objects.count() == 0


def test_a_wrong_secret_is_shown_as_our_fault_and_kept_as_the_apps(
    client: Client, sandbox: Sandbox, way: Way
) -> None:
    address = native.decide(native.leave(client, way.key), "ada")
    sandbox.put_app(way.key, secret="rotated")

    response = back(client, address)

    assert response.status_code == 502
    assert "does not accept AdToken" in response.content.decode()
    assert ChannelApp.objects.get(channel=way.key).fault_since is not None


@pytest.mark.parametrize("said", [{"error": "server_error"}, {}])
def test_an_error_of_the_consent_page_is_no_cancel(
    client: Client, sandbox: Sandbox, way: Way, said: dict[str, str]
) -> None:
    state = query(native.leave(client, way.key))["state"]

    response = client.get(way.callback, {"state": state, "error_description": "SBXTOKEN", **said})

    assert response.status_code >= 400
    assert Sandbox.MARKER not in response.content.decode()
    assert exchanges(sandbox, way) == 0


def test_no_secret_is_left_in_session_log_or_pending_link(
    client: Client, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    logging.getLogger("httpx2").setLevel(logging.WARNING)

    native.consent(client, way.key, "ada")

    sessions = [Session.objects.get(pk=row.pk).get_decoded() for row in Session.objects.all()]
    assert sessions
    assert Sandbox.MARKER in Token.objects.get().unseal().access_token
    for place in (json.dumps(sessions), caplog.text, json.dumps(PendingLink.objects.get().offered)):
        assert Sandbox.MARKER not in place
        assert Sandbox.APPS[way.key][1] not in place


def test_a_channel_that_is_not_set_up_has_no_callback(client: Client, way: Way) -> None:
    ChannelApp.objects.all().delete()

    assert client.get(way.callback, {way.code: "c", "state": "s"}).status_code == 404
