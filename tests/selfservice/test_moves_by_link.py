"""A log-in under an app that takes no new consents, of a contact or a colleague: the link in the mail moves it to the app that does."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account, AskLine
from accounts.renewal_links import services as renewal_links
from tests.accounts.test_second_app import add_second
from tests.selfservice.test_renewal import ask, dead, link_of, path_of
from tests.support import native
from tests.support.factories import link, make_account, make_token, make_user
from tests.support.sandbox import Sandbox
from tokens.channel_apps import services as default_app
from tokens.models import ChannelApp, Token
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("world")]


@pytest.fixture
def staff() -> User:
    return make_user("mira@example.com", name="Mira Ode", is_staff=True, is_superuser=True)


def left_behind(world: Sandbox, channel: str, *, contact: bool = True) -> tuple[Token, ChannelApp]:
    """The log-in of somebody, of a contact, under an app that retires."""
    token = dead(channel)
    if contact:
        User.objects.filter(email="ada@example.com").update(is_contact=True, password="!")
    second = add_second(world, channel)
    default_app.make_default(app=second)
    token.refresh_from_db()
    return token, second


@pytest.mark.parametrize(("channel", "contact"), [("x", True), ("facebook", False)])
def test_a_log_in_moves_to_the_new_app_by_the_link_in_the_mail(
    world: Sandbox, staff: User, channel: str, contact: bool
) -> None:
    token, second = left_behind(world, channel, contact=contact)
    path, browser = path_of(ask(token, staff)), Client()

    page = browser.get(path)
    led = native.consent(browser, channel, "ada", path=path)
    done = browser.get(led)

    new = Token.objects.get(app=second)
    assert page.status_code == 200
    assert led == "/renew/done/"
    assert "Lumen Shoes EU" in done.text
    assert (new.consented_by, new.state) == (token.consented_by, "valid")
    assert AskLine.objects.get(token=token).stage == "done"
    account = Account.objects.get()
    assert (account.active_token, account.state, account.pool.count()) == (new, "connected", 1)
    assert "There is nothing to do" in browser.get(path).text


@pytest.mark.parametrize("who", ["ben", "name"])
def test_nobody_else_takes_a_place_under_the_new_app(world: Sandbox, who: str) -> None:
    token, second = left_behind(world, "facebook")
    if who == "name":  # the same name at the channel, and none of the accounts
        Token.objects.filter(pk=token.pk).update(native_user_name="Ben Lindqvist")
        Account.objects.update(native_id="999")

    answer = native.back(
        browser := Client(),
        native.decide(native.leave(browser, "facebook", path=link_of(token)), "ben"),
    )

    assert answer.status_code == 403
    assert not Token.objects.filter(app=second).exists()
    assert Account.objects.get().pool.get().token_id == token.pk


def test_a_link_ends_with_the_move_and_says_when_that_was(world: Sandbox) -> None:
    token, second = left_behind(world, "facebook")
    user = token.consented_by
    assert user
    made = renewal_links.link_for(token=token, user=user, issued=timezone.now() - timedelta(minutes=5))
    facts: dict[str, Any] = {"consented_by": user, "native_user_name": token.native_user_name}
    new = Token.objects.create(app=second, native_user_id="77", linked_at=timezone.now(), **facts)

    assert made.standing_at(timezone.now()) == renewal_links.Standing.RENEWED
    assert made.last_consent_at == new.linked_at


def test_a_link_from_before_the_switch_leads_to_the_new_app_also_whoever_is_on_the_way(
    world: Sandbox,
) -> None:
    token = dead("facebook")
    path, browser = link_of(token), Client()
    on_the_way = native.decide(native.leave(browser, "facebook", path=path), "ada")
    second = add_second(world, "facebook")
    default_app.make_default(app=second)

    late = native.back(browser, on_the_way)
    page = browser.get(path)
    led = native.consent(browser, "facebook", "ada", path=path)

    assert (late.status_code, "This took too long" in late.text, f'href="{path}"' in late.text) == (
        400,
        True,
        True,
    )
    assert "AdToken has a new app at Facebook." in page.text
    assert led == "/renew/done/"
    assert Account.objects.get().active_token == Token.objects.get(app=second)


def test_of_two_log_ins_of_one_name_the_link_tells_which_moves_and_what_is_not_reached_stays(
    world: Sandbox,
) -> None:
    token, second = left_behind(world, "facebook")
    again: dict[str, Any] = {"consented_by": token.consented_by, "native_user_name": token.native_user_name}
    other = make_token(token.app, native_user_id="78", state="dead", **again)
    link(make_account("facebook", name="Of the other"), other)
    link(unreached := make_account("facebook", name="Not reached"), token)
    browser = Client()

    done = browser.get(native.consent(browser, "facebook", "ada", path=link_of(token)))

    new = Token.objects.get(app=second)
    assert [one.account.name for one in new.pool_entries.all()] == ["Lumen Shoes EU"]
    assert unreached.pool.get().token == token
    assert other.pool_entries.count() == 1
    assert "One account is no longer reached" in done.text
