"""The handshake of OAuth 2 with the stand-in Facebook, through Django's test client."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from tests.support import native
from tests.support.native import back, query
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


def test_the_address_of_the_consent_page_is_all_ours(client: Client, sandbox: Sandbox) -> None:
    response = client.post(
        reverse("link", args=["facebook"])
        + "?scope=email&auth_params=redirect_uri%3Dhttps%3A%2F%2Fevil.example",
        headers={"host": "testserver"},
    )

    asked = query(response["Location"])
    state = asked.pop("state")
    assert response["Location"].startswith(f"{sandbox.facebook}/v26.0/dialog/oauth?")
    assert len(state) == 32
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


def test_two_consents_of_different_people_answering_one_call_are_refused(
    client: Client, sandbox: Sandbox
) -> None:
    address = native.decide(native.leave(client, "facebook"), "ada")
    sandbox.add_fault("facebook", path="/me$", status=200, body={"id": "666", "name": "Mallory"})

    response = back(client, address)

    assert response.status_code == 502
    assert Token.objects.count() == 0
