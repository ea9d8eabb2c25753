"""The way to each channel's consent page and back through our own pages. X's steps: test_oauth1; attacks: test_way_back."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from accounts.models import Account, AccountToken, PendingLink
from tests.support import native
from tests.support.native import back, query
from tests.tokens.channels.worlds import FERN, LUMEN, MARLO, OLD, TOKEN_PATH, World
from tokens.channels import registry
from tokens.models import ChannelApp, Token
from users.models import User

pytestmark = pytest.mark.django_db
every_channel = pytest.mark.parametrize("key", registry.CHANNELS)


@pytest.fixture
def world(key: str, at: Any) -> World:
    """The world of the channel, whose app is ours too."""
    found: World = at(key)
    native.set_up_apps(found.sandbox)
    found.sandbox.clear_calls()
    return found


# What the page is asked with, beside the app's id, the way back and `state`.
PAGES: dict[str, tuple[str, dict[str, str]]] = {
    "facebook": ("v26.0/dialog/oauth", {"scope": "ads_management,ads_read,business_management"}),
    "linkedin": ("oauth/v2/authorization", {"scope": "r_ads rw_ads r_ads_reporting openid profile"}),
    "pinterest": ("oauth/", {"scope": "ads:read,ads:write,user_accounts:read"}),
    "snapchat": ("login/oauth2/authorize", {"scope": "snapchat-marketing-api"}),
    "tiktok": ("portal/auth", {}),
}


@pytest.mark.parametrize("key", PAGES)
def test_the_address_of_the_consent_page_is_all_ours(key: str, world: World, client: Client) -> None:
    response = client.post(
        reverse("link", args=[key]) + "?scope=email&auth_params=redirect_uri%3Dhttps%3A%2F%2Fevil.example"
    )

    path, more = PAGES[key]
    asked = query(response["Location"])
    fixed = (
        {"app_id": world.app.client_id}
        if key == "tiktok"
        else {"client_id": world.app.client_id, "response_type": "code"}
    )
    assert response["Location"].startswith(f"{getattr(world.sandbox, key)}/{path}?")
    assert len(asked.pop("state")) == 32
    assert asked == {**fixed, **more, "redirect_uri": f"http://testserver/link/{key}/callback/"}


@pytest.mark.parametrize("key", ["facebook"])
def test_the_way_back_is_the_registered_one_whatever_host_the_request_came_by(
    key: str, world: World, client: Client, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "other.example"]
    settings.BASE_URL = "https://adtoken.example"

    response = client.post(reverse("link", args=[key]), headers={"host": "other.example"})

    assert query(response["Location"])["redirect_uri"] == f"https://adtoken.example/link/{key}/callback/"


@pytest.mark.parametrize("key", ["facebook"])
def test_an_app_with_scopes_of_its_own_asks_for_those(key: str, world: World, client: Client) -> None:
    ChannelApp.objects.filter(channel=key).update(scopes=["ads_read"])

    assert query(native.leave(client, key))["scope"] == "ads_read"


# ---- what comes of it

# Sources of the dates, whether a refresh token is kept, which clock ends first, and what an ad account is stored with.
STORED: dict[str, tuple[dict[str, str], bool, str, tuple[str, str]]] = {
    "facebook": ({"access": "provider", "data_access": "introspection"}, False, "access", ("EUR", "Europe/Berlin")),
    "linkedin": ({"access": "provider", "refresh": "provider"}, True, "refresh", ("EUR", "UTC")),
    "pinterest": ({"access": "provider", "refresh": "provider"}, True, "refresh", ("EUR", "")),
    "snapchat": ({"access": "provider", "refresh": "never"}, True, "", ("EUR", "Europe/Berlin")),
    "tiktok": ({"access": "never"}, False, "", ("EUR", "Europe/Berlin")),
    "x": ({"access": "never"}, False, "", ("EUR", "Europe/Berlin")),
}  # fmt: skip


@every_channel
def test_a_consent_becomes_a_log_in_of_the_native_user_and_linked_ad_accounts(
    key: str, world: World, client: Client, user: User
) -> None:
    native.link(client, key, "ada", (LUMEN, FERN))

    token = Token.objects.get()
    sources, refreshes, clock, stored = STORED[key]
    assert (token.native_user_id, token.native_user_name, token.consented_by) == (
        world.person().native_user_id,
        "Ada Okafor",
        user,
    )
    assert (token.dates_source, token.has_refresh_token, token.deadline_clock) == (sources, refreshes, clock)
    assert dict(Account.objects.values_list("name", "native_id")) == {
        name: world.id(name) for name in (LUMEN, FERN)
    }
    lumen = Account.objects.get(name=LUMEN)
    assert (lumen.currency, lumen.time_zone) == stored
    assert set(AccountToken.objects.values_list("can_publish", "access")) == {("yes", "ok")}


@pytest.mark.parametrize("key", ["facebook"])
def test_who_reaches_no_ad_account_is_offered_none(key: str, world: World, client: Client) -> None:
    for name in (LUMEN, FERN, MARLO, OLD):
        world.sandbox.drop_role(key, name, "ada")

    page = client.get(native.consent(client, key, "ada"))

    pending = PendingLink.objects.get()
    assert (page.status_code, pending.offered, pending.complete) == (200, [], True)
    assert LUMEN not in page.content.decode()


@pytest.mark.parametrize("key", ["linkedin"])
def test_an_app_without_the_product_is_shown_as_our_fault(key: str, world: World, client: Client) -> None:
    ChannelApp.objects.filter(channel=key).update(scopes=["openid", "r_nothing"])

    response = back(client, native.decide(native.leave(client, key), "ada"))

    assert response.status_code == 502
    assert "does not accept AdToken" in response.content.decode()
    assert ChannelApp.objects.get(channel=key).fault_since is not None


@pytest.mark.parametrize("key", ["facebook"])
def test_two_people_answering_one_call_are_refused(key: str, world: World, client: Client) -> None:
    address = native.decide(native.leave(client, key), "ada")
    world.says("/me$", {"id": "666", "name": "Mallory"})

    assert back(client, address).status_code == 502
    assert not Token.objects.exists()


# ---- TikTok calls the code by another name, and its page has ticks


@pytest.mark.parametrize("key", ["tiktok"])
def test_the_code_is_taken_from_auth_code_and_from_nothing_else(
    key: str, world: World, client: Client
) -> None:
    address = native.decide(native.leave(client, key), "ada")
    given = query(address)

    other = client.get(f"/link/{key}/callback/", {"state": given["state"], "code": given["code"]})
    exchanged = len(world.calls(TOKEN_PATH[key]))
    right = back(client, native.decide(native.leave(client, key), "ada"), code="something-else")

    assert other.status_code == 400
    assert "Start again" in other.content.decode()
    assert exchanged == 0
    assert right.status_code == 302
    assert Token.objects.count() == 1


@pytest.mark.parametrize("key", ["tiktok"])
def test_nothing_ticked_and_fewer_ticks_are_said_on_the_page(key: str, world: World, client: Client) -> None:
    native.link(client, key, "ada", names=(LUMEN, FERN))

    fewer = client.get(native.consent(client, key, "ada", accounts=[world.id(FERN)])).content.decode()
    nothing = client.get(native.consent(client, key, "ada", accounts=[])).content.decode()

    assert "You ticked fewer accounts at TikTok than before." in fewer
    assert "If no ad account was ticked there, log in again." in nothing
    assert "Press Confirm with every ad account ticked." in nothing


@pytest.mark.parametrize("key", ["tiktok"])
def test_a_list_that_failed_is_shown_as_such_and_the_next_consent_shows_the_whole(
    key: str, world: World, client: Client
) -> None:
    world.says("advertiser/info", "busy", 503, count=1)

    before = client.get(native.consent(client, key, "ada")).content.decode()
    after = client.get(native.consent(client, key, "ada")).content.decode()

    assert "did not show us the whole list" in before
    assert LUMEN in after
