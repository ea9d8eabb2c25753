"""The one mail about what went: whom it concerns, which parts it has, and that it says what still holds."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import tasks
from accounts.leaving import mails, plan, services
from accounts.leaving.plan import Scope
from accounts.leaving.services import Wanted
from accounts.models import Account
from macros.at_once import services as at_once
from notifications.delivery import services as delivery
from notifications.models import Message
from notifications.outbox import Mail, NotWanted
from tests.accounts.leaving.support import carried, lead, log_in, person, settle, superuser
from tests.accounts.leaving.support import mails as written
from tests.support.factories import link, make_team, make_user
from tests.support.sandbox import Sandbox
from tokens.models import Token
from users.models import Team, User

pytestmark = pytest.mark.django_db
Revoke = Callable[..., None]


@pytest.fixture(autouse=True)
def _world(channels_world: Sandbox) -> None:
    """The stand-in channels: log-ins are revoked there."""


@pytest.fixture
def ada() -> User:
    return person("Ada")


def revoke(*tokens: Token, by: User) -> None:
    """Have log-ins removed, and the worker do what follows."""
    scope = Scope(tokens[0].consented_by, [one.pk for one in tokens])
    found = plan.read_plan(scope, actor=by, now=timezone.now())
    services.let_go(found=found, actor=by, seen=found.seen, note="", now=timezone.now())
    tasks.run_jobs()


def mail_to(reader: User) -> Mail:
    return mails.build_leaving_mail(Message.objects.get(kind="left", recipient=reader.email))


def test_the_person_and_the_leads_of_what_stopped_are_told_who_did_it(ada: User) -> None:
    lea, mira = lead("Lea", Team.default()), person("Mira")
    token = log_in(ada)
    carried(token, name="Lumen EU")

    revoke(token, by=mira)

    assert set(written()) == {("left", ada.email), ("left", lea.email)}
    assert mail_to(ada).subject == "Mira removed your Facebook log-in from AdToken"
    assert "1 account has stopped." in mail_to(ada).text
    assert "Lumen EU" in mail_to(lea).text
    assert mail_to(lea).reply_to == mira.email


def test_of_accounts_that_go_on_only_the_person_is_told_who_carries_them_and_nothing_is_to_do(
    ada: User,
) -> None:
    lead("Lea", Team.default())
    token, ben = log_in(ada), person("Ben")
    for name in ("Lumen EU", "Lumen US"):
        carried(token, log_in(ben), name=name)

    revoke(token, by=person("Mira"))

    text = " ".join(mail_to(ada).text.split())
    assert set(written()) == {("left", ada.email)}
    assert "Lumen US (goes on through Ben)" in text
    assert "There is nothing to do." in text


def test_whose_name_is_hidden_is_not_named_by_the_address_of_answers(ada: User) -> None:
    token = log_in(ada)
    carried(token)

    revoke(token, by=make_user("root@example.com", team=make_team(), is_superuser=True))

    mail = mail_to(ada)
    assert mail.subject.startswith("An administrator removed")
    assert mail.reply_to is None  # as of any mail about the team: nobody is named
    assert "Ask an administrator." in mail.text


def test_several_of_ones_own_are_one_mail_to_each_lead_and_none_to_oneself(ada: User) -> None:
    lea = lead("Lea", Team.default())
    tokens = [log_in(ada), log_in(ada)]
    for token in tokens:
        carried(token, name=f"Shop {token.pk}")

    revoke(*tokens, by=ada)

    mail = mail_to(lea)
    assert set(written()) == {("left", lea.email)}
    assert mail.subject == "Ada removed 2 log-ins from AdToken"
    assert all(f"Shop {token.pk}" in mail.text for token in tokens)


def test_a_leaver_with_log_ins_in_several_teams_is_one_mail_to_each_lead(ada: User) -> None:
    boss, teams = superuser(), [make_team(f"Team {letter}") for letter in "AB"]
    leads = [lead(f"Lead {team}", team) for team in teams]
    own = [log_in(ada) for _ in range(3)]
    for team in teams:
        ada.memberships.create(team=team)
    for number in range(6):
        carried(own[number % 3], team=teams[number % 2])

    services.offboard(person=ada, actor=boss, wanted=Wanted(), note="", now=timezone.now())
    tasks.run_jobs()

    told = {key: number for key, number in written().items() if key[0] == "left"}
    assert told == {("left", one.email): 1 for one in leads}
    assert mail_to(leads[0]).subject == "Ada left: 3 accounts have stopped"
    assert written()["login_changed", ada.email] == 1


def test_it_is_not_sent_where_somebody_carries_the_accounts_by_then(ada: User) -> None:
    lea, token = lead("Lea", Team.default()), log_in(ada)
    account = carried(token)
    revoke(token, by=person("Mira"))

    link(account, log_in(lea))
    settle(account)

    with pytest.raises(NotWanted, match="Somebody linked the accounts"):
        mail_to(lea)


def test_a_new_consent_takes_it_back_and_a_new_address_is_not_told_of_the_old_one(ada: User) -> None:
    token = log_in(ada)
    carried(token)
    revoke(token, by=superuser())

    User.objects.filter(pk=ada.pk).update(email="new@example.com")
    message = Message.objects.get(recipient="ada@example.com")
    with pytest.raises(NotWanted, match="another e-mail address"):
        mails.build_leaving_mail(message)
    Token.objects.filter(pk=token.pk).update(state="valid", reason="", removed_at=None)
    with pytest.raises(NotWanted, match="linked again"):
        mails.build_leaving_mail(message)


@pytest.mark.django_db(transaction=True)
def test_whoever_was_told_that_it_stopped_is_told_that_it_works_again(ada: User) -> None:
    lea, token = lead("Lea", Team.default()), log_in(ada)
    account = carried(token)
    revoke(token, by=person("Mira"))
    delivery.deliver()
    at_once.tell_news(timezone.now() + timedelta(minutes=1))

    link(account, log_in(person("Ben")))
    settle(account)
    at_once.tell_news(timezone.now() + timedelta(minutes=11))

    told = Message.objects.filter(kind="news", told__kind="recovered").values_list("recipient", flat=True)
    assert set(told) == {ada.email, lea.email}


def test_where_an_account_stops_that_somebody_gave_up_the_subject_says_so(ada: User) -> None:
    team = make_team("Nordbad")
    ada.memberships.create(team=team)
    lea, token = lead("Lea", team), log_in(ada)
    shop = carried(token, team=team, name="Nordbad Mode")
    found = plan.read_plan(Scope(ada, [token.pk], shop.pk), actor=ada, now=timezone.now())

    services.let_go(found=found, actor=ada, seen=found.seen, note="", now=timezone.now())
    tasks.run_jobs()

    assert Account.objects.get().state == "deactivated"
    assert mail_to(lea).subject == "Nordbad Mode is deactivated: Ada no longer runs it"
    link(shop, token)
    with pytest.raises(NotWanted, match="linked"):
        mail_to(lea)
