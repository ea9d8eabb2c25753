"""Snapchat from the consent page to the end of a token, through our pages and the engine that renews."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account, AccountToken, PendingLink
from tests.support import native
from tests.support.native import query
from tests.support.sandbox import Sandbox
from tests.tokens.channels.snapchat_world import ADA, CLIENT_ID, LUMEN, SCOPE, switch
from tokens import deadlines, probe
from tokens.models import Token

pytestmark = pytest.mark.django_db

CALLBACK = "/link/snapchat/callback/"


@pytest.fixture(autouse=True)
def sandbox(channels_world: Sandbox) -> Sandbox:
    native.set_up_apps(channels_world)
    channels_world.clear_calls()
    return channels_world


def later(sandbox: Sandbox, **ago: int) -> datetime:
    """Move the channel's clock; returns what ours shows then."""
    passed = timedelta(**ago)
    sandbox.set_clock(offset=int(passed.total_seconds()))
    return timezone.now() + passed


# ---- linking


def test_the_address_of_the_consent_page_asks_for_the_ads_scope(client: Client, sandbox: Sandbox) -> None:
    address = native.leave(client, "snapchat")

    asked = query(address)
    assert address.startswith(f"{sandbox.snapchat}/login/oauth2/authorize?")
    assert len(asked.pop("state")) == 32
    assert asked == {
        "client_id": CLIENT_ID,
        "redirect_uri": f"http://testserver{CALLBACK}",
        "response_type": "code",
        "scope": SCOPE,
    }


def test_a_person_links_an_account_from_end_to_end(client: Client) -> None:
    native.link(client, "snapchat", "ada", ["Lumen Shoes EU"])

    account, token = Account.objects.get(), Token.objects.get()
    assert (account.native_id, account.name, account.native_status) == (LUMEN, "Lumen Shoes EU", "ACTIVE")
    assert account.active_token == token
    assert (token.native_user_id, token.native_user_name) == (ADA.native_user_id, ADA.name)
    assert token.dates_source == {"access": "provider", "refresh": "never"}
    assert deadlines.deadline_of(token, token.linked_at) == deadlines.NEVER
    entry = AccountToken.objects.get()
    assert (entry.role, entry.can_publish, entry.access) == ("Account admin", "yes", "ok")


def test_a_reader_links_an_account_that_nobody_can_publish_with(client: Client) -> None:
    native.link(client, "snapchat", "chiara", ["Lumen Shoes EU"])

    assert AccountToken.objects.get().can_publish == "no"
    assert Account.objects.get().active_token is None


def test_a_person_without_accounts_is_offered_none(client: Client, sandbox: Sandbox) -> None:
    sandbox.drop_role("snapchat", "Fern Gardens", "emil")

    native.consent(client, "snapchat", "emil")

    assert PendingLink.objects.get().offered == []


# ---- living on


@pytest.mark.parametrize("rotate", [False, True])
def test_an_authorisation_lives_on_over_many_access_tokens(
    client: Client, sandbox: Sandbox, rotate: bool
) -> None:
    native.link(client, "snapchat", "ada")
    switch(sandbox, rotate=rotate)
    token = Token.objects.get()
    first = token.unseal()

    for hours in (1, 30, 24 * 8, 24 * 100):
        probe.probe(token.pk, now=later(sandbox, hours=hours), source="probe")

    token.refresh_from_db()
    kept = token.unseal()
    assert token.state == Token.State.VALID
    assert kept.access_token != first.access_token
    assert (kept.refresh_token != first.refresh_token) is rotate
    assert kept.refresh_token
    assert deadlines.deadline_of(token, token.linked_at) == deadlines.NEVER


def test_a_cancelled_authorisation_dies_with_its_refused_refresh(client: Client, sandbox: Sandbox) -> None:
    native.link(client, "snapchat", "ada")
    token = Token.objects.get()
    sandbox.cancel_authorisation("snapchat", "ada")

    for minutes in (1, 17):  # it is doubted first
        probe.probe(token.pk, now=later(sandbox, minutes=minutes), source="probe")

    token.refresh_from_db()
    assert (token.state, token.reason) == (Token.State.DEAD, "authorisation_cancelled")
    assert Account.objects.get().active_token is None


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("access_token", {"status": 503, "body": "down"}),
        ("access_token", {"status": 401, "body": {"error": "invalid_client"}}),
        ("access_token", {"status": 200, "body": {"error": "invalid_grant"}}),
        ("access_token", {"drop": True}),
        ("/v1/", {"status": 401, "body": "<html>"}),
        ("/v1/", {"status": 503, "body": "down"}),
    ],
)
def test_trouble_of_any_kind_kills_no_token(
    client: Client, sandbox: Sandbox, path: str, fault: dict[str, Any]
) -> None:
    native.link(client, "snapchat", "ada")
    token = Token.objects.get()
    sandbox.add_fault("snapchat", path=path, **fault)

    for minutes in (1, 45, 90, 600):
        probe.probe(token.pk, now=later(sandbox, minutes=minutes), source="probe")
    sandbox.clear_faults()
    probe.probe(token.pk, now=later(sandbox, days=2), source="probe")

    token.refresh_from_db()
    assert token.state == Token.State.VALID
