"""Inviting a second person: bound to accounts, one mail, and straight to the channel with these accounts ticked."""

import re
from html import unescape

import pytest
from django.contrib.messages import get_messages
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.asks import inviting, mails
from accounts.models import Account, Ask, AskLine, PendingLink
from accounts.pool import services as pool
from notifications.mails import build_invitation
from notifications.models import Message
from notifications.outbox import NotWanted
from tests.support import native
from tests.support.factories import PASSWORD, link, make_account, make_team, make_token, make_user
from tests.tools import visible
from tokens.models import Token
from users.invitations import services as invitations
from users.models import Invitation, Membership, Team, User
from users.people.models import Role
from users.people.services import give_role

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("world")]


@pytest.fixture
def ada() -> User:
    """Carries two accounts alone."""
    ada = make_user("ada@example.com", name="Ada Okafor")
    native.linked_before("facebook", ada, names=["Lumen Shoes EU", "Fern Gardens"])
    return ada


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def press(user: User, *accounts: Account, email: str = "ben@example.com", how: str = "user") -> int:
    form = {
        "account": ",".join(str(one.pk) for one in accounts),
        "email": email,
        "how": how,
        "note": "Please",
    }
    return int(browser(user).post("/backups/invite/", form).status_code)


def test_a_new_person_comes_in_and_lands_on_the_channel_with_these_accounts_ticked(ada: User) -> None:
    lumen, fern = Account.objects.get(name="Lumen Shoes EU"), Account.objects.get(name="Fern Gardens")

    pressed = [press(ada, lumen), press(ada, lumen)]
    invited = Invitation.objects.get()
    visitor = Client()
    path = re.sub(r"^https?://[^/]+", "", invited.make_link())
    came_in = visitor.post(path, {"name": "Ben", "password1": PASSWORD, "password2": PASSWORD})
    lands = visitor.get(came_in.headers["Location"])
    page = visitor.get(lands.headers["Location"]).text
    choice = visitor.get(native.consent(visitor, "facebook", "ben")).text
    ticked = re.findall(r'value="([\w-]+)"\s+checked', choice)
    waiting = AskLine.objects.get().link_state(timezone.now())
    visitor.post(visitor_choice(visitor), {"native_id": ticked})

    assert pressed == [302, 400]  # the second time nobody is left to ask
    assert lands.headers["Location"] == "/link/facebook/"
    assert "You are asked to link Lumen Shoes EU." in page
    assert "Ada Okafor writes: “Please”" in page
    assert ticked == [lumen.native_id]
    assert waiting == "accepted"
    assert AskLine.objects.get().link_state(timezone.now()) == "linked"
    lumen.refresh_from_db()
    assert (lumen.people_count, fern.people_count) == (2, 1)


def visitor_choice(visitor: Client) -> str:
    return f"/link/choose/{PendingLink.objects.latest('created_at').pk}/"


def test_who_has_a_log_in_is_asked_by_one_mail_for_many_accounts_until_they_are_linked(ada: User) -> None:
    ben = make_user("ben@example.com", name="Ben Lindqvist")
    accounts = list(Account.objects.order_by("name"))

    press(ada, *accounts)
    message = Message.objects.get(kind="ask")
    mail = mails.build_mail(message)
    own_page = browser(ben).get("/").text
    native.link(browser(ben), "facebook", "ben", names=["Lumen Shoes EU", "Fern Gardens"])

    assert not Invitation.objects.exists()
    assert mail.subject == "Ada Okafor asks you to back up 2 accounts"
    assert "Fern Gardens and Lumen Shoes EU" in mail.text
    assert "/link/facebook/" in mail.text
    assert "You are asked to link 2 accounts as a backup." in own_page
    left = AskLine.objects.to_link(ben, timezone.now()).values_list("account__name", flat=True)
    linked = set(ben.tokens.values_list("pool_entries__account__name", flat=True))
    assert set(left) == {"Lumen Shoes EU", "Fern Gardens"} - linked
    if not left:
        with pytest.raises(NotWanted):
            mails.build_mail(message)


def test_somebody_without_an_account_here_gets_a_client_link_for_these_accounts_alone(ada: User) -> None:
    lumen = Account.objects.get(name="Lumen Shoes EU")

    press(ada, lumen, email="client@example.com", how="client")
    link = Ask.objects.client_links().get()
    client = Client()
    left = client.post(link.link_path, {"channel": "facebook"}).headers["Location"]
    led = native.come_back(client, native.decide(left, "ben"))
    client.post(led, {"native_id": [lumen.native_id]})

    assert link.native_ids("facebook") == [lumen.native_id]
    assert AskLine.objects.get().link_state(timezone.now()) == "linked"
    lumen.refresh_from_db()
    assert lumen.people_count == 2


def test_the_account_s_pages_say_who_was_invited_and_offer_it_where_one_person_carries_it(ada: User) -> None:
    boss = make_user("boss@example.com", name="Boss", is_staff=True, is_superuser=True)
    account = Account.objects.get(name="Lumen Shoes EU")
    auditor = make_user("ina@example.com", team=account.team)
    give_role(auditor, Role.AUDITOR)

    before = browser(ada).get(f"/my/{account.pk}/").text
    press(ada, account)
    mine = browser(ada).get(f"/my/{account.pk}/").text
    answered = browser(boss).get(reverse("admin:accounts_account_change", args=[account.pk]))
    assert answered.status_code == 200, answered.text
    card = answered.text

    assert f"/backups/invite/?account={account.pk}" in before
    assert "ben@example.com was invited on" in mine
    assert "ben@example.com was invited on" in card
    assert f"/backups/invite/?account={account.pk}" in card
    assert "/backups/invite/" not in browser(auditor).get(f"/my/{account.pk}/").text
    assert browser(auditor).get(f"/backups/invite/?account={account.pk}").status_code == 403


def test_who_has_just_linked_and_whoever_reads_my_accounts_gets_to_the_invitation_by_a_press(
    ada: User,
) -> None:
    mine = list(Account.objects.order_by("name"))
    both = ",".join(str(one.pk) for one in mine)
    foreign = make_account(team=make_team("Elsewhere"), name="Carried for others")
    link(foreign, make_token(consented_by=ada))
    query = "&".join(f"account={one.pk}" for one in [*mine, foreign])

    linked, own = (visible.dense(browser(ada).get(path).text) for path in (f"/link/done/?{query}", "/"))

    assert "press Add Account" not in linked
    assert f'href="/backups/invite/?account={both}"' in linked
    assert 'href="/backups/invite/?alone=1">Invite one for all' in own
    assert f"/backups/invite/?account={foreign.pk}" not in own, "only to accounts of the own teams"
    assert browser(ada).get(f"/backups/invite/?account={both}").status_code == 200


def test_who_is_asked_for_an_account_of_a_closed_team_joins_it_first_and_is_promised_nothing_before(
    ada: User,
) -> None:
    lumen = Account.objects.get(name="Lumen Shoes EU")
    Team.objects.filter(pk=lumen.team_id).update(members_only=True)
    ben = make_user("ben@example.com", name="Ben Lindqvist", team=make_team("Red"))
    visitor = browser(ben)

    press(ada, lumen)
    before = visitor.get("/").text + visitor.get("/link/facebook/").text
    state = AskLine.objects.get().link_state(timezone.now())
    path = re.sub(r"^https?://[^/]+", "", Invitation.objects.get().make_link())
    joins = visitor.post(path)
    lands = visitor.get(joins.headers["Location"])
    choice = visitor.get(native.consent(visitor, "facebook", "ben")).text
    ticked = re.findall(r'value="([\w-]+)"\s+checked', choice)
    visitor.post(visitor_choice(visitor), {"native_id": ticked})

    assert list(Message.objects.filter(recipient=ben.email).values_list("kind", flat=True)) == ["invite"]
    assert state == "asked", "whoever invited does not learn that the address is known"
    assert "asked to link" not in before
    assert lands.headers["Location"] == "/link/facebook/"
    assert ticked == [lumen.native_id]
    lumen.refresh_from_db()
    assert lumen.people_count == 2


def in_two_teams(ada: User) -> tuple[Account, Account]:
    """Ada's two accounts, one of them of a second team of hers."""
    lumen, fern = Account.objects.get(name="Lumen Shoes EU"), Account.objects.get(name="Fern Gardens")
    second = make_team("Second")
    Membership.objects.create(team=second, user=ada)
    Account.objects.filter(pk=fern.pk).update(team=second)
    return lumen, fern


def test_a_stranger_asked_for_accounts_of_two_teams_gets_one_mail_whose_link_leads_into_both(
    ada: User,
) -> None:
    lumen, fern = in_two_teams(ada)

    press(ada, lumen, fern)
    message = Message.objects.get(recipient="ben@example.com")
    mail = build_invitation(message)
    path = re.findall(r"http://[^/]+(/invitation/\S+)", mail.text)[0]
    visitor = Client()
    page = visitor.get(path).text
    visitor.post(path, {"name": "Ben", "password1": PASSWORD, "password2": PASSWORD})
    ben = User.objects.get(email="ben@example.com")

    assert "join the teams General and Second" in " ".join(mail.text.split())
    assert "You join the teams <strong>General and Second</strong>." in page
    assert set(ben.teams.values_list("name", flat=True)) == {"General", "Second"}
    states = {one.link_state(timezone.now()) for one in AskLine.objects.all()}
    assert states == {"accepted"}


def test_what_one_mail_stands_for_is_sent_again_together_and_outlives_the_one_that_is_revoked(
    ada: User,
) -> None:
    boss = make_user("boss@example.com", is_staff=True, is_superuser=True)
    lumen, fern = in_two_teams(ada)
    press(ada, lumen, fern)
    first, second = Invitation.objects.order_by("pk")

    invitations.send_again(invitation=second, by=boss, now=timezone.now())
    numbers = list(Invitation.objects.order_by("pk").values_list("number", flat=True))
    again = Message.objects.latest("pk")
    second.refresh_from_db()
    path = re.sub(r"^https?://[^/]+", "", second.make_link())
    invitations.revoke(invitation=second, by=boss, now=timezone.now())
    Invitation.objects.filter(pk=first.pk).update(number=5)  # it was mailed by itself before
    visitor = Client()
    mail = build_invitation(again)
    visitor.post(path, {"name": "Ben", "password1": PASSWORD, "password2": PASSWORD})

    assert numbers == [2, 2]
    assert Message.objects.filter(recipient="ben@example.com").count() == 2
    assert f"the team {first.team}." in " ".join(mail.text.split())
    assert [str(one) for one in User.objects.get(email="ben@example.com").teams.all()] == [str(first.team)]


def test_a_client_asked_for_accounts_of_two_teams_gets_one_mail_with_a_link_for_each(ada: User) -> None:
    lumen, fern = in_two_teams(ada)

    press(ada, lumen, fern, email="client@example.com", how="client")
    mail = mails.build_mail(Message.objects.get(recipient="client@example.com"))
    made = [link.link_address for link in Ask.objects.client_links().order_by("pk")]

    assert len(made) == 2
    assert all(address in mail.text for address in made)
    assert not any(address in f"{mail.stored_text}{mail.stored_html}" for address in made)
    assert "of the teams General and Second" in " ".join(mail.text.split())


def test_accounts_of_other_teams_are_not_found_and_cannot_be_invited_to(ada: User) -> None:
    foreign = make_account(team=make_team("Fern"), name="Secret Garden")
    seen: Team = Account.objects.get(name="Lumen Shoes EU").team

    answer = browser(ada).post(
        "/backups/invite/", {"account": str(foreign.pk), "email": "x@example.com", "how": "user"}
    )
    with pytest.raises(inviting.InviteRefused):
        inviting.invite_to_link(accounts=[foreign], email="x@example.com", by=ada, now=timezone.now())

    assert (answer.status_code, answer.headers.get("Location")) == (302, "/")
    assert not AskLine.objects.exists()
    assert seen != foreign.team


def test_whoever_invites_reads_the_same_whatever_the_address_is(ada: User) -> None:
    off = make_user("off@example.com", is_active=False)
    carrier = make_user("carrier@example.com", team=make_team("Elsewhere"))
    accounts = list(Account.objects.order_by("name"))
    lumen = Account.objects.get(name="Lumen Shoes EU")
    link(lumen, make_token(consented_by=carrier))
    former = make_user("former@example.com", team=make_team("Fourth"))
    for account in accounts:
        link(account, make_token(consented_by=former, state="dead", reason="removed"))
    auditor = make_user("auditor@example.com", team=make_team("Fifth"))
    give_role(auditor, Role.AUDITOR)
    make_user("known@example.com", team=make_team("Third"))
    said: dict[str, set[str]] = {}
    page = browser(ada)

    names = ("nobody", "known", "off", "carrier", "former", "auditor")
    for how, some in (("user", names), ("client", names[:2])):
        for name in some:
            email = f"{name}@example.com"
            form = {"account": ",".join(str(one.pk) for one in accounts), "email": email, "how": how}
            Ask.objects.all().delete()
            answers = [page.post("/backups/invite/", form) for _ in range(2)]
            text = " ".join(str(one) for one in get_messages(answers[1].wsgi_request))
            again = "was asked for these accounts already" in answers[1].text
            assert text
            card = page.get(f"/my/{lumen.pk}/").text
            state = "was invited on" in card and "no answer yet" in card
            led = [(one.status_code, one.headers.get("Location")) for one in answers]
            said.setdefault(how, set()).add(f"{led} {text} {again} {state}".replace(email, ""))

    assert {how: len(answers) for how, answers in said.items()} == {"user": 1, "client": 1}
    mailed = set(Message.objects.values_list("recipient", flat=True))
    assert not {off.email, auditor.email} & mailed, "nobody is mailed who cannot link"
    assert former.email in mailed, "a log-in that was removed carries nothing"
    assert press(ada, lumen, email="ada@example.com") == 400, "the own address is no second person's"


def test_who_comes_back_with_a_log_in_that_had_stopped_was_mailed_and_has_answered(ada: User) -> None:
    ben = make_user("ben@example.com", name="Ben Lindqvist")
    native.link(browser(ben), "facebook", "ben", names=["Lumen Shoes EU"])
    Token.objects.filter(consented_by=ben).update(state="dead", reason="expired")

    press(ada, Account.objects.get(name="Lumen Shoes EU"))
    before = AskLine.objects.get().link_state(timezone.now())
    native.consent(browser(ben), "facebook", "ben")
    after = AskLine.objects.get().link_state(timezone.now())

    assert Message.objects.filter(recipient=ben.email, kind="ask").count() == 1
    assert (before, after) == ("asked", "linked")


def test_from_the_list_of_accounts_one_is_led_to_the_same_page_and_back(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    boss = browser(make_user("boss@example.com", name="Boss", is_staff=True, is_superuser=True))
    ids = list(Account.objects.values_list("pk", flat=True))
    listed = reverse("admin:accounts_account_changelist")
    chosen = {"action": "backup", "_selected_action": ids}
    form = {"account": ",".join(map(str, ids)), "email": "Ben@Example.com", "how": "user", "note": "Please"}

    nobody = boss.get(boss.post(listed, chosen).headers["Location"]).text
    asks = unescape(re.findall(r'href="(/backups/invite/[^"]*)"', nobody)[0])
    page = boss.get(asks).text
    back = boss.post(asks, form).headers["Location"]
    elsewhere = boss.post("/backups/invite/?next=//evil.example/", form | {"email": "dora@example.com"})
    monkeypatch.setattr(inviting, "MOST_OF_LINK", len(ids) - 1)
    too_many = boss.post(asks, form | {"how": "client", "email": "client@example.com"}).text

    assert "Invite a second person for 2 accounts" in page
    assert back == listed
    assert AskLine.objects.filter(ask__email="ben@example.com", ask__note="Please").count() == 2
    assert Message.objects.filter(recipient="ben@example.com").count() == 1
    assert elsewhere.headers["Location"] == "/"
    assert "names each account, 1 at most. Here are 2 of General." in too_many
    assert not Ask.objects.client_links().exists()


def test_a_marketer_invites_one_person_for_all_without_a_backup_by_one_mail(ada: User) -> None:
    mine, both = browser(ada), list(Account.objects.order_by("name"))
    backed = make_account(team=both[0].team, name="Two people already")
    for one in (make_token(consented_by=ada), make_token(consented_by=make_user("cleo@example.com"))):
        link(backed, one)
    with transaction.atomic():
        pool.settle(account_ids=[backed.pk], cause="linked", now=timezone.now())

    page = mine.get("/backups/invite/?alone=1").text
    ids = re.findall(r'name="account" value="([\d,]+)"', page)[0]
    mine.post("/backups/invite/?alone=1", {"account": ids, "email": "ben@example.com", "how": "user"})

    assert "Invite a second person for 2 accounts" in page
    asked = AskLine.objects.filter(ask__email="ben@example.com", ask__made_by=ada)
    assert set(asked.values_list("account", flat=True)) == {one.pk for one in both}
    assert Message.objects.filter(recipient="ben@example.com").count() == 1
