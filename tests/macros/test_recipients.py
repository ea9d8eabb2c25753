"""Who is told, when nobody can be, and in how many mails."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib import admin
from django.test import RequestFactory

from macros.models import Macro, MacroAction, Notice
from macros.preview import services as preview
from macros.warnings import mails
from macros.warnings import services as evaluation
from notifications.admin import MessageAdmin
from notifications.models import Message
from notifications.outbox import Mail, NotWanted
from tests.macros.support import ending, make_macro, make_person, settle
from tests.support import news
from tests.support.ends import end
from tests.support.factories import NOW, link, make_account, make_app, make_team, make_token, make_user
from tokens.models import Token
from users.models import Membership, Team, User

pytestmark = pytest.mark.django_db
OPERATOR = "ops@example.com"


@pytest.fixture(autouse=True)
def operator(settings: Any) -> str:
    settings.OPERATOR_EMAILS = [OPERATOR]
    return OPERATOR


def lead_of(team: Team, email: str = "lead@example.com", **fields: Any) -> User:
    lead = make_person(email, **fields)
    Membership.objects.create(user=lead, team=team, role=Membership.Role.TEAM_LEAD)
    return lead


def told() -> list[tuple[str, str]]:
    evaluation.evaluate(now=NOW)
    return sorted(Notice.objects.values_list("recipient", "via").distinct())


def mail_to(recipient: str) -> Mail:
    with time_machine.travel(NOW, tick=False):
        return mails.build_mail(Message.objects.get(recipient=recipient))


def test_a_contact_of_a_client_hears_of_no_log_in_of_the_team() -> None:
    """He is in the team for his own log-ins. A system user's carries the accounts of other clients."""
    team = make_team("Agency")
    contact = make_person("clara@client.example", is_contact=True, password="!")  # none
    mira = make_person("mira@example.com")
    for user in (contact, mira):
        Membership.objects.create(user=user, team=team)
    make_macro(emails=[], notify_consenters=True, days=[7])
    system = make_token(
        kind="system", team=team, deadline=NOW + timedelta(days=5), cycle_since=NOW - timedelta(days=60)
    )
    account = make_account(name="Another client's launch", team=team)
    link(account, system)
    settle(account)

    warned = told()
    end(system)
    news.tell()

    assert warned == [(mira.email, "")]
    assert set(Message.objects.values_list("kind", "recipient")) == {
        ("macro", mira.email), ("news", mira.email),
    }  # fmt: skip


# --- nobody to tell -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["unknown", "address of somebody switched off"])
def test_whom_nobody_can_be_told_about_the_team_leads_are(who: str) -> None:
    team = make_team("Northwind")
    lead_of(team)
    lead_of(make_team(), "other@example.com")
    gone = make_person("petra@example.com", is_active=False)
    listed = who.startswith("address")
    make_macro(emails=["Petra@example.com"] if listed else [], notify_consenters=not listed)
    account = ending(5, person=gone, team=team)
    if who == "unknown":
        Token.objects.update(consented_by=None)
        settle(account)

    assert told() == [("lead@example.com", "team_lead")]


def test_the_mail_says_why_it_came_and_waits_for_nobody_who_has_left() -> None:
    team = make_team("Northwind")
    lead_of(team, name="Lea Brandt")
    make_macro(emails=[], notify_consenters=True)
    ending(5, name="Shoes", person=make_person(name="Petra Vogel", is_active=False), team=team)
    told()

    mail = mail_to("lead@example.com")

    words = " ".join(mail.text.split())
    assert mail.subject == "Shoes stops in 5 days: nobody can be asked"
    assert (
        "Nobody who linked the account can still be told, so it comes to you as team lead of Northwind."
        in words
    )
    assert "You get this because you lead the team, and nobody else can be told" in words
    assert "Waiting for" not in words
    assert "Nobody can be asked: somebody with access links it in AdToken." in words


def test_the_mail_of_operators_says_that_the_team_has_no_lead() -> None:
    make_macro(emails=[], notify_consenters=True)
    ending(5, person=make_person(is_active=False), team=make_team("Northwind"))
    told()

    words = " ".join(mail_to(OPERATOR).text.split())

    assert "and Northwind has no team lead, so it comes to the operators." in words
    assert "because you are an operator of AdToken" in words


def test_who_stood_in_is_told_no_more_once_the_person_is_back() -> None:
    lead_of(Team.default())
    person = make_person("petra@example.com", is_active=False)
    make_macro(emails=[], notify_consenters=True)
    ending(5, person=person)
    told()
    User.objects.filter(pk=person.pk).update(is_active=True)

    with pytest.raises(NotWanted, match="Somebody else can be told now"):
        mail_to("lead@example.com")

    assert ("petra@example.com", "") in told()


# --- who is told no more --------------------------------------------------------------------------------------------


def test_an_address_taken_out_is_not_mailed_though_people_who_linked_are_and_the_mail_waits() -> None:
    action = make_macro(emails=["boss@example.com"], notify_consenters=True)
    ending(5, person=make_person("ada@example.com"))
    told()
    MacroAction.objects.filter(pk=action.pk).update(emails=[])

    with pytest.raises(NotWanted, match="no longer mails this address"):
        mail_to("boss@example.com")

    assert mail_to("ada@example.com").subject
    assert Notice.objects.get(recipient="boss@example.com").outcome == "dropped"


@pytest.mark.parametrize("change", ["unlinked", "linkers off"])
def test_a_person_whom_the_macro_would_not_tell_now_is_not_mailed(change: str) -> None:
    action = make_macro(emails=["boss@example.com"], notify_consenters=True)
    account = ending(5, person=make_person("ada@example.com"))
    backup = make_token(consented_by=make_person("ben@example.com"), deadline=account.deadline)
    link(account, backup)
    settle(account)
    told()
    if change == "unlinked":
        account.pool.filter(token=backup).delete()
    else:
        MacroAction.objects.filter(pk=action.pk).update(notify_consenters=False)

    with pytest.raises(NotWanted, match="no longer mails this address"):
        mail_to("ben@example.com")


# --- how many mails -------------------------------------------------------------------------------------------------


def test_a_person_with_25_accounts_in_12_teams_gets_one_mail_grouped_by_log_in() -> None:
    petra = make_person("petra@example.com", name="Petra Vogel")
    make_macro(emails=[], notify_consenters=True)
    app = make_app()
    logins = [
        make_token(app, consented_by=petra, native_user_name=f"Petra {number}", issued_at=None,
                   deadline=NOW + timedelta(days=5 + number))
        for number in range(2)
    ]  # fmt: skip
    teams = [make_team(f"Client {number:02}") for number in range(12)]
    accounts = [make_account(team=teams[number % 12], name=f"Shop {number:02}") for number in range(25)]
    for number, account in enumerate(accounts):
        link(account, logins[number % 2])
    settle(*accounts)

    evaluation.evaluate(now=NOW)

    mail = mail_to("petra@example.com")
    assert (Message.objects.count(), Notice.objects.count()) == (1, 25)
    assert len(set(re.findall(r"/renew/\S+", mail.text))) == 2  # a card, and a press, for each log-in
    words = " ".join(mail.text.split())
    assert (words.count("Shop "), "Facebook, 13 accounts" in words) == (9, True)
    assert "and 9 more" in words


@pytest.mark.usefixtures("at_now")
def test_an_address_outside_gets_one_mail_for_each_team_that_names_only_its_accounts() -> None:
    make_macro(emails=["boss@example.com"])
    north, south = make_team("Northwind"), make_team("Southwind")
    ending(5, team=north, name="North shop")
    ending(5, team=south, name="South shop")

    evaluation.evaluate(now=NOW)

    assert {message.team for message in Message.objects.filter(recipient="boss@example.com")} == {
        north,
        south,
    }
    assert "South shop" not in mails.build_mail(Message.objects.get(team=north)).text


def test_a_mail_of_several_teams_is_no_teams_and_a_mail_of_one_is_its() -> None:
    make_macro(emails=[], notify_consenters=True)
    north, south = make_team(), make_team()
    petra, ada = make_person("petra@example.com"), make_person("ada@example.com")
    ending(5, team=north, person=petra)
    ending(6, team=south, person=petra)
    ending(5, team=south, person=ada)

    evaluation.evaluate(now=NOW)

    assert dict(Message.objects.values_list("recipient", "team")) == {
        "petra@example.com": None,
        "ada@example.com": south.pk,
    }


def test_staff_of_one_team_do_not_see_a_mail_that_tells_of_another_teams_accounts() -> None:
    make_macro(emails=[], notify_consenters=True)
    north = make_team()
    petra = make_person("petra@example.com")
    ending(5, team=north, person=petra, name="North shop")
    ending(6, person=petra, name="South shop")
    evaluation.evaluate(now=NOW)
    request = RequestFactory().get("/")
    request.user = make_user(team=north, is_staff=True)

    seen = MessageAdmin(Message, admin.site).get_queryset(request)

    assert not seen.exists()


def test_a_second_macro_and_a_second_run_mail_only_what_is_new() -> None:
    ada = make_person("ada@example.com")
    make_macro(emails=[], notify_consenters=True)
    ending(5, person=ada, name="Known")
    evaluation.evaluate(now=NOW)
    make_macro(emails=["boss@example.com"], notify_consenters=True)
    ending(6, person=ada, name="New")

    report = evaluation.evaluate(now=NOW)

    found = Notice.objects.filter(evaluation=report).order_by("recipient", "account__name")
    assert set(found.values_list("recipient", "account__name")) == {
        ("ada@example.com", "New"),
        ("boss@example.com", "Known"),
        ("boss@example.com", "New"),
    }
    assert evaluation.evaluate(now=NOW).message_count == 0


# --- the preview ----------------------------------------------------------------------------------------------------


def stored(action: MacroAction) -> preview.Draft:
    draft = preview.draft_of(action.macro)
    assert draft is not None
    return draft


def test_the_preview_names_whom_nobody_could_be_told_and_who_stands_in(settings: Any) -> None:
    action = make_macro(emails=[], notify_consenters=True, days=[7])
    lead_of(north := make_team())
    gone = make_person(is_active=False)
    ending(5, person=gone, team=north)
    ending(5, person=gone)
    ending(5, person=make_person())
    settings.OPERATOR_EMAILS = []

    found = preview.preview_draft(stored(action), now=NOW)

    assert (found.mails, found.fallen_back, found.nobody) == (2, 1, 1)
    assert ("nobody would be told", 1) in found.quiet


@pytest.mark.parametrize(
    ("scope", "words"), [("chosen", "It is applied to no account yet."), ("all", "No account fits it yet.")]
)
def test_the_preview_says_why_nothing_is_due(scope: str, words: str) -> None:
    action = make_macro(scope=scope)

    assert preview.preview_draft(stored(action), now=NOW).why_nothing == words
    ending(90, life=365)
    Macro.objects.update(scope="all")
    action.refresh_from_db()
    assert preview.preview_draft(stored(MacroAction.objects.get()), now=NOW).why_nothing == (
        "No mail is due in the next 30 days."
    )
