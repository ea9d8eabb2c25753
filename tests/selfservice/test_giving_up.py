""" "I no longer run this account": the log-in leaves one account, another one takes over, and whoever looks after it is told."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts import backups
from accounts.mails import gave_up_mail
from accounts.models import Account, AccountEvent
from notifications.models import Message
from tests.accounts.test_backups import carried, log_in, reaches, settled
from tests.support.factories import link, make_team, make_user
from tokens.models import Token
from users import roles
from users.models import Membership, Team, User
from users.role_choices import Role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def team() -> Team:
    team = make_team("Nordbad")
    lead = make_user("lead@example.com", name="Lea Ahl", team=team)
    Membership.objects.filter(user=lead).update(role="manager")
    return team


def browser(user: User | None) -> Client:
    assert user
    client = Client()
    client.force_login(user)
    return client


def page_of(account: Account) -> str:
    return reverse("give_up_account", args=[account.pk])


def test_another_log_in_takes_over_and_the_team_lead_reads_who_ran_it(team: Team) -> None:
    ada, ben = log_in("Ada", team=team), log_in("Ben", team=team)
    shop, other = carried(ada, ben, team=team, name="Nordbad Mode"), carried(ada, team=team, name="Other")
    Account.objects.filter(pk=shop.pk).update(active_token=ada)
    shop = settled(shop)
    reaches(ada, shop)
    client = browser(ada.consented_by)

    offered = page_of(shop) in client.get(reverse("my_account", args=[shop.pk])).text
    asks = client.get(page_of(shop)).text
    untouched = shop.pool.count()
    said = client.post(page_of(shop), {"note": "Ben runs it now"}, follow=True).text
    again = client.post(page_of(shop), {}, follow=True)

    shop.refresh_from_db()
    message = Message.objects.get(kind="gave_up")
    mail = gave_up_mail.build(message)
    assert offered
    assert "Who runs this account now?" in asks
    assert "This one goes on through Ben" in " ".join(asks.split())
    assert untouched == 2
    assert "Your log-in is no longer used for Nordbad Mode" in said
    assert again.status_code == 200
    assert (shop.active_token, shop.state, shop.people_count) == (ben, "connected", 1)
    assert other.pool.get().token == ada
    event = AccountEvent.objects.get(account=shop, kind="unlinked")
    assert (event.actor, event.cause, event.note) == (ada.consented_by, "gave_up", "Ben runs it now")
    assert message.recipient == "lead@example.com"
    assert mail.subject == "Ada no longer runs Nordbad Mode"
    assert "Ben runs it now" in mail.text
    assert mail.reply_to == "ada@example.com"
    assert backups.offers(account_ids=[shop.pk]) == {}, "nobody adds back who has just left"


def test_who_carries_it_alone_types_its_name_and_it_stops(team: Team) -> None:
    ada = log_in("Ada", team=team)
    shop = carried(ada, team=team, name="Nordbad Mode")
    client = browser(ada.consented_by)

    asks = client.get(page_of(shop)).text
    wrong = client.post(page_of(shop), {"typed": "Nordbad"}).status_code
    before = shop.pool.count()
    client.post(page_of(shop), {"typed": "Nordbad Mode"})

    shop.refresh_from_db()
    assert "The account stops: nobody else is linked." in asks
    assert (wrong, before) == (400, 1)
    assert shop.state == "deactivated"
    mail = gave_up_mail.build(Message.objects.get(kind="gave_up"))
    assert mail.subject == "Nordbad Mode is deactivated: Ada no longer runs it"
    assert Token.objects.get().state == "valid"


def test_others_accounts_and_log_ins_are_out_of_reach(team: Team) -> None:
    ada, ben = log_in("Ada", team=team), log_in("Ben", team=make_team("Other"))
    shop, foreign = carried(ada, team=team), carried(ben, team=make_team("Third"))
    link(shop, ben)
    auditor = make_user("audit@example.com")
    roles.give(auditor, Role.AUDITOR)

    mine = browser(ada.consented_by)
    answers = [mine.post(page_of(foreign)).status_code, browser(auditor).post(page_of(shop)).status_code]
    mine.post(page_of(shop), {"typed": shop.name})

    assert answers == [404, 403]
    assert [entry.token for entry in shop.pool.all()] == [ben]
    assert foreign.pool.count() == 1
