"""Renewing a log-in by a mailed link: straight to the channel, for its own native user alone, without a session here."""

import re
from datetime import datetime, timedelta
from html import unescape

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.asks import mails, progress
from accounts.asks import services as asks
from accounts.linking import renewing
from accounts.models import Account, AccountToken, AskLine, LinkProblem, PendingLink
from accounts.renewal_links import services as renewal_links
from notifications.models import Message
from tests.support import native
from tests.support.asking import ask_now
from tests.support.factories import make_user
from tests.support.sandbox import Sandbox
from tokens.channels.kinds import AccountList, Dates, Grant
from tokens.models import ChannelApp, Handshake, Token
from users.models import Session, User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("world")]


@pytest.fixture
def staff() -> User:
    return make_user("mira@example.com", name="Mira Ode", is_staff=True, is_superuser=True)


def dead(channel: str = "facebook", *people: str) -> Token:
    """A log-in of Ada that carries Lumen Shoes EU, and has stopped."""
    users = [make_user(f"{name}@example.com", name=name.title()) for name in people or ("ada",)]
    account = native.linked_before(channel, *users)
    Token.objects.filter(consented_by__email="ada@example.com").update(
        state="dead", reason="password_changed"
    )
    return account.pool.get(token__consented_by__email="ada@example.com").token


def ask(token: Token, staff: User) -> Message:
    account = token.pool_entries.get().account
    ask_now(people=[[(account, token)]], user=staff, note="", now=timezone.now())
    return Message.objects.filter(kind="ask").latest("pk")


def path_of(message: Message) -> str:
    """The personal link in a mail, as a path."""
    return str(re.findall(r"http://\S+?(/renew/\S+)", mails.build_ask_mail(message).text)[0])


def revoked(world: Sandbox) -> bool:
    """Whether Facebook was asked to end what somebody gave our app."""
    return any(call["method"] == "DELETE" and "permissions" in call["path"] for call in world.calls())


def link_of(token: Token, *, issued: datetime | None = None) -> str:
    assert token.consented_by
    made = renewal_links.link_for(token=token, user=token.consented_by, issued=issued or timezone.now())
    return f"/renew/{made.signed}/"


def test_from_the_mail_to_done_without_a_password_and_without_a_session_of_ours(staff: User) -> None:
    token = dead()
    mail = mails.build_ask_mail(message := ask(token, staff))
    path, browser = path_of(message), Client()

    asked = [browser.get(path), browser.head(path), browser.get(path)]
    token.refresh_from_db()
    untouched = (token.state, Handshake.objects.filter(ended_at=None).count())
    led = native.consent(browser, "facebook", "ada", path=path)
    page = browser.get(led)
    token.refresh_from_db()

    assert [one.status_code for one in asked] == [200] * 3
    assert asked[0].headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "no-store" in asked[0].headers["Cache-Control"]
    assert asked[0].headers["Referrer-Policy"] == "same-origin"
    assert untouched == ("dead", 0)
    assert (token.state, str(token.consented_by)) == ("valid", "Ada")
    assert Account.objects.get().state == "connected"
    assert "log-in is renewed" in page.text
    assert "Lumen Shoes EU" in page.text
    assert not Session.objects.filter(user__email="ada@example.com").exists()
    assert browser.get("/").status_code == 302  # to the log-in page
    assert not PendingLink.objects.exists()
    assert "/renew/" not in f"{mail.stored_text} {mail.stored_html}"
    assert "reauthenticate/" in str(mail.stored_text)
    again = browser.get(path)
    assert (again.status_code, "There is nothing to do" in again.text) == (200, True)


def test_a_consent_whose_log_in_was_deleted_while_the_channel_listed_is_answered_as_one_that_is_over() -> (
    None
):
    token = dead()
    app, grant, now = token.app, Grant(token.unseal(), Dates(), ()), timezone.now()
    assert token.consented_by
    link = renewal_links.link_for(token=token, user=token.consented_by, issued=now)
    Account.objects.update(active_token=None)
    Token.objects.filter(pk=token.pk).delete()

    with pytest.raises(renewing.NotOpen) as refusal:
        renewing.keep_renewed(
            link=link, app=app, identity=token.identity, grant=grant, listed=AccountList(()), now=now
        )

    assert refusal.value.link is not None
    assert refusal.value.link.standing_at(now) == renewal_links.Standing.OVER


def test_another_native_user_changes_nothing_and_is_told_so(staff: User, world: Sandbox) -> None:
    token = dead()
    browser, before = Client(), list(Token.objects.values())

    answer = native.back(
        browser, native.decide(native.leave(browser, "facebook", path=link_of(token)), "ben")
    )

    assert answer.status_code == 403
    assert "You are Ben Lindqvist at Facebook" in answer.text
    assert "Nothing was changed" in answer.text
    assert list(Token.objects.values()) == before
    assert AccountToken.objects.count() == 1
    assert Account.objects.get().state == "deactivated" or token.state == "dead"
    assert revoked(world)
    retry = re.findall(r'href="(/renew/[^"]+)"', answer.text)[0]
    assert native.consent(browser, "facebook", "ada", path=retry) == "/renew/done/"


def test_a_consent_of_somebody_who_has_a_log_in_here_is_not_revoked(world: Sandbox) -> None:
    token = dead("facebook", "ada", "ben")
    browser = Client()

    native.back(browser, native.decide(native.leave(browser, "facebook", path=link_of(token)), "ben"))

    assert not revoked(world)
    assert Token.objects.get(consented_by__email="ben@example.com").state == "valid"


def test_somebody_else_s_session_in_the_same_browser_has_no_part_in_it() -> None:
    token = dead()
    other = make_user("carl@example.com", name="Carl Otto")
    browser = Client()
    browser.force_login(other)

    page = browser.get(link_of(token))
    native.consent(browser, "facebook", "ada", path=link_of(token))
    token.refresh_from_db()

    assert "You are logged in here as carl@example.com" in page.text
    assert str(token.consented_by) == "Ada"
    assert not Token.objects.filter(consented_by=other).exists()


def ends_it(why: str, user: User) -> None:
    """What becomes of a log-in and its person after a link was mailed."""
    if why == "off":
        User.objects.filter(pk=user.pk).update(is_active=False)
    elif why == "removed":
        Token.objects.update(reason=Token.REMOVED)
    elif why == "address":
        User.objects.filter(pk=user.pk).update(email="ada.new@example.com")
    elif why == "person":
        Token.objects.update(consented_by=make_user("ben@example.com"))
    else:
        ChannelApp.objects.filter(channel="facebook").update(is_default=False)


@pytest.mark.parametrize("why", ["removed", "person", "app"])
def test_a_link_opens_nothing_once_what_it_was_made_for_is_gone(why: str) -> None:
    path = link_of(dead())
    ends_it(why, User.objects.get(email="ada@example.com"))

    assert Client().get(path).status_code == 410


@pytest.mark.parametrize("why", ["off", "address"])
def test_a_link_dies_with_what_it_was_made_for(why: str) -> None:
    token = dead()
    path, user = link_of(token), User.objects.get(email="ada@example.com")
    browser = Client()
    back = native.decide(native.leave(browser, "facebook", path=path), "ada")  # on the way when it happens
    ends_it(why, user)
    before = list(Token.objects.values())

    page, posted = Client().get(path), Client().post(path)
    answer = native.back(browser, back)

    assert [page.status_code, posted.status_code] == [410, 410]
    assert "This link has ended" in page.text
    assert answer.status_code in {400, 404, 410}
    assert list(Token.objects.values()) == before


def test_an_expired_link_says_so_and_sends_another_to_the_same_address_once_an_hour() -> None:
    token = dead()
    old = link_of(token, issued=timezone.now() - timedelta(days=15))
    with time_machine.travel((timezone.now() + timedelta(hours=1)).replace(minute=10), tick=False):
        page = Client().get(old)
        pressed = [Client().post(old), Client().post(f"{old}again/"), Client().post(f"{old}again/")]
        message = Message.objects.get(kind="ask")

        assert (page.status_code, "Send me a new link" in page.text) == (410, True)
        assert [one.status_code for one in pressed] == [410, 200, 200]
        assert message.recipient == "ada@example.com"
        assert Client().get(path_of(message)).status_code == 200


def test_no_bent_link_opens_anything_and_too_many_presses_are_refused(settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "link_pressed": "2/3600s/key"}
    token = dead()
    path = link_of(token)

    bent = [Client().get(one).status_code for one in (path[:-9] + "/", path.replace("/renew/", "/renew/x"))]
    browser = Client()
    pressed = [browser.post(path).status_code for _ in range(3)]

    assert bent == [404, 404]
    assert pressed == [302, 302, 429]


def test_a_refusal_at_the_channel_leads_back_to_the_link_and_is_kept_for_staff() -> None:
    token = dead()
    browser, path = Client(), link_of(token)

    answer = native.back(
        browser, native.decide(native.leave(browser, "facebook", path=path), "ada", action="cancel")
    )

    assert "The log-in was stopped at Facebook" in answer.text
    assert f'href="{path}"' in answer.text
    assert LinkProblem.objects.get().user == token.consented_by
    assert native.consent(browser, "facebook", "ada", path=path) == "/renew/done/"


def test_a_smaller_grant_is_renewed_says_what_is_missing_and_asks_once_more(world: Sandbox) -> None:
    token = dead()
    browser, path = Client(), link_of(token)

    page = browser.get(native.consent(browser, "facebook", "ada", path=path, scopes=["ads_read"]))
    again = re.findall(r'action="(/renew/[^"]+)"', page.text)[0]
    whole = browser.get(native.consent(browser, "facebook", "ada", path=again))

    assert "Facebook did not give us: " in page.text
    assert "did not give us" not in whole.text
    assert Account.objects.get().state == "connected"


def test_two_tabs_and_the_way_back_pressed_twice_lead_to_the_same_page() -> None:
    token = dead()
    browser, path = Client(), link_of(token)
    first, second = (native.decide(native.leave(browser, "facebook", path=path), "ada") for _ in range(2))

    done = native.back(browser, first)
    twice = native.back(browser, first)
    other_tab = native.back(browser, second)

    assert (done.status_code, done["Location"]) == (302, "/renew/done/")
    assert (twice.status_code, twice["Location"]) == (302, "/renew/done/")
    assert (other_tab.status_code, "There is nothing to do" in other_tab.text) == (200, True)
    assert native.back(Client(), first).status_code == 400  # in another browser


def test_the_page_names_only_accounts_that_the_mail_could_name(staff: User) -> None:
    token = dead()
    path = link_of(token, issued=timezone.now() - timedelta(hours=1))

    assert "Lumen Shoes EU" not in Client().get(path).text
    assert "Lumen Shoes EU" in Client().get(link_of(token)).text


def test_an_ask_sees_the_page_opened_the_way_to_the_channel_a_trouble_there_and_the_end(
    staff: User,
) -> None:
    token, now = dead(), timezone.now()
    ends = now + timedelta(days=14)
    asks.start_ask(user=staff, name="All", note="", token_ids=[token.pk], ends_at=ends, once="", now=now)
    asks.send_due_requests(clock=timezone.now, goes_on=lambda: True)
    path, browser, stages = path_of(Message.objects.get(kind="ask")), Client(), []
    Message.objects.update(state="sent")
    progress.settle_asks(now=timezone.now())

    def note() -> None:
        stages.append(AskLine.objects.values_list("stage", "why").get())

    browser.get(path)  # as a mail scanner does
    note()
    opened = browser.post(f"{path}opened/")
    note()
    browser.post(path)
    note()
    native.back(browser, native.decide(native.leave(browser, "facebook", path=path), "ben"))
    note()
    native.consent(Client(), "facebook", "ada", path=path)
    note()

    assert opened.status_code == 204
    assert stages == [
        ("sent", ""),
        ("opened", ""),
        ("at_channel", ""),
        ("failed", "somebody_else"),
        ("done", ""),
    ]
    assert browser.post("/renew/forged/opened/").status_code == 204


def test_the_page_says_why_it_stopped() -> None:
    page = Client().get(link_of(dead("facebook", "ada", "ben"))).text

    assert "You changed your Facebook password" in unescape(page)
