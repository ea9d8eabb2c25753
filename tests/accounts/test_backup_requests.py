"""Asking before a colleague's log-in backs up an account: who is asked, what the answers do, what ends by itself."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.asks import mails
from accounts.asks import services as endings
from accounts.backups import services as backing_up
from accounts.models import Account, AccountEvent, Ask, AskLine
from notifications.models import Message
from notifications.outbox import NotWanted
from tests.accounts.test_backups import add_backups, at_hand, carried, log_in, offered, reaches
from tests.portal.support import pool_url, staff
from tests.support.factories import link, make_team, make_token, make_user
from tokens.models import Token
from users.models import Team, User
from users.people.models import AUDITORS_GROUP

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
PAGE = "backup_requests"


@pytest.fixture
def team() -> Team:
    return make_team(ask_backups=True)


def alone(team: Team, *reaching: Token, **fields: Any) -> Account:
    account = carried(log_in("Ada", team=team, person=make_user(team=team)), team=team, **fields)
    for token in reaching:
        reaches(token, account)
    return account


def press(account: Account, token: Token, actor: User | None = None, note: str = "") -> backing_up.Outcome:
    return add_backups({account.pk: token.pk}, actor or make_user(name="Stella"), note)


def person_of(token: Token) -> User:
    assert token.consented_by is not None
    return token.consented_by


def logged_in(token: Token) -> Client:
    client = Client()
    client.force_login(person_of(token))
    return client


def said(response: Any) -> str:
    return " ".join(str(one) for one in get_messages(response.wsgi_request))


def test_the_press_asks_where_the_team_wants_that_and_adds_nobody(team: Team) -> None:
    emil = log_in("Emil", team=team)
    account = alone(team, emil)

    outcome = press(account, emil, note="holidays")

    request = AskLine.objects.get()
    assert (outcome.added, [offer.token for offer in outcome.asked]) == ([], [emil])
    assert (request.account, request.token, request.stage, request.ask.note) == (
        account,
        emil,
        "waiting",
        "holidays",
    )
    assert account.pool.count() == 1
    assert account.events.filter(kind=AccountEvent.Kind.BACKUP_ASKED, token=emil).count() == 1
    assert list(Message.objects.values_list("kind", "recipient")) == [("ask", "emil@example.com")]


def test_a_log_in_that_serves_nothing_of_a_team_is_asked_for_whatever_the_team_says_until_its_person_agreed() -> (
    None
):
    fern = make_team()
    emil = log_in("Emil", team=fern)
    carried(emil, team=make_team())
    first, second, third = alone(fern), alone(fern), alone(fern)
    reaches(emil, first, second, third, serves=False)

    asked = [press(one, emil).asked for one in (first, second)]
    backing_up.answer_requests(
        person=person_of(emil), line_ids=[first.ask_lines.get().pk], agree=True, now=timezone.now()
    )

    assert [len(one) for one in asked] == [1, 1]
    assert [offer.token for offer in press(third, emil).added] == [emil]


def test_ones_own_log_in_and_a_system_user_need_no_agreement(team: Team) -> None:
    emil = log_in("Emil", team=team)
    system = make_token(kind="system", team=team, first_linked_at=timezone.now())
    first, second = alone(team, emil), alone(team, system)

    added = [press(first, emil, person_of(emil)).added, press(second, system).added]

    assert [len(one) for one in added] == [1, 1]
    assert not AskLine.objects.exists()
    assert not Message.objects.exists()  # whoever did it knows


def test_many_accounts_are_one_mail_that_lists_who_asks_and_leads_to_the_page(team: Team) -> None:
    emil, actor = log_in("Emil", team=team), make_user("stella@example.com", name="Stella Staff")
    accounts = [alone(team, emil, name=f"Shop {number}") for number in range(3)]

    add_backups({one.pk: emil.pk for one in accounts}, actor, "holidays")

    mail = mails.build_ask_mail(Message.objects.get())
    text = " ".join(mail.text.split())
    assert mail.subject == "An administrator asks whether your Facebook log-in may back up 3 accounts"
    assert "“holidays”" in text
    assert reverse(PAGE) in text


def test_who_was_asked_is_not_asked_twice_nor_offered_meanwhile(team: Team) -> None:
    emil = log_in("Emil", team=team)
    account = alone(team, emil)
    before = at_hand()
    press(account, emil)

    press(account, emil)

    assert AskLine.objects.count() == 1
    assert before == {account.pk}
    assert Message.objects.count() == 1
    assert offered(account) == []
    assert at_hand() == set()


def test_agreeing_to_all_on_the_page_adds_the_backups(team: Team) -> None:
    emil = log_in("Emil", team=team)
    accounts = [alone(team, emil, name=f"Shop {number}") for number in range(2)]
    for account in accounts:
        press(account, emil, note="holidays")
    client = logged_in(emil)

    page = unescape(client.get(reverse(PAGE)).content.decode())
    ids = [one.pk for one in AskLine.objects.all()]
    answer = client.post(reverse(PAGE), {"agree": "1", "request": ids})

    assert "Shop 0" in page
    assert "holidays" in page
    assert said(answer) == "Thank you. Your log-in backs up 2 accounts now."
    for account in accounts:
        account.refresh_from_db()
        assert account.people_count == 2
    assert set(AskLine.objects.values_list("stage", flat=True)) == {"done"}
    event = accounts[0].events.get(kind=AccountEvent.Kind.LINKED)
    assert (event.cause, event.actor) == ("backup_agreed", person_of(emil))
    assert "Nobody asks you" in client.get(reverse(PAGE)).content.decode()


def test_declining_one_leaves_the_others_and_staff_read_it_on_the_account(team: Team, client: Client) -> None:
    emil = log_in("Emil", team=team)
    first, second = alone(team, emil), alone(team, emil)
    for account in (first, second):
        press(account, emil)

    answer = logged_in(emil).post(reverse(PAGE), {"decline": "1", "request": [first.ask_lines.get().pk]})

    staff(client, "accounts.add_backup", team=team)
    page = " ".join(unescape(client.get(pool_url(first)).content.decode()).split())
    assert said(answer) == "Declined: 1 account. Nothing changes there."
    assert [one.ask_lines.get().stage for one in (first, second)] == ["declined", "waiting"]
    assert "Emil declined" in page
    assert offered(first) == []
    assert "Emil was asked" in " ".join(client.get(pool_url(second)).content.decode().split())
    assert first.pool.count() == 1


def test_who_declined_is_not_offered_through_another_log_in_either(team: Team) -> None:
    emil = log_in("Emil", team=team)
    other = log_in("Emil again", person=person_of(emil))
    account = alone(team, emil, other)
    press(account, emil)

    backing_up.answer_requests(
        person=person_of(emil),
        line_ids=[account.ask_lines.get().pk],
        agree=False,
        now=timezone.now(),
    )

    assert offered(account) == []
    assert at_hand() == set()


def test_nobody_answers_for_another_person(team: Team) -> None:
    emil, fay = log_in("Emil", team=team), log_in("Fay", team=team)
    account = alone(team, emil)
    press(account, emil)

    logged_in(fay).post(reverse(PAGE), {"agree": "1", "request": [account.ask_lines.get().pk, "x", "9" * 30]})

    assert account.ask_lines.get().stage == "waiting"
    assert account.pool.count() == 1


def test_who_lost_the_account_before_agreeing_adds_nothing_and_reads_why(team: Team) -> None:
    emil = log_in("Emil", team=team)
    account = alone(team, emil)
    press(account, emil)
    emil.reached.all().delete()

    answer = logged_in(emil).post(reverse(PAGE), {"agree": "1", "request": [account.ask_lines.get().pk]})

    assert (
        said(answer) == "1 account could not be added: your log-in no longer reaches it, or may not be used."
    )
    assert account.ask_lines.get().stage == "left"
    assert account.pool.count() == 1


def test_a_request_ends_after_14_days_or_when_it_makes_no_sense_any_more(team: Team) -> None:
    old, dead, linked, kept = (log_in(name, team=team) for name in ("Old", "Dead", "Linked", "Kept"))
    account = alone(team, old, dead, linked, kept)
    for token in (old, dead, linked, kept):
        press(account, token)
    Ask.objects.filter(lines__token=old).update(ends_at=timezone.now() - DAY)
    Token.objects.filter(pk=dead.pk).update(state="dead", reason="password_changed")
    link(account, linked)

    ended = endings.end_due_asks(now=timezone.now())

    assert ended == 3
    assert AskLine.objects.get(stage="waiting").token == kept


def test_the_mail_is_not_sent_where_all_was_answered_before(team: Team) -> None:
    emil = log_in("Emil", team=team)
    account = alone(team, emil)
    press(account, emil)
    backing_up.answer_requests(
        person=person_of(emil),
        line_ids=[account.ask_lines.get().pk],
        agree=False,
        now=timezone.now(),
    )

    with pytest.raises(NotWanted):
        mails.build_ask_mail(Message.objects.get())


def test_an_auditor_declines_and_does_not_agree(team: Team) -> None:
    emil = log_in("Emil", team=team)
    account = alone(team, emil)
    press(account, emil)
    person = person_of(emil)
    person.is_staff = True
    person.save()
    person.groups.add(Group.objects.get_or_create(name=AUDITORS_GROUP)[0])
    client, request = logged_in(emil), account.ask_lines.get().pk

    agreed = client.post(reverse(PAGE), {"agree": "1", "request": [request]})
    client.post(reverse(PAGE), {"decline": "1", "request": [request]})

    assert agreed.status_code == 403
    assert account.ask_lines.get().stage == "declined"
    assert account.pool.count() == 1
