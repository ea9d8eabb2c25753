"""Linking an ad account of LinkedIn through Django's test client, consent page included, and what checks find afterwards."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import sweeps
from accounts.models import Account
from tests.support import native
from tests.support.native import back, query
from tests.support.sandbox import Sandbox
from tests.tokens.channels import linkedin_world
from tests.tokens.channels.linkedin_world import ADA, CLIENT_ID, LUMEN, REDIRECT, close, switch
from tokens.channels.kinds import Reason
from tokens.models import Token

pytestmark = pytest.mark.django_db

CALLBACK = "/link/linkedin/callback/"


@pytest.fixture(autouse=True)
def _world(sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    linkedin_world.set_up(sandbox, settings, monkeypatch)
    native.set_up_apps(sandbox)
    sandbox.clear_calls()


def exchanges(sandbox: Sandbox) -> int:
    return len(sandbox.calls(channel="linkedin", path="accessToken"))


def test_the_consent_page_is_asked_for_the_same_scopes_always(client: Client, sandbox: Sandbox) -> None:
    response = client.post(reverse("link", args=["linkedin"]) + "?scope=w_member_social")

    asked = query(response["Location"])
    assert response["Location"].startswith(f"{sandbox.linkedin}/oauth/v2/authorization?")
    assert len(asked.pop("state")) == 32
    assert asked == {
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": "r_ads rw_ads r_ads_reporting openid profile",
    }


def test_an_account_is_linked_from_end_to_end(client: Client) -> None:
    native.link(client, "linkedin", "ada")

    token, account = Token.objects.get(), Account.objects.get()
    assert (token.native_user_id, token.native_user_name) == (ADA.native_user_id, "Ada Okafor")
    assert (account.native_id, account.name, account.time_zone) == (LUMEN, "Lumen Shoes EU", "UTC")
    assert token.has_refresh_token
    assert close(token.deadline, timezone.now() + timedelta(days=365))  # renewal reaches that far


def test_without_a_refresh_token_the_deadline_is_the_end_of_access(client: Client, sandbox: Sandbox) -> None:
    switch(sandbox, refresh_tokens=False)

    native.link(client, "linkedin", "ada")

    assert close(Token.objects.get().deadline, timezone.now() + timedelta(days=60))


def test_a_token_that_linkedin_refuses_for_a_moment_neither_breaks_linking_nor_holds_the_person(
    client: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("tokens.channels.linkedin.channel.time", SimpleNamespace(sleep=slept.append))
    switch(sandbox, fresh_delay=600)

    address = native.consent(client, "linkedin", "ada")

    token = Token.objects.get()
    page = client.get(address).content.decode()
    assert slept == []
    assert (token.native_user_id, token.native_user_name) == ("HRnXB4kIO7", "Ada Okafor")
    assert "Lumen Shoes EU" not in page  # the list is asked for again by the person
    switch(sandbox, fresh_delay=0)
    again = client.post(f"{address.rstrip('/')}/refresh/", follow=True)
    assert "Lumen Shoes EU" in again.content.decode()


@pytest.mark.parametrize("action", ["cancel", "cancel_login"])
def test_a_person_who_says_no_changes_nothing(client: Client, sandbox: Sandbox, action: str) -> None:
    address = native.decide(native.leave(client, "linkedin"), "ada", action=action)

    response = back(client, address)

    assert query(address)["error"].startswith("user_cancelled_")
    assert "stopped" in response.content.decode()
    assert (Token.objects.count(), exchanges(sandbox)) == (0, 0)


def test_a_permission_that_our_app_does_not_have_is_shown_as_our_fault(
    client: Client, sandbox: Sandbox
) -> None:
    switch(sandbox, products=["openid", "profile"])

    response = back(client, native.decide(native.leave(client, "linkedin"), "ada"))

    assert response.status_code == 502
    assert "does not accept AdToken" in response.content.decode()
    assert exchanges(sandbox) == 0


def test_somebody_without_an_ad_account_is_told_so_and_the_consent_is_kept(
    client: Client, sandbox: Sandbox
) -> None:
    for name in ("Lumen Shoes EU", "Fern Gardens", "Marlo Optics", "Brand EU (old)"):
        sandbox.drop_role("linkedin", name, "ada")

    address = native.consent(client, "linkedin", "ada")

    assert Token.objects.count() == 1
    assert "Lumen Shoes EU" not in client.get(address).content.decode()


# ---- what the engine makes of LinkedIn's answers


def checked(sandbox: Sandbox, *, age: int = 3600) -> Token:
    """Make the only token so old at LinkedIn, check it, and return it."""
    sandbox.set_dates(channel="linkedin", user="ada", issued_at=sandbox.state()["now"] - age)
    sweeps.check_now(Token.objects.get(), now=timezone.now())
    return Token.objects.get()


def test_a_removed_app_is_found_by_a_check_with_its_reason(client: Client, sandbox: Sandbox) -> None:
    native.link(client, "linkedin", "ada")
    sandbox.cancel_authorisation("linkedin", "ada")

    token = checked(sandbox)

    assert token.doubts.get().reason == Reason.AUTHORISATION_CANCELLED


def test_an_access_token_that_ran_out_is_renewed_and_nobody_is_needed(
    client: Client, sandbox: Sandbox
) -> None:
    native.link(client, "linkedin", "ada")
    before = Token.objects.get()
    sandbox.expire_now(channel="linkedin", user="ada")

    token = checked(sandbox)

    assert token.state == Token.State.VALID
    assert token.generation > before.generation
    assert close(token.access_expires_at, timezone.now() + timedelta(days=60))


def test_an_access_token_that_ran_out_is_the_end_where_nothing_renews_it(
    client: Client, sandbox: Sandbox
) -> None:
    switch(sandbox, refresh_tokens=False)
    native.link(client, "linkedin", "ada")
    sandbox.expire_now(channel="linkedin", user="ada")

    token = checked(sandbox)

    assert token.doubts.get().reason == Reason.EXPIRED


def test_a_new_token_that_is_refused_cools_and_lives_on(client: Client, sandbox: Sandbox) -> None:
    switch(sandbox, refresh_tokens=False)
    native.link(client, "linkedin", "ada")
    switch(sandbox, refresh_tokens=False, fresh_delay=600)

    doubted = checked(sandbox, age=5).doubted_at
    switch(sandbox, refresh_tokens=False)

    assert doubted is not None
    assert checked(sandbox, age=5).doubted_at is None
