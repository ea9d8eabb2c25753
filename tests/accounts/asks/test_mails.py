"""What follows from whom a mail of an ask is to: where it goes, and whether it leaves."""

import pytest
from django.utils import timezone

from accounts.asks import inviting, links, mails
from accounts.models import Ask
from notifications.models import Message
from notifications.outbox import NotWanted
from tests.accounts.test_backups import carried, log_in
from tests.support.asking import ask_now
from tests.support.factories import make_team, make_user

pytestmark = pytest.mark.django_db


def asked(**payload: object) -> Message:
    return Message(kind="ask", recipient="ada@example.com", payload=payload)


def test_a_client_link_stays_at_its_address_and_what_a_person_is_asked_goes_along_to_a_new_one() -> None:
    assert mails.of_address(asked(asks=[1]))
    assert not mails.of_address(asked(asks=[1], user=1))


def test_of_what_is_asked_only_a_new_link_that_its_reader_wanted_is_sent_to_a_parked_address() -> None:
    assert mails.brings_back(asked(tokens=[1], user=1))
    assert not mails.brings_back(asked(asks=[1], tokens=[1], user=1))
    assert not mails.brings_back(asked(asks=[1]))


def test_what_a_person_was_asked_is_not_sent_once_they_are_deleted_and_their_address_is_somebody_elses() -> (
    None
):
    token = log_in("Ada")
    account, ada = carried(token), token.consented_by
    assert ada is not None
    ask_now(people=[[(account, token)]], user=make_user(), note="", now=timezone.now())
    email = ada.email

    ada.delete()
    make_user(email, name="Another Ada")

    with pytest.raises(NotWanted, match="no longer log in"):
        mails.build_mail(Message.objects.get(kind="ask"))


def test_of_two_client_links_in_one_mail_the_one_that_is_left_is_asked_for_alone() -> None:
    mira, accounts = make_user("mira@example.com", name="Mira Ode"), []
    for name in ("Blue", "Red"):
        team = make_team(name)
        team.memberships.create(user=mira)
        accounts.append(carried(log_in(f"Person of {name}"), team=team))
    facts = {"email": "client@example.com", "by": mira, "now": timezone.now(), "without_account": True}
    inviting.invite_to_link(accounts=accounts, **facts)  # type: ignore[arg-type]  # facts of a call
    blue, red = Ask.objects.client_links().order_by("team__name")

    links.revoke_link(link=blue, by=mira, now=timezone.now())

    text = mails.build_mail(Message.objects.get(recipient="client@example.com")).text
    assert red.link_address in text
    assert blue.link_address not in text
    assert "of the team Red would like" in " ".join(text.split())
