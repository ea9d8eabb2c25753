"""A mail server that refuses an address for good: somebody else is told, the same morning."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from macros.at_once import services as at_once
from macros.models import Evaluation, Macro, Notice
from macros.warnings import services as evaluation
from notifications.delivery import claims
from notifications.delivery import services as delivery
from notifications.models import Message
from tests.macros.support import TODAY, ending, make_macro, make_person, noon, settle, token_of
from tests.notifications.smtp import MailServer
from tests.notifications.support import make_message
from tests.support import news
from tests.support.ends import end
from tests.support.factories import NOW, link, make_account
from tests.support.leaving import removed
from tokens.models import Token
from ui import stored_phrases as kept
from users.addresses import services as refused_addresses
from users.models import AddressEvent, Membership, Team

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("at_now")]

GONE = "550 5.1.1 no such user here"
ADA, LEAD, OPERATOR = "ada@example.com", "lead@example.com", "ops@example.com"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _nobody_else(settings: Any, mail_server: MailServer) -> None:
    settings.OPERATOR_EMAILS = []
    Macro.objects.all().delete()
    mail_server.refuse[ADA] = GONE


def lead() -> None:
    Membership.objects.create(team=Team.default(), user=make_person(LEAD), role=Membership.Role.TEAM_LEAD)


def deliver(at: datetime) -> None:
    delivery.deliver(clock=lambda: at)


def deliver_thrice() -> None:
    """Send what is due, what follows from its refusal, and what follows from that."""
    for minutes in (1, 2, 3):
        deliver(timezone.now() + minutes * MINUTE)


def remove(token: Token) -> None:
    """Have Mira remove a log-in."""
    removed(token, by=make_person("mira@example.com"), now=NOW)


def morning(now: datetime) -> list[str]:
    """Run the scheduled evaluation and what follows within a quarter of an hour; return who got mail."""
    for minutes in range(0, 15, 5):
        evaluation.evaluate_if_due(now=now + minutes * MINUTE)
        deliver(now + (minutes + 1) * MINUTE)
    return sorted(Message.objects.filter(state="sent").values_list("recipient", flat=True))


def test_a_warning_that_is_refused_is_told_to_the_teams_lead_the_same_morning(
    mail_server: MailServer,
) -> None:
    lead()
    ending(7, person=make_person(ADA), life=60)
    make_macro(emails=[], notify_consenters=True)

    told = morning(noon(TODAY))

    assert told == [LEAD]
    refused = Notice.objects.get(recipient=ADA)
    assert (refused.outcome, "stands in is told" in kept.said(refused.outcome_reason)) == ("dropped", True)
    assert GONE in Message.objects.get(recipient=ADA).error
    assert "cannot be asked" not in mail_server.mails[0].as_string()


def test_where_there_is_no_lead_operators_are_told_and_one_who_is_refused_too_is_not_tried_for_ever(
    settings: Any, mail_server: MailServer
) -> None:
    settings.OPERATOR_EMAILS = [OPERATOR, "second@example.com"]
    mail_server.refuse[OPERATOR] = GONE
    ending(7, person=make_person(ADA), life=60)
    make_macro(emails=["Boss@example.com"], notify_consenters=True)
    mail_server.refuse["boss@example.com"] = GONE

    told = morning(noon(TODAY))

    assert told == ["second@example.com"]
    assert Evaluation.objects.count() == 2
    assert Message.objects.filter(recipient=OPERATOR).count() == 1


def test_a_log_in_that_stopped_is_told_to_the_lead_where_its_person_is_refused(
    mail_server: MailServer,
) -> None:
    lead()
    account = ending(7, person=make_person(ADA))
    end(token_of(account))
    news.tell()

    deliver(timezone.now() + MINUTE)
    at_once.tell_news(timezone.now() + MINUTE)
    deliver(timezone.now() + 2 * MINUTE)

    [mail] = mail_server.mails
    assert mail["To"] == LEAD
    assert "whoever linked the account cannot be told" in " ".join(
        mail.as_string().replace("=\n", "").split()
    )


def test_whoever_stands_in_for_a_refused_lead_is_told_of_that_team_though_told_of_another_before(
    settings: Any, mail_server: MailServer
) -> None:
    settings.OPERATOR_EMAILS = [OPERATOR]
    lead()
    mail_server.refuse[LEAD] = GONE
    token = token_of(ending(7, person=make_person(ADA), name="Lumen Shoes EU"))
    other = make_account("facebook", team=Team.objects.create(name="Without lead"), name="Fern Gardens")
    link(other, token)
    settle(other)
    remove(token)

    deliver_thrice()

    assert mail_server.recipients == [OPERATOR, OPERATOR]
    assert [name in mail.as_string() for mail in mail_server.mails for name in ("Fern", "Lumen")] == [
        True, False, False, True,
    ]  # fmt: skip


def test_a_refused_address_is_not_mailed_until_somebody_frees_it(mail_server: MailServer) -> None:
    first = make_message(ADA)
    deliver(NOW)
    mail_server.refuse.clear()
    claims.send_again(message_id=first.pk, now=NOW)
    deliver(NOW + timedelta(days=30))
    before = list(mail_server.recipients)

    refused_addresses.release_addresses([ADA], now=NOW)
    claims.send_again(message_id=first.pk, now=NOW)
    deliver(NOW + timedelta(days=31))

    assert before == []
    assert mail_server.recipients == [ADA]
    assert AddressEvent.objects.filter(email=ADA).values_list("kind", flat=True)[0] == "released"
