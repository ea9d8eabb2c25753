"""A mail that is refused for two days is given up: whose address it was is parked, and somebody else is told."""

from datetime import timedelta
from typing import Any

import pytest

from macros.models import Macro, Notice
from notifications.delivery import claims
from notifications.delivery import services as delivery
from notifications.models import Message
from tests.macros.support import TODAY, ending, make_macro, make_person, noon
from tests.notifications.smtp import MailServer
from tests.notifications.support import make_message
from tests.notifications.test_refused_addresses import ADA, LEAD, lead, morning
from tests.support.factories import NOW
from users.models import RefusedAddress

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("at_now")]
TWO_DAYS = timedelta(hours=48)


@pytest.fixture(autouse=True)
def _nobody_else(settings: Any) -> None:
    settings.OPERATOR_EMAILS = []
    Macro.objects.all().delete()


def parked() -> dict[str, str]:
    return dict(RefusedAddress.objects.values_list("email", "why"))


def refused_for_two_days(mail_server: MailServer, answer: str, *, to: str = ADA) -> Message:
    mail_server.refuse[to] = answer
    message = make_message(to, queued_at=NOW - TWO_DAYS, failures=claims.GIVEN_UP_TRIES)
    delivery.deliver(clock=lambda: NOW)
    message.refresh_from_db()
    return message


def test_a_warning_to_a_mailbox_that_is_full_for_two_days_is_told_to_the_teams_lead(
    mail_server: MailServer,
) -> None:
    lead()
    ending(7, person=make_person(ADA), life=60)
    make_macro(emails=[], notify_consenters=True)
    mail_server.refuse[ADA] = "452 4.2.2 mailbox full"
    first = morning(noon(TODAY))

    Message.objects.filter(state="queued").update(failures=claims.GIVEN_UP_TRIES)
    delivery.deliver(clock=lambda: noon(TODAY) + TWO_DAYS)
    told = morning(noon(TODAY) + TWO_DAYS + timedelta(minutes=1))

    assert (first, told) == ([], [LEAD])
    assert parked() == {ADA: "refused"}
    assert set(Notice.objects.filter(recipient=ADA).values_list("outcome", flat=True)) == {"dropped"}


@pytest.mark.parametrize(
    ("answer", "others", "state", "why"),
    [
        ("450 4.2.1 try later", False, "failed", {ADA: "refused"}),
        ("554 5.7.1 <ada@example.com>: Relay access denied", False, "queued", {}),
        ("550 5.7.1 blocked by our list", True, "failed", {ADA: "refused"}),
        ("530 Authentication required", True, "queued", {}),
    ],
)
def test_what_is_about_us_parks_nobody_while_no_mail_gets_through(
    mail_server: MailServer, answer: str, others: bool, state: str, why: dict[str, str]
) -> None:
    if others:
        make_message("ben@example.com", state=Message.State.SENT, sent_at=NOW)

    message = refused_for_two_days(mail_server, answer)

    assert (message.state, parked()) == (state, why)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("550 5.1.1 no such user", {ADA: "refused"}),
        ("552 5.2.2 mailbox full", {ADA: "refused"}),
    ],
)
def test_a_server_that_says_only_after_the_body_that_the_address_is_none_is_believed(
    mail_server: MailServer, answer: str, why: dict[str, str]
) -> None:
    mail_server.data_answers = [answer]
    message = make_message(ADA)

    delivery.deliver(clock=lambda: NOW)

    message.refresh_from_db()
    assert (message.state, parked()) == ("failed", why)
