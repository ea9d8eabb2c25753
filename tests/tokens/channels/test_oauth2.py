"""The handshake of OAuth 2 with the stand-in Facebook, through Django's test client."""

import json
import logging
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import NoReverseMatch, reverse
from pytest_django.fixtures import Settings

from accounts.models import PendingLink
from tests.support import native
from tests.support.factories import make_user
from tests.support.sandbox import Sandbox
from tokens.models import ChannelApp, Token
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

CALLBACK = "/link/facebook/callback/"


@pytest.fixture(autouse=True)
def world(sandbox: Sandbox) -> Sandbox:
    native.set_up_apps(sandbox)
    sandbox.clear_calls()
    return sandbox


@pytest.fixture
def user() -> User:
    return make_user("ada@example.com", name="Ada Okafor")


@pytest.fixture
def client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def query(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


def back(client: Client, address: str) -> Any:
    parts = urlsplit(address)
    return client.get(f"{parts.path}?{parts.query}")


def changed(address: str, **values: str) -> str:
    parts = urlsplit(address)
    return parts._replace(query=urlencode({**query(address), **values})).geturl()


def exchanges(sandbox: Sandbox) -> int:
    return len(sandbox.calls(channel="facebook", path="oauth/access_token"))


def test_the_address_of_the_consent_page_is_all_ours(client: Client, sandbox: Sandbox) -> None:
    response = client.post(
        reverse("link", args=["facebook"])
        + "?scope=email&auth_params=redirect_uri%3Dhttps%3A%2F%2Fevil.example",
        headers={"host": "testserver"},
    )

    asked = query(response["Location"])
    state = asked.pop("state")
    assert response["Location"].startswith(f"{sandbox.facebook}/v25.0/dialog/oauth?")
    assert len(state) == 16
    assert asked == {
        "client_id": Sandbox.FACEBOOK_CLIENT_ID,
        "redirect_uri": f"http://testserver{CALLBACK}",
        "response_type": "code",
        "scope": "ads_management,ads_read,business_management",
    }


def test_the_callback_address_is_the_registered_one_whatever_host_the_request_came_by(
    client: Client, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "other.example"]
    settings.BASE_URL = "https://adtoken.example"

    response = client.post(reverse("link", args=["facebook"]), headers={"host": "other.example"})

    assert query(response["Location"])["redirect_uri"] == f"https://adtoken.example{CALLBACK}"


def test_an_app_with_scopes_of_its_own_asks_for_those(client: Client) -> None:
    ChannelApp.objects.filter(channel="facebook").update(scopes=["ads_read"])

    address = native.leave(client, "facebook")

    assert query(address)["scope"] == "ads_read"


def test_a_consent_becomes_a_token_of_the_native_user(client: Client, user: User) -> None:
    native.consent(client, "facebook", "ada")

    token = Token.objects.get()
    assert (token.native_user_id, token.native_user_name) == ("10215241773831025", "Ada Okafor")
    assert token.consented_by == user
    assert token.dates_source == {"access": "provider", "data_access": "introspection"}


def test_no_secret_is_left_in_session_log_or_pending_link(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    logging.getLogger("httpx2").setLevel(logging.WARNING)

    native.consent(client, "facebook", "ada")

    sessions = [Session.objects.get(pk=row.pk).get_decoded() for row in Session.objects.all()]
    assert sessions
    assert Token.objects.get().unseal().access_token.find(Sandbox.MARKER) >= 0
    for place in (json.dumps(sessions), caplog.text, json.dumps(PendingLink.objects.get().offered)):
        assert Sandbox.MARKER not in place


def test_a_cancelled_consent_changes_nothing(client: Client, sandbox: Sandbox) -> None:
    address = native.decide(native.leave(client, "facebook"), "ada", action="cancel")

    response = back(client, address)

    assert "stopped" in response.content.decode()
    assert (Token.objects.count(), exchanges(sandbox)) == (0, 0)


def test_a_callback_works_once(client: Client, sandbox: Sandbox) -> None:
    address = native.decide(native.leave(client, "facebook"), "ada")
    native.come_back(client, address)
    before = exchanges(sandbox)

    response = back(client, address)

    assert response.status_code == 400
    assert exchanges(sandbox) == before


@pytest.mark.parametrize("state", ["", "somebodyelse1234"])
def test_a_callback_without_its_state_exchanges_nothing(client: Client, sandbox: Sandbox, state: str) -> None:
    address = native.decide(native.leave(client, "facebook"), "ada")

    response = back(client, changed(address, state=state))

    assert response.status_code == 400
    assert exchanges(sandbox) == 0


def test_a_callback_in_another_browser_exchanges_nothing(client: Client, sandbox: Sandbox) -> None:
    address = native.decide(native.leave(client, "facebook"), "ada")
    other = Client()
    other.force_login(make_user("ben@example.com"))

    response = back(other, address)

    assert response.status_code == 400
    assert exchanges(sandbox) == 0


def test_a_callback_for_an_app_that_is_no_longer_the_default_starts_again(
    client: Client, sandbox: Sandbox
) -> None:
    address = native.decide(native.leave(client, "facebook"), "ada")
    ChannelApp.objects.filter(channel="facebook").update(is_default=False)
    fresh = ChannelApp(channel="facebook", client_id="another", state=ChannelApp.State.LIVE)
    fresh.set_secrets(["s"])
    fresh.save()

    response = back(client, address)

    assert response.status_code == 400
    assert "Start again" in response.content.decode()
    assert exchanges(sandbox) == 0


def test_a_code_that_was_used_starts_again(client: Client) -> None:
    first = native.decide(native.leave(client, "facebook"), "ada")
    native.come_back(client, first)
    second = native.decide(native.leave(client, "facebook"), "ada")

    response = back(client, changed(second, code=query(first)["code"]))

    assert response.status_code == 400
    assert "Start again" in response.content.decode()


@pytest.mark.parametrize(
    "fault",
    [
        {"drop": True},
        {"status": 503, "body": "<html>SBXTOKEN</html>"},
        {"status": 200, "body": {"access_token": ""}},
        {"status": 200, "body": "access_token=SBXTOKEN"},
        {"status": 200, "body": [1]},
    ],
)
@pytest.mark.parametrize("path", ["access_token", "/me$"])
def test_a_channel_in_trouble_shows_our_page_and_no_body(
    client: Client, sandbox: Sandbox, fault: dict[str, Any], path: str
) -> None:
    address = native.decide(native.leave(client, "facebook"), "ada")
    sandbox.add_fault("facebook", path=path, **fault)

    response = back(client, address)

    assert response.status_code == 502
    assert Sandbox.MARKER not in response.content.decode()
    assert Token.objects.count() == 0


def test_a_wrong_secret_is_shown_as_our_fault(client: Client, sandbox: Sandbox) -> None:
    address = native.decide(native.leave(client, "facebook"), "ada")
    sandbox.put_app("facebook", secret="rotated")

    response = back(client, address)

    assert response.status_code == 502
    assert "does not accept AdToken" in response.content.decode()


def test_an_error_of_the_consent_page_is_no_cancel(client: Client, sandbox: Sandbox) -> None:
    state = parse_qs(urlsplit(native.leave(client, "facebook")).query)["state"][0]

    response = client.get(
        CALLBACK, {"state": state, "error": "server_error", "error_description": "SBXTOKEN"}
    )

    assert response.status_code >= 400
    assert Sandbox.MARKER not in response.content.decode()
    assert exchanges(sandbox) == 0


def test_two_consents_of_different_people_answering_one_call_are_refused(
    client: Client, sandbox: Sandbox
) -> None:
    address = native.decide(native.leave(client, "facebook"), "ada")
    sandbox.add_fault("facebook", path="/me$", status=200, body={"id": "666", "name": "Mallory"})

    response = back(client, address)

    assert response.status_code == 502
    assert Token.objects.count() == 0


def test_a_channel_that_is_not_set_up_has_no_callback(client: Client) -> None:
    ChannelApp.objects.all().delete()

    assert client.get(CALLBACK, {"code": "c", "state": "s"}).status_code == 404


@pytest.mark.parametrize("name", ["facebook_login", "x_login"])
def test_no_login_view_of_allauth_is_mounted(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(name)
