"""Whoever is asked comes by the log-in page or My accounts: the board says the same of them as of who presses the mailed link."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.asks import progress, services
from accounts.models import Account, AskLine
from notifications.models import Message
from tests.selfservice.test_renewal import dead
from tests.support import native
from tests.support.factories import link, make_token, make_user
from tokens.models import Token
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("world")]


def asked_for(*tokens: Token) -> None:
    """An ask has gone out for these, and its mail has left."""
    staff, now = (
        make_user("mira@example.com", name="Mira Ode", is_staff=True, is_superuser=True),
        timezone.now(),
    )
    ids, ends = [one.pk for one in tokens], now + timedelta(days=14)
    services.start_ask(user=staff, name="All", note="", token_ids=ids, ends_at=ends, once="", now=now)
    services.send_due_requests(clock=timezone.now, goes_on=lambda: True)
    Message.objects.filter(kind="ask").update(state="sent")
    progress.settle_asks(now=timezone.now())


def stage(token: Token) -> tuple[str, str]:
    return AskLine.objects.values_list("stage", "why").get(token=token)


def ada_s_browser() -> Client:
    browser = Client()
    browser.force_login(User.objects.get(email="ada@example.com"))
    return browser


def test_opened_at_the_channel_failed_and_done_are_noted_behind_the_log_in_too() -> None:
    asked_for(token := dead())
    browser, account = ada_s_browser(), Account.objects.get()
    path = f"/my/{account.pk}/reauthenticate/"
    found = {"mailed": stage(token)}

    page = browser.get(path).text
    found["looked"] = stage(token)
    stranger = Client()
    stranger.force_login(make_user("carl@example.com"))
    opened = [one.post(f"{path}opened/").status_code for one in (stranger, browser)]
    found["opened"] = stage(token)
    away = native.leave(browser, "facebook", path=path)
    found["left"] = stage(token)
    stopped = native.back(browser, native.decide(away, "ada", action="cancel")).text
    found["stopped"] = stage(token)
    native.consent(browser, "facebook", "ben", path=path)
    found["another"] = stage(token)
    native.consent(browser, "facebook", "ada", path="/link/facebook/", form={"account": str(account.pk)})
    found["renewed"] = stage(token)

    assert f'data-opened="{path}opened/"' in page
    assert opened == [204, 204]
    assert f'href="{path}"' in stopped, "the next try is noted as well"
    assert found == {
        "mailed": ("sent", ""),
        "looked": ("sent", ""),
        "opened": ("opened", ""),
        "left": ("at_channel", ""),
        "stopped": ("failed", "stopped"),
        "another": ("failed", "other_log_in"),
        "renewed": ("done", ""),
    }


def test_of_several_own_log_ins_in_an_account_the_one_that_the_mail_named_is_meant() -> None:
    token = dead()
    second = make_token(token.app, consented_by=token.consented_by, native_user_id="79", state="dead")
    link(Account.objects.get(), second)
    asked_for(token, second)
    browser, path = ada_s_browser(), f"/my/{Account.objects.get().pk}/reauthenticate/"

    browser.post(f"{path}opened/?log_in={second.pk}")
    opened = stage(token), stage(second)
    native.leave(browser, "facebook", path=f"{path}?log_in={token.pk}")
    one = stage(token), stage(second)
    native.leave(browser, "facebook", path=path)
    both = stage(token), stage(second)
    away = native.leave(browser, "facebook", path=path)
    native.back(browser, native.decide(away, "ada", action="cancel"))
    stopped = stage(token), stage(second)
    back = native.decide(native.leave(browser, "facebook", path=path), "ada")
    native.back(browser, back)

    assert f'opened/?log_in={second.pk}"' in browser.get(f"{path}?log_in={second.pk}").text
    assert opened == (("sent", ""), ("opened", ""))
    assert one == (("at_channel", ""), ("opened", ""))
    assert both == stopped == (("at_channel", ""), ("at_channel", ""))
    assert (stage(token), stage(second)) == (("done", ""), ("at_channel", "")), "nobody said which"
