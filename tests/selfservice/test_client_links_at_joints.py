"""Client links where they meet other teams, people who were switched off, parked addresses, and time."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.asks import mails
from accounts.linking import services as linking
from accounts.models import Account, Ask, PendingLink
from accounts.renewal_links import services as renewal_links
from notifications.delivery import claims
from notifications.delivery import services as delivery
from notifications.mails import build_unarrived
from notifications.models import Message
from notifications.outbox import NotWanted
from tests.notifications.smtp import MailServer, running_server
from tests.selfservice.test_client_links import choose, go, made
from tests.support import native
from tests.support.factories import PASSWORD, make_team, make_user
from tests.support.sandbox import Sandbox
from tokens.channels.kinds import AccountList
from tokens.models import Token
from users.addresses import services as refused_addresses
from users.invitations import services as invitations
from users.models import Membership, RefusedAddress, Team, User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("world")]
CONTACT = "ada.client@example.com"
GONE = "550 5.1.1 no such user here"


@pytest.fixture
def lead(team: Team) -> User:
    lead = make_user("lead@example.com", name="Lea Lead", team=team)
    Membership.objects.filter(user=lead).update(role=Membership.Role.TEAM_LEAD)
    return lead


@pytest.fixture
def mail_server(settings: Any) -> Any:
    with running_server() as (server, port):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield server


def given(mira: User, team: Team, *names: str, **more: Any) -> Ask:
    """A link by which Ada gave access to these accounts."""
    link = made(mira, team, **more)
    browser, _ = go(link)
    choose(browser, *names)
    link.refresh_from_db()
    return link


def given_before(team: Team, *names: str) -> User:
    """The contact that is left where Ada gave access to these accounts before."""
    contact = make_user(CONTACT, name="Ada", team=team, password="", is_contact=True)
    account = native.linked_before("facebook", contact, names=names)
    Account.objects.update(team=team)
    assert account.active_token
    return contact


def deliver() -> None:
    for _ in range(3):  # what is due, what follows from that, and what follows from that
        delivery.deliver(clock=lambda: timezone.now() + timedelta(minutes=3))


def used_mails() -> dict[str, str]:
    return dict(Message.objects.filter(kind="ask_done").values_list("recipient", "state"))


# --- teams --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("email", [CONTACT, "ada.private@example.com"])
def test_a_contact_who_uses_another_team_s_link_joins_it_also_a_closed_one(
    email: str, mira: User, team: Team
) -> None:
    given_before(team, "Fern Gardens")
    closed = make_team("Closed", members_only=True)
    zoe = make_user("zoe@example.com", team=closed)

    link = made(zoe, closed, email=email)
    browser, _ = go(link)
    before = set(User.objects.get(is_contact=True).teams.values_list("name", flat=True))
    choose(browser, "Lumen Shoes EU")

    account = Account.objects.get(name="Lumen Shoes EU")
    contact = User.objects.get(is_contact=True)
    assert (account.team, account.state, account.reason) == (closed, "connected", "")
    assert before == {"Lumen"}, "whoever turns back joins nothing"
    assert set(contact.teams.values_list("name", flat=True)) == {"Lumen", "Closed"}
    link.refresh_from_db()
    assert link.contact == (contact if email == CONTACT else None)


def test_a_closed_team_takes_nothing_of_who_can_log_in_and_is_not_in_it(mira: User, team: Team) -> None:
    native.linked_before("facebook", make_user("ada@example.com", name="Ada"))
    closed = make_team("Closed", members_only=True)
    zoe = make_user("zoe@example.com", name="Zoe", team=closed)
    link = made(zoe, closed)

    browser, led = go(link)
    page = browser.get(led).text
    forced = browser.post(led, {"native_id": _new_one()})

    link.refresh_from_db()
    assert "Closed accepts log-ins of its own people only" in page
    assert 'name="native_id"' not in page
    assert forced.status_code == 400
    assert not Account.objects.filter(team=closed).exists()
    assert link.used == {}


def _new_one() -> str:
    return str(next(one for one in PendingLink.objects.get().offered if "Fern" in one["name"])["native_id"])


def test_a_link_that_its_maker_uses_makes_up_nobody_whom_another_team_invited(mira: User, team: Team) -> None:
    boss = make_user("boss@example.com", is_superuser=True)
    link, began = made(mira, team), Client()
    left = began.post(link.link_path, {"channel": "facebook"}).headers["Location"]
    invitations.create(email=CONTACT, team=make_team("Fern"), invited_by=boss, now=timezone.now())

    pages = [
        Client().get(link.link_path),
        Client().post(link.link_path, {"channel": "facebook"}),
        native.back(began, native.decide(left, "ada")),
    ]

    assert [page.text.count("Accept that invitation first") for page in pages] == [1, 1, 1]
    assert not User.objects.filter(email=CONTACT).exists()


def test_a_contact_who_accepts_an_invitation_is_in_the_teams_that_they_accepted_alone(
    mira: User, team: Team
) -> None:
    given_before(team, "Lumen Shoes EU")
    boss, fern = make_user("boss@example.com", is_superuser=True), make_team("Fern")
    invited = invitations.create(email=CONTACT, team=fern, invited_by=boss, now=timezone.now())

    person = invitations.accept(invitation=invited, name="Ada", password=PASSWORD, now=timezone.now())

    assert list(person.teams.all()) == [fern]
    assert Account.objects.get().active_token == person.tokens.get()


# --- who is told ------------------------------------------------------------------------------------------------------


def test_a_maker_who_left_the_team_hears_nothing_of_it_and_its_leads_do(
    mira: User, lead: User, team: Team
) -> None:
    Membership.objects.create(user=mira, team=make_team("Fern"))
    before, after = made(mira, team), made(mira, team, email="ben@example.com")
    browser, _ = go(before, "ben")
    choose(browser, "Lumen Shoes EU")
    Membership.objects.filter(user=mira, team=team).delete()
    with pytest.raises(NotWanted):
        mails.build_answer_mail(Message.objects.get(kind="ask_done"))

    page = Client().get(after.link_path).text
    browser, _ = go(after, "emil")
    choose(browser, "Fern Gardens")

    rows = Message.objects.filter(recipient=lead.email).order_by("pk")
    to_lead = [mails.build_answer_mail(one) for one in rows]
    assert "Lumen asks for access" in page
    assert "mira@" not in page
    assert "Mira Ode sent ben@example.com a link." in to_lead[0].text
    assert Message.objects.filter(kind="ask_done", recipient=mira.email).count() == 1


def test_where_mail_does_not_reach_the_maker_the_leads_are_told_that_a_link_was_used(
    mira: User, lead: User, team: Team
) -> None:
    refused_addresses.park_address(
        mira.email, said="gone", now=timezone.now(), why=refused_addresses.Why.BOUNCED
    )

    given(mira, team, "Lumen Shoes EU")

    assert used_mails() == {lead.email: "queued"}
    told = Message.objects.get(kind="ask_done", recipient=lead.email)
    assert "because mail does not reach whoever made the link" in " ".join(
        mails.build_answer_mail(told).text.split()
    )


def test_whoever_made_a_link_hears_that_its_mail_did_not_arrive_and_so_does_who_invited(
    mail_server: MailServer, mira: User, team: Team
) -> None:
    mail_server.refuse[CONTACT] = mail_server.refuse["ben@example.com"] = GONE
    link = made(mira, team)
    invitations.create(email="ben@example.com", team=team, invited_by=mira, now=timezone.now())

    deliver()
    told = {one.text for one in Message.objects.filter(kind="not_arrived", recipient=mira.email)}
    pages = [_browser(mira).get(path).text for path in ("/client-links/", f"/client-links/{link.pk}/")]
    lost = Message.objects.filter(kind="not_arrived").order_by("pk").first()
    claims.send_again(message_id=Message.objects.get(kind="ask", recipient=CONTACT).pk, now=timezone.now())
    again = _browser(mira).get(f"/client-links/{link.pk}/").text

    assert len(told) == 2
    assert any(f"/client-links/{link.pk}/" in one and CONTACT in one for one in told)
    assert all("Did not arrive" in page for page in pages)
    assert f"The mail to {CONTACT} did not arrive." in pages[1]
    assert "did not arrive" not in again
    assert lost is not None
    with pytest.raises(NotWanted):
        build_unarrived(lost)


# --- who was switched off, and who is parked --------------------------------------------------------------------------


def test_a_link_does_nothing_for_who_was_switched_off_and_its_maker_reads_the_same(
    mira: User, team: Team, world: Sandbox
) -> None:
    given_before(team, "Lumen Shoes EU")
    User.objects.filter(email=CONTACT).update(is_active=False)
    mails = Message.objects.filter(kind="ask").count()

    link = made(mira, team)
    page, browser = _browser(mira).get(f"/client-links/{link.pk}/").text, Client()
    opened, pressed = (
        browser.get(link.link_path),
        browser.post(link.link_path, {"channel": "facebook"}),
    )

    assert Message.objects.filter(kind="ask").count() == mails
    assert "Sent" in page
    assert (opened.status_code, pressed.status_code) == (410, 410)
    assert "took it back" not in opened.text
    assert "Ask Mira Ode for a new one" in opened.text


def test_a_consent_whose_link_ended_during_the_exchange_is_ended_at_the_channel(
    mira: User, team: Team, world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, browser = made(mira, team), Client()
    left = browser.post(link.link_path, {"channel": "facebook"}).headers["Location"]
    asks_for_list = linking.ask_for_list

    def switched_off(*facts: Any) -> AccountList:
        make_user(CONTACT, is_active=False)
        return asks_for_list(*facts)

    monkeypatch.setattr(linking, "ask_for_list", switched_off)
    answer = native.back(browser, native.decide(left, "ada"))

    assert answer.status_code == 410
    assert not Token.objects.exists()
    assert any(call["method"] == "DELETE" and "permissions" in call["path"] for call in world.calls())


def test_a_parked_contact_comes_back_by_a_new_link_and_is_released_by_using_it(
    mail_server: MailServer, mira: User, team: Team
) -> None:
    contact = given_before(team, "Lumen Shoes EU")
    token, now = Token.objects.get(), timezone.now()
    long_ago = renewal_links.link_for(token=token, user=contact, issued=now - timedelta(days=20))
    mailed_before = renewal_links.link_for(token=token, user=contact, issued=now - timedelta(hours=1))
    refused_addresses.park_address(CONTACT, said="full", now=now, why=refused_addresses.Why.BOUNCED)
    Message.objects.all().delete()

    asked = Client().post(reverse("renew_send_again", args=[long_ago.signed]))
    deliver()
    sent = Message.objects.get(kind="ask")
    mail = mails.build_mail(sent)
    parked = RefusedAddress.objects.filter(email=CONTACT).exists()
    renewed = native.consent(Client(), "facebook", "ada", path=_path(mail.text))

    assert "A new link is on its way" in asked.text
    assert sent.state == "sent"
    assert parked
    assert renewed == "/renew/done/"
    assert not RefusedAddress.objects.filter(email=CONTACT).exists()
    refused_addresses.park_address(CONTACT, said="full", now=now, why=refused_addresses.Why.BOUNCED)
    assert not refused_addresses.confirm_address(CONTACT, mailed_at=mailed_before.issued, now=now), (
        "it proves nothing"
    )


def _path(text: str) -> str:
    before = reverse("renew", args=["x"])[:-2]
    return before + text.split(before, 1)[1].split()[0]


# --- time, and links that are gone ------------------------------------------------------------------------------------


def test_who_takes_over_a_quarter_of_an_hour_is_led_back_to_the_link_that_still_works(
    mira: User, team: Team
) -> None:
    link = made(mira, team)
    browser, led = go(link)
    PendingLink.objects.all().delete()  # as the sweep does after 15 minutes

    late = browser.get(led)
    pressed = browser.post(led, {"native_id": "1"})

    for page in (late, pressed):
        assert page.status_code == 409
        assert "That took too long" in page.text
        assert "took it back" not in page.text
        assert link.link_path in page.text
    go(link, browser=browser)
    assert "Thank you" in browser.get(choose(browser, "Lumen Shoes EU")).text


def test_a_link_that_went_with_its_team_has_ended_and_is_not_called_cut(mira: User, team: Team) -> None:
    link, browser = made(mira, team), Client()
    path = link.link_path
    left = browser.post(path, {"channel": "facebook"}).headers["Location"]
    team.delete()

    pages = [browser.get(path), native.back(browser, native.decide(left, "ada"))]
    cut = browser.get(path[:-8] + "/")

    assert [page.status_code for page in pages] == [410, 410]
    assert all("This link has ended" in page.text for page in pages)
    assert (cut.status_code, "This link is not complete" in cut.text) == (404, True)


def _browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_page_in_one_tab_gives_access_to_the_team_that_it_names(mira: User, team: Team) -> None:
    other = make_team("Heron")
    Membership.objects.create(user=mira, team=other)
    both = [made(mira, team), made(mira, other)]
    browser, first = go(both[0])
    _, second = go(both[1], browser=browser)

    page = browser.get(first).text
    done = browser.post(first, {"native_id": native_ids(page)[0]}, follow=True)
    other_page, back, elsewhere = browser.get(second).text, browser.get(first), Client().get(second)
    browser.post(second, {"native_id": native_ids(other_page)[1]})

    assert "For the team <b>Lumen</b>." in page
    assert "For the team <b>Lumen</b>." in done.text
    assert "For the team <b>Heron</b>." in other_page
    assert (back.headers["Location"], elsewhere.status_code) == (done.redirect_chain[0][0], 404)
    for one, account in zip(both, Account.objects.order_by("pk"), strict=True):
        one.refresh_from_db()
        assert (account.team, one.used) == (one.team, {"facebook": [account.pk]})


@pytest.mark.parametrize("ended", ["removed", "locked out"])
def test_a_log_in_that_ended_since_its_consent_is_put_into_no_pool(
    mira: User, team: Team, ended: str
) -> None:
    link = made(mira, team)
    browser, led = go(link)
    ids = native_ids(browser.get(led).text)[:1]
    own_browser = Client()

    if ended == "locked out":
        User.objects.exclude(pk=mira.pk).update(is_active=False)
    else:
        own_browser.force_login(make_user("own@example.com", team=team))
        chosen = native.consent(own_browser, "facebook", "ben")
        Token.objects.update(state="dead", reason="removed")
    page = browser.post(led, {"native_id": ids})

    link.refresh_from_db()
    assert (page.status_code, "Nothing was changed." in page.text, link.used) == (
        410 if ended == "locked out" else 409,
        True,
        {},
    )
    if ended != "locked out":
        own_page = own_browser.post(chosen, {"native_id": ids})
        assert (own_page.status_code, "This log-in has ended" in own_page.text) == (410, True)
    assert not Account.objects.exists()
    assert not used_mails()


def native_ids(page: str) -> list[str]:
    """What a page offers, in its order."""
    return re.findall(r'name="native_id"\s+value="([\w-]+)"', page)
