"""Mails of accounts: whose log-in died is told once, also when a backup took over; staff may ask."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from accounts.asks import mails as ask_mails
from accounts.models import Account
from accounts.pool import services as pool
from notifications.models import Message
from notifications.outbox import KINDS, NotWanted
from tests.support import news
from tests.support.asking import ask_now
from tests.support.ends import end
from tests.support.factories import MARKER, NOW, link, make_account, make_team, make_token, make_user
from tokens.channels.kinds import Reason
from tokens.models import Token
from users.models import Membership, User

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def linked(name: str, *tokens: Token) -> Account:
    account = make_account(name=name)
    for token in tokens:
        link(account, token)
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="linked", now=NOW)
    return account


def test_whose_log_in_died_is_told_also_when_a_backup_took_over(ada: User, ben: User) -> None:
    token = make_token(consented_by=ada, native_user_name="Ada O.")
    linked("Lumen Shoes EU", token, make_token(consented_by=ben))

    end(token)

    mail = news.built("ada@example.com")
    assert mail.subject == "Lumen Shoes EU goes on through Ben: please re-authenticate"
    for part in (mail.text, mail.html):
        assert "Goes on through Ben" in part
        assert "changed" in part
        assert "/renew/" in part
        assert MARKER not in part


def test_the_mail_of_a_last_log_in_says_that_the_account_is_deactivated_first(ada: User, ben: User) -> None:
    token = make_token(consented_by=ada)
    linked("Aurora", token, make_token(consented_by=ben))
    linked("Zephyr", token)

    end(token)

    mail = news.built()
    assert mail.subject == "Zephyr is deactivated: please re-authenticate (+1 more)"
    assert "Also renews Aurora (goes on through Ben)" in " ".join(mail.text.split())


def test_a_death_is_mailed_once_whatever_happens_after(ada: User) -> None:
    token = make_token(consented_by=ada)
    linked("Lumen", token)

    end(token)
    end(token)
    end(token, Reason.EXPIRED)

    assert news.ends().count() == 1


def test_a_log_in_that_was_renewed_meanwhile_mails_nobody(ada: User) -> None:
    token = make_token(consented_by=ada)
    linked("Lumen", token)
    end(token)
    news.tell()
    Token.objects.update(state="valid", reason="", generation=9)

    with pytest.raises(NotWanted, match="renewed"):
        news.built()


@pytest.mark.parametrize("who", ["switched off", "unknown"])
def test_where_its_person_cannot_be_told_the_team_leads_are_told_of_their_accounts(
    who: str, ada: User
) -> None:
    north, south = make_team("Northwind"), make_team("Southwind")
    for team, email in ((north, "lea@example.com"), (south, "sol@example.com")):
        Membership.objects.create(
            user=make_user(email, name="Lea Brandt"), team=team, role=Membership.Role.TEAM_LEAD
        )
    User.objects.filter(pk=ada.pk).update(is_active=who != "switched off")
    token = make_token(consented_by=ada if who == "switched off" else None, native_user_name="Ada O.")
    for name, team in (("North shop", north), ("South shop", south)):
        account = linked(name, token)
        Account.objects.filter(pk=account.pk).update(team=team)

    end(token)

    mails = dict(news.tell().values_list("recipient", "told__team"))
    assert mails == {"lea@example.com": north.pk, "sol@example.com": south.pk}
    mail = news.built("lea@example.com")
    words = " ".join(mail.text.split())
    assert mail.subject == "North shop is deactivated: nobody can be asked"
    assert "because you lead the team, and whoever linked the account cannot be told" in words
    assert "/reauthenticate/" not in mail.html
    assert "/renew/" not in mail.html
    assert "South shop" not in mail.text + mail.html


def test_where_the_team_has_no_lead_operators_are_told_of_a_stopped_log_in(ada: User, settings: Any) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    User.objects.update(is_active=False)
    token = make_token(consented_by=ada)
    linked("Lumen", token, make_token(consented_by=make_user(name="Ben Lindqvist")))

    end(token)

    mail = news.built("ops@example.com")
    assert mail.subject == "Lumen goes on through Ben"
    assert "an operator of AdToken, and nobody else can be told." in " ".join(mail.text.split())


def test_who_stands_in_no_more_is_not_mailed(ada: User) -> None:
    lead = make_user("lea@example.com")
    Membership.objects.filter(user=lead).update(role=Membership.Role.TEAM_LEAD)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    token = make_token(consented_by=ada)
    linked("Lumen", token)
    end(token)
    news.tell()
    Membership.objects.filter(user=lead).update(role=Membership.Role.MEMBER)

    with pytest.raises(NotWanted, match="no longer leads"):
        news.built("lea@example.com")


def test_a_mail_that_tells_of_several_teams_accounts_is_no_teams(ada: User) -> None:
    token = make_token(consented_by=ada)
    for team in (make_team(), make_team()):
        account = linked("Shop", token)
        Account.objects.filter(pk=account.pk).update(team=team)
    ask_now(people=[[(account, token)]], user=make_user(), note="", now=NOW)

    end(token)

    news.tell()
    assert set(Message.objects.filter(team=None).values_list("kind", flat=True)) == {"news", "ask"}


def test_a_log_in_that_carried_nothing_mails_nobody(ada: User) -> None:
    end(make_token(consented_by=ada))

    assert not news.tell().exists()


def test_staff_ask_and_the_mail_says_who_and_why(ada: User) -> None:
    token = make_token(consented_by=ada, deadline=NOW + 5 * DAY)
    account = linked("Lumen", token)
    mira = make_user(name="Mira Ode")

    ask_now(people=[[(account, token)]], user=mira, note="Before Friday", now=NOW)

    mail = ask_mails.build_ask_mail(Message.objects.get(kind="ask", recipient="ada@example.com"))
    assert mail.subject == "Mira Ode asks you to re-authenticate Facebook"
    assert mail.reply_to == mira.email
    assert "Before Friday" in mail.text
    assert account.events.get(kind="asked").actor == mira


def test_the_mails_to_a_person_lead_to_the_page_that_says_why(ada: User) -> None:
    token = make_token(consented_by=ada)
    account = linked("Lumen", token)
    ask_now(people=[[(account, token)]], user=ada, note="", now=NOW)
    end(token)
    news.tell()

    built = {message: KINDS[message.kind].build(message) for message in Message.objects.all()}

    assert {message.kind for message in built} == {"ask", "news"}
    for message, mail in built.items():
        assert f"/messages/{message.pk}/why/" in mail.text
        assert f"/messages/{message.pk}/why/" in mail.html


def test_an_answered_ask_mails_nobody(ada: User) -> None:
    token = make_token(consented_by=ada)
    account = linked("Lumen", token)
    ask_now(people=[[(account, token)]], user=make_user(), note="", now=NOW)
    Token.objects.update(linked_at=NOW + timedelta(minutes=5))

    with pytest.raises(NotWanted, match="re-authenticated before"):
        ask_mails.build_ask_mail(Message.objects.get())


def test_a_long_name_keeps_the_subject_short(ada: User) -> None:
    token = make_token(consented_by=ada)
    linked("A very long name of an ad account that goes on and on", token)

    end(token)

    assert len(news.built().subject) <= 78


def test_a_mail_speaks_the_time_of_its_reader(ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(time_zone="Asia/Tokyo")
    token = make_token(consented_by=ada)
    linked("Lumen", token)

    end(token)

    assert "18:00 JST" in news.built().text


def test_a_carrier_in_another_team_is_not_named(ada: User) -> None:
    zoe = make_user(name="Zoe Secret", team=make_team())
    token = make_token(consented_by=ada)
    linked("Lumen", token, make_token(consented_by=zoe, native_user_name="Zoe Native"))

    end(token)

    mail = news.built()
    assert mail.subject == "Lumen goes on through someone in another team: please re-authenticate"
    assert "Zoe" not in mail.text + mail.html
