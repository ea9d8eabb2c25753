"""The handshake with the stand-in Pinterest, through Django's test client, and a log-in that is renewed after it."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import Account, PendingLink
from tests.support import native
from tests.support.native import back, query
from tests.support.sandbox import Sandbox
from tests.tokens.channels import pinterest_world
from tokens import probe
from tokens.models import ChannelApp, Token
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

CALLBACK = "/link/pinterest/callback/"


@pytest.fixture(autouse=True)
def world(sandbox: Sandbox, settings: Settings) -> Sandbox:
    pinterest_world.set_up(sandbox, settings)
    native.set_up_apps(sandbox)
    sandbox.clear_calls()
    return sandbox


def changed(address: str, **values: str) -> str:
    return urlsplit(address)._replace(query=urlencode({**query(address), **values})).geturl()


def test_the_address_of_the_consent_page_holds_what_pinterest_documents(
    client: Client, sandbox: Sandbox
) -> None:
    address = native.leave(client, "pinterest")

    asked = query(address)
    state = asked.pop("state")
    assert address.startswith(f"{sandbox.pinterest}/oauth/?")
    assert len(state) == 32
    assert asked == {
        "client_id": Sandbox.APPS["pinterest"][0],
        "redirect_uri": f"http://testserver{CALLBACK}",
        "response_type": "code",
        "scope": "ads:read,ads:write,user_accounts:read",
    }


def test_an_account_is_linked_from_end_to_end(client: Client, user: User) -> None:
    now = timezone.now()

    native.link(client, "pinterest", "ada", ("Lumen Shoes EU", "Fern Gardens"))

    token = Token.objects.get()
    assert (token.native_user_id, token.native_user_name) == ("2783136121146311751", "Ada Okafor")
    assert (token.consented_by, token.has_refresh_token) == (user, True)
    assert token.dates_source == {"access": "provider", "refresh": "provider"}
    assert token.scopes == ["ads:read", "ads:write", "user_accounts:read"]
    assert token.deadline is not None
    assert abs(token.deadline - now - timedelta(days=60)) < timedelta(minutes=5)
    assert token.deadline_clock == "refresh"
    assert set(Account.objects.values_list("name", "native_id", "currency")) == {
        ("Lumen Shoes EU", "549755885175", "EUR"),
        ("Fern Gardens", "549756012348", "GBP"),
    }


@pytest.mark.parametrize("bad_code", [283, 2])
def test_a_code_that_was_used_starts_again_and_marks_no_app(
    client: Client, sandbox: Sandbox, bad_code: int
) -> None:
    pinterest_world.switches(sandbox, bad_code=bad_code)
    first = native.decide(native.leave(client, "pinterest"), "ada")
    native.come_back(client, first)
    second = native.decide(native.leave(client, "pinterest"), "ada")
    before = app_as_it_stands()

    response = back(client, changed(second, code=query(first)["code"]))

    assert response.status_code == 400
    assert "Start again" in response.content.decode()
    assert app_as_it_stands() == before


def app_as_it_stands() -> dict[str, Any]:
    [values] = ChannelApp.objects.filter(channel="pinterest").values()
    return dict(values)


def test_a_person_who_gave_access_to_nothing_is_told_so(client: Client, sandbox: Sandbox) -> None:
    sandbox.drop_role("pinterest", "Fern Gardens", "emil")

    response = client.get(native.consent(client, "pinterest", "emil"))

    assert response.status_code == 200
    assert PendingLink.objects.get().offered == []
    assert PendingLink.objects.get().complete


def test_a_log_in_whose_access_is_over_is_renewed_when_it_is_asked_about(
    client: Client, sandbox: Sandbox
) -> None:
    native.link(client, "pinterest", "ada")
    before = Token.objects.get().unseal()
    sandbox.expire_now(channel="pinterest", user="ada")

    outcome = probe.probe(Token.objects.get().pk, now=timezone.now(), source="test")

    after = Token.objects.get().unseal()
    assert outcome.state == Token.State.VALID
    assert before.access_token != after.access_token
    assert before.refresh_token != after.refresh_token


def test_a_log_in_that_cannot_be_renewed_any_more_is_dead_with_an_honest_reason(
    client: Client, sandbox: Sandbox
) -> None:
    native.link(client, "pinterest", "ada")
    sandbox.cancel_authorisation("pinterest", "ada")

    for minutes in (0, 15):  # it is doubted first
        now = timezone.now() + timedelta(minutes=minutes)
        outcome = probe.probe(Token.objects.get().pk, now=now, source="test")

    assert (outcome.state, outcome.reason) == (Token.State.DEAD, "authorisation_cancelled")


def test_a_wrong_secret_kills_no_log_in(client: Client, sandbox: Sandbox) -> None:
    native.link(client, "pinterest", "ada")
    sandbox.put_app("pinterest", secret="rotated")
    sandbox.expire_now(channel="pinterest", user="ada")

    probe.probe(Token.objects.get().pk, now=timezone.now(), source="test")

    assert Token.objects.get().state != Token.State.DEAD
