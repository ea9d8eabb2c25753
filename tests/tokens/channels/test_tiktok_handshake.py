"""The handshake with the stand-in TikTok, through Django's test client, up to linked ad accounts."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts import sweeps
from accounts.models import Account, AccountToken
from tests.support import native
from tests.support.factories import make_user
from tests.support.native import back, query
from tests.support.sandbox import Sandbox
from tests.tokens.channels.tiktok_world import ADA, FERN, LUMEN, MARLO
from tokens.models import ChannelApp, Token
from users.models import User

pytestmark = pytest.mark.django_db

CALLBACK = "/link/tiktok/callback/"


@pytest.fixture(autouse=True)
def sandbox(channels_world: Sandbox) -> Sandbox:
    native.set_up_apps(channels_world)
    channels_world.clear_calls()
    return channels_world


def exchanges(sandbox: Sandbox) -> int:
    return len(sandbox.calls(channel="tiktok", path="oauth2/access_token"))


def test_the_consent_page_is_asked_for_by_tiktoks_names_and_without_a_scope(
    client: Client, sandbox: Sandbox
) -> None:
    address = native.leave(client, "tiktok")

    asked = query(address)
    assert address.startswith(f"{sandbox.tiktok}/portal/auth?")
    assert asked.pop("state")
    assert asked == {
        "app_id": Sandbox.APPS["tiktok"][0],
        "redirect_uri": f"http://testserver{CALLBACK}",
    }


def test_a_consent_becomes_a_token_without_an_end_and_linked_ad_accounts(client: Client, user: User) -> None:
    native.link(client, "tiktok", "ada", names=("Lumen Shoes EU", "Marlo Optics"))

    token = Token.objects.get()
    accounts = {account.native_id: account for account in Account.objects.all()}
    assert (token.native_user_id, token.native_user_name) == (ADA.native_user_id, ADA.name)
    assert (token.consented_by, token.deadline_kind, token.dates_source) == (
        user,
        "never",
        {"access": "never"},
    )
    assert set(accounts) == {LUMEN, MARLO}
    assert (accounts[LUMEN].currency, accounts[LUMEN].restriction) == ("EUR", "")
    assert str(accounts[MARLO].restriction).startswith("suspended, “")
    assert set(AccountToken.objects.values_list("role", "can_publish")) == {("Admin", "yes")}


def test_the_code_is_taken_from_auth_code_whatever_else_came_along(client: Client) -> None:
    address = native.decide(native.leave(client, "tiktok"), "ada")

    response = back(client, address, code="something-else")

    assert response.status_code == 302
    assert Token.objects.count() == 1


def test_a_way_back_with_only_the_other_name_starts_again(client: Client, sandbox: Sandbox) -> None:
    address = native.decide(native.leave(client, "tiktok"), "ada")
    given = query(address)

    response = client.get(CALLBACK, {"state": given["state"], "code": given["code"]})

    assert response.status_code == 400
    assert "Start again" in response.content.decode()
    assert exchanges(sandbox) == 0


def test_nothing_ticked_says_so_and_links_nothing(client: Client) -> None:
    address = native.consent(client, "tiktok", "ada", accounts=[])

    page = client.get(address).content.decode()
    assert "If no ad account was ticked there, log in again." in page
    assert "Press Confirm with every ad account ticked." in page
    assert (Token.objects.count(), Account.objects.count()) == (1, 0)


@pytest.mark.parametrize("change", [{"secret": "rotated"}, {"suspended": True}])
def test_a_refused_app_is_shown_as_our_fault(
    client: Client, sandbox: Sandbox, change: dict[str, Any]
) -> None:
    address = native.decide(native.leave(client, "tiktok"), "ada")
    sandbox.put_app("tiktok", **change)

    response = back(client, address)

    assert response.status_code == 502
    assert "does not accept AdToken" in response.content.decode()
    assert ChannelApp.objects.get(channel="tiktok").fault_since is not None


def test_a_list_that_failed_keeps_the_consent_and_can_be_asked_for_again(
    client: Client, sandbox: Sandbox
) -> None:
    sandbox.add_fault("tiktok", path="advertiser/info", status=503, body="busy", count=1)
    address = native.consent(client, "tiktok", "ada")

    before = client.get(address).content.decode()
    client.post(reverse("link_refresh", args=[address.rstrip("/").rsplit("/", 1)[-1]]))
    after = client.get(address).content.decode()

    assert "did not show us the whole list" in before
    assert "Lumen Shoes EU" in after


def test_a_second_person_becomes_a_backup_and_a_reader_does_not(client: Client, sandbox: Sandbox) -> None:
    native.link(client, "tiktok", "ada")
    for name in ("ben", "chiara"):
        other = Client()
        other.force_login(make_user(f"{name}@example.com"))
        native.link(other, "tiktok", name)

    entries = AccountToken.objects.filter(account__native_id=LUMEN)
    assert dict(entries.values_list("token__native_user_name", "can_publish")) == {
        "Ada Okafor": "yes",
        "Ben Lindqvist": "yes",
        "Chiara Rossi": "no",
    }


def test_a_token_that_tiktok_revoked_dies_once_the_backup_is_found_to_work_and_that_takes_over(
    client: Client, sandbox: Sandbox
) -> None:
    native.link(client, "tiktok", "ada")
    other = Client()
    other.force_login(make_user("ben@example.com"))
    native.link(other, "tiktok", "ben")
    account = Account.objects.get(native_id=LUMEN)
    active = account.active_token
    assert active is not None
    key = "ada" if active.native_user_name == "Ada Okafor" else "ben"
    sandbox.cancel_authorisation("tiktok", key)

    for token in (active, Token.objects.exclude(pk=active.pk).get(), active):
        sweeps.check_now(token, now=datetime.now(UTC))

    account.refresh_from_db()
    active.refresh_from_db()
    assert (active.state, active.reason) == (Token.State.DEAD, "authorisation_cancelled")
    assert account.active_token is not None
    assert account.active_token.state == Token.State.VALID


def test_fewer_ticks_than_before_take_the_other_ad_account_away(client: Client) -> None:
    native.link(client, "tiktok", "ada", names=("Lumen Shoes EU", "Fern Gardens"))

    address = native.consent(client, "tiktok", "ada", accounts=[FERN])

    assert "You ticked fewer accounts at TikTok than before." in client.get(address).content.decode()
    assert AccountToken.objects.get(account__native_id=LUMEN).access == AccountToken.Access.LOST
    assert AccountToken.objects.get(account__native_id=FERN).access == AccountToken.Access.OK
