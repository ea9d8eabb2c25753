"""A link for somebody without an account here: from the mail to done, what it is bound to, and the contact that it leaves."""

import re
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.asks import links, mails
from accounts.backups import queries as backups
from accounts.models import Account, AccountToken, Ask, PendingLink, ReachedAccount
from notifications.mails import build_reset
from notifications.models import Message
from notifications.outbox import NotWanted
from tests.support import native, news
from tests.support.ends import end
from tests.support.factories import PASSWORD, make_account, make_team, make_user
from tokens.models import Token
from users.invitations import services as invitations
from users.login import passwords
from users.models import Membership, Team, User
from users.people.models import Role
from users.people.services import give_role

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("world")]


def made(mira: User, team: Team, *, channels: tuple[str, ...] = ("facebook",), **more: Any) -> Ask:
    about: dict[str, Any] = {
        "email": "Ada.Client@example.com",
        "name": "Ada",
        "team": team,
        "channels": channels,
        **more,
    }
    return links.make_link(**about, made_by=mira, now=timezone.now())


def go(
    link: Ask, user: str = "ada", *, channel: str = "facebook", browser: Client | None = None
) -> tuple[Client, str]:
    """From the page of the link to the choice."""
    browser = browser or Client()
    left = browser.post(link.link_path, {"channel": channel})
    assert left.status_code == 302, left.text
    return browser, native.come_back(browser, native.decide(left.headers["Location"], user))


def german() -> Client:
    return Client(headers={"accept-language": "de-AT,de;q=0.9,en;q=0.5"})


def choose(browser: Client, *names: str) -> str:
    """From the choice that this browser was led to last to done. Returns where that is said."""
    led = reverse("client_choose", args=[PendingLink.objects.latest("created_at").pk])
    offered = PendingLink.objects.latest("created_at").offered
    ids = [one["native_id"] for one in offered if one["name"] in names]
    return str(browser.post(led, {"native_id": ids})["Location"])


def test_from_the_mail_to_done_without_a_password_and_who_asked_is_told(mira: User, team: Team) -> None:
    made(mira, team, note="For the spring")
    message = Message.objects.get(kind="ask")
    mail = mails.build_mail(message)
    path = re.findall(r"http://\S+?(/give-access/\S+)", mail.text)[0]
    browser = Client()

    asked = [browser.get(path), browser.head(path), browser.get(path)]
    before = (User.objects.count(), Token.objects.count())
    left = browser.post(path, {"channel": "facebook"}).headers["Location"]
    led = native.come_back(browser, native.decide(left, "ada"))
    choice = browser.get(led).text
    done = browser.get(choose(browser, "Lumen Shoes EU")).text

    assert message.recipient == "ada.client@example.com"
    assert "/give-access/" not in f"{mail.stored_text} {mail.stored_html} {message.payload}"
    assert [one.status_code for one in asked] == [200] * 3
    assert asked[0].headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "Mira Ode asks for access" in asked[0].text
    assert "For the spring" in asked[0].text
    assert before == (1, 0)
    assert "Which ad accounts do you give access to?" in choice
    assert "Thank you" in done
    contact = User.objects.get(email="ada.client@example.com")
    account = Account.objects.get()
    assert (account.name, account.team, account.state) == ("Lumen Shoes EU", team, "connected")
    assert (contact.is_contact, contact.has_usable_password()) == (True, False)
    assert Token.objects.get().consented_by == contact
    used = mails.build_answer_mail(Message.objects.get(kind="ask_done"))
    assert "Lumen Shoes EU" in used.text
    assert "Ada gave access to one ad account" in used.subject
    assert browser.get(path).status_code == 410
    assert browser.get("/").status_code == 302  # to the log-in page


def test_a_contact_cannot_log_in_and_renews_by_the_link_in_a_mail(mira: User, team: Team) -> None:
    browser, _ = go(made(mira, team), browser=german())
    choose(browser, "Lumen Shoes EU")
    contact, token = User.objects.get(is_contact=True), Token.objects.get()
    spoken = [contact.language]
    User.objects.filter(pk=contact.pk).update(language="")  # as of those before this was kept

    Client().post("/accounts/login/", {"login": contact.email, "password": PASSWORD})
    passwords.request_reset(email=contact.email, now=timezone.now())
    with pytest.raises(NotWanted):
        build_reset(Message.objects.get(kind="password_reset"))
    for bent in ({"is_staff": True}, {"password": "pbkdf2_sha256$x"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.filter(pk=contact.pk).update(**bent)
    end(token)
    mail = news.built()
    path = re.findall(r"http://\S+?(/renew/\S+)", mail.text)[0]

    assert native.consent(german(), "facebook", "ada", path=path) == "/renew/done/"
    contact.refresh_from_db()
    assert [*spoken, contact.language] == ["de", "de"]  # so that mails speak it, too
    assert "/messages/" not in mail.text  # "Why this mail?" is behind our log-in
    assert "/channels/" not in mail.text
    token.refresh_from_db()
    assert (token.state, token.consented_by) == ("valid", contact)


def test_an_invited_contact_becomes_a_marketer_with_the_same_log_ins(mira: User, team: Team) -> None:
    browser, _ = go(made(mira, team))
    choose(browser, "Lumen Shoes EU")
    contact = User.objects.get(is_contact=True)
    boss = make_user("boss@example.com", is_staff=True, is_superuser=True)
    invited = invitations.create(email=contact.email, team=team, invited_by=boss, now=timezone.now())

    visitor = Client()
    path = invited.make_link().split("testserver")[-1]
    page = visitor.post(
        path[path.index("/invitation/") :],
        {"name": "Ada Client", "password1": PASSWORD, "password2": PASSWORD},
    )
    contact.refresh_from_db()

    assert page.status_code == 302
    assert (contact.is_contact, contact.name, contact.has_usable_password()) == (False, "Ada Client", True)
    assert Account.objects.visible_to(contact).get().name == "Lumen Shoes EU"


def test_a_link_for_certain_accounts_offers_those_alone_and_no_other_team_s(mira: User, team: Team) -> None:
    ada = make_user("ada@example.com", name="Zoe")
    native.linked_before("facebook", ada, names=["Lumen Shoes EU", "Fern Gardens"])
    wanted = [("facebook", one.native_id) for one in Account.objects.order_by("name")]
    foreign = Account.objects.get(name="Fern Gardens")
    Account.objects.filter(name="Lumen Shoes EU").update(team=team)

    browser, led = go(made(mira, team, asked_for=wanted), "ben")
    page = browser.get(led).text
    forged = browser.post(led, {"native_id": foreign.native_id})

    assert page.count('name="native_id"') <= 2
    assert "Zoe" not in page
    assert "Linked by" not in page
    assert forged.status_code == 400
    assert not foreign.pool.filter(token__native_user_name="Ben Lindqvist").exists()


def test_who_goes_to_one_channel_is_at_that_one_alone(mira: User, team: Team) -> None:
    link = made(mira, team, channels=("facebook", "x"), asked_for=[("facebook", "1"), ("x", "2")])

    Client().post(link.link_path, {"channel": "x"})

    assert dict(link.lines.values_list("channel", "stage")) == {"facebook": "waiting", "x": "at_channel"}


def test_nobody_s_log_in_is_taken_over_and_who_can_log_in_must(mira: User, team: Team) -> None:
    zoe = make_user("ada@example.com", name="Zoe", team=team)
    account = native.linked_before("facebook", zoe)
    Account.objects.filter(pk=account.pk).update(team=team)

    browser, _ = go(made(mira, team))
    choose(browser, "Lumen Shoes EU")
    known = links.make_link(
        email=zoe.email, name="", team=team, channels=["facebook"], made_by=mira, now=timezone.now()
    )
    page = Client().get(known.link_path)
    pressed = Client().post(known.link_path, {"channel": "facebook"})

    assert Token.objects.get().consented_by == zoe
    assert not User.objects.filter(is_contact=True).exists()
    assert "You have an account here" in page.text
    assert "You have an account here" in pressed.text


def test_a_link_ends_by_time_by_hand_and_once_it_was_used_at_each_channel(mira: User, team: Team) -> None:
    late, taken_back = made(mira, team), made(mira, team)
    both = made(mira, team, channels=("facebook", "x"))
    Ask.objects.client_links().filter(pk=late.pk).update(ends_at=timezone.now())
    maker = _browser(mira)
    page = maker.get(f"/client-links/{taken_back.pk}/")
    asked = maker.get(f"/client-links/{taken_back.pk}/revoke/")
    maker.post(f"/client-links/{taken_back.pk}/revoke/", {"seen": ""})

    browser, _ = go(both)
    choose(browser, "Lumen Shoes EU")
    after_one = Ask.objects.client_links().get(pk=both.pk).link_state(timezone.now())
    go(both, channel="x", browser=browser)
    choose(browser, "Lumen Shoes EU")

    assert taken_back.link_address in page.text
    assert asked.status_code == 200
    assert [Client().get(one.link_path).status_code for one in (late, taken_back, both)] == [410] * 3
    assert after_one == "started"
    assert Ask.objects.client_links().get(pk=both.pk).link_state(timezone.now()) == "used"
    assert User.objects.filter(is_contact=True).count() == 1
    assert AccountToken.objects.count() == 2
    assert Client().get(both.link_path[:-8] + "/").status_code == 404


def test_links_are_made_for_one_s_own_teams_not_by_auditors_and_others_do_not_see_them(
    mira: User, team: Team
) -> None:
    link_ = made(mira, team)
    other = make_user("carl@example.com", team=make_team("Fern"))
    auditor = make_user("ina@example.com", team=team)
    give_role(auditor, Role.AUDITOR)

    form = {"email": "x@example.com", "channels": ["facebook"], "team": team.pk, "days": 7}
    refused = [
        _browser(other).post("/client-links/", form).status_code,
        _browser(auditor).post("/client-links/", form).status_code,
        _browser(auditor).get(f"/client-links/{link_.pk}/revoke/").status_code,
    ]
    made_by_form = _browser(mira).post("/client-links/", form)

    assert refused == [400, 403, 403]
    assert link_.email in _browser(auditor).get("/client-links/").text
    looked = _browser(auditor).get(f"/client-links/{link_.pk}/").text
    assert link_.email in looked
    assert link_.link_address not in looked
    assert link_.link_address in _browser(mira).get(f"/client-links/{link_.pk}/").text
    assert _browser(other).get(f"/client-links/{link_.pk}/").status_code == 404
    assert made_by_form.status_code == 302
    assert Ask.objects.client_links().filter(email="x@example.com", team=team).exists()
    with pytest.raises(links.ClientLinkRefused):
        links.make_link(
            email="y@example.com", name="", team=team, channels=["x"], made_by=other, now=timezone.now()
        )


def test_whoever_is_in_several_teams_says_for_which_the_accounts_are(mira: User, team: Team) -> None:
    alone = _browser(mira).get("/client-links/").text
    Membership.objects.create(user=mira, team=make_team("Atelier"))
    form = {"email": "x@example.com", "channels": ["facebook"], "team": "", "days": 7}

    forgotten = _browser(mira).post("/client-links/", form)

    assert f'<option value="{team.pk}">' in alone
    assert '<option value=""' not in alone
    assert forgotten.status_code == 400
    assert '<option value="" selected>' in forgotten.text
    assert not Ask.objects.client_links().exists()


def test_a_contact_s_log_in_is_offered_for_no_further_account(mira: User, team: Team) -> None:
    browser, _ = go(made(mira, team))
    choose(browser, "Fern Gardens")
    contact = User.objects.get(is_contact=True)
    account = make_account(team=team, native_id=_reached("Lumen Shoes EU"), people_count=1)

    assert backups.offers_by_account(account_ids=[account.pk]) == {}
    User.objects.filter(pk=contact.pk).update(is_contact=False)
    assert list(backups.offers_by_account(account_ids=[account.pk])) == [account.pk]


def _reached(name: str) -> str:
    ids = ReachedAccount.objects.exclude(native_id__in=Account.objects.values("native_id"))
    return str(ids.filter(can_publish="yes").values_list("native_id", flat=True)[0])


def _browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client
