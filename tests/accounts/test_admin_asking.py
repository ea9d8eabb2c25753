"""Check now and Renew now in the portal, with the stand-in Facebook and X behind them."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account, AccountToken
from tests.accounts.portal import deed_url
from tests.support import native
from tests.support.factories import make_user
from tests.support.sandbox import Sandbox
from tokens.models import Token, TokenEvent
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = False  # its own tests are in tests/users


@pytest.fixture
def world(channels_world: Sandbox) -> Sandbox:
    native.set_up_apps(channels_world)
    return channels_world


@pytest.fixture
def boss(client: Client) -> User:
    user = make_user(is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


def press(client: Client, name: str, account: Account, token: Token | None = None) -> str:
    """Press the button and return what the page says then."""
    response = client.post(deed_url(name, account, token), {"note": "", "seen": ""})
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def test_check_now_says_that_a_token_is_fine(client: Client, world: Sandbox, boss: User) -> None:
    account = native.linked("facebook", "ada")
    token = Token.objects.get()

    said = press(client, "token_check", account, token)

    assert said == "Ada: checked, fine."


def test_check_now_finds_a_changed_password_and_the_account_shifts(
    client: Client, world: Sandbox, boss: User
) -> None:
    account = native.linked("facebook", "ada", "ben")
    ada = account.active_token
    assert ada is not None
    world.change_password("facebook", "ada")

    said = press(client, "token_check", account, ada)

    account.refresh_from_db()
    assert said == "Ada: Facebook says that this log-in has stopped."
    assert account.active_token is not None
    assert account.active_token != ada
    assert account.events.get(kind="shifted").source == "staff"


def test_check_all_now_reads_the_role_in_the_ad_account_too(
    client: Client, world: Sandbox, boss: User
) -> None:
    account = native.linked("facebook", "ada", "ben")
    world.drop_role("facebook", "Lumen Shoes EU", "ben")

    said = press(client, "check", account)

    assert said == "Ada: checked, fine. Ben: checked, fine."
    lost = AccountToken.objects.get(access="lost")
    assert lost.token.consented_by == User.objects.get(email="ben@example.com")


def test_a_channel_that_does_not_answer_changes_nothing(client: Client, world: Sandbox, boss: User) -> None:
    account = native.linked("facebook", "ada")
    world.add_fault("facebook", path=".*", status=503)

    said = press(client, "token_check", account, Token.objects.get())

    assert "gave no clear answer" in said
    assert Token.objects.get().state == "valid"


def test_renew_now_says_the_new_date_and_who_did_it_is_kept(
    client: Client, world: Sandbox, boss: User
) -> None:
    account = native.linked("facebook", "ada")
    token = Token.objects.get()
    Token.objects.filter(pk=token.pk).update(access_expires_at=timezone.now() + timedelta(days=3))
    page = client.get(deed_url("token_renew", account, token)).content.decode()
    before = TokenEvent.objects.filter(kind="renewed").count()

    said = press(client, "token_renew", account, token)

    assert "Renew the token of Ada now?" in page
    assert before == 0
    assert said.startswith("Renewed. It works until ")
    assert TokenEvent.objects.get(kind="renewed").actor == boss


def test_renew_now_says_that_x_renews_nothing(client: Client, world: Sandbox, boss: User) -> None:
    account = native.linked("x", "ada")

    said = press(client, "token_renew", account, Token.objects.get())

    assert "X renews nothing without a person." in said
    assert not TokenEvent.objects.filter(kind="renewed").exists()
