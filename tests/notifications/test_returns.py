"""Mails that come back: their addresses are parked, and the next in line is told."""

from datetime import timedelta
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent
from django.utils import timezone

from macros.models import Macro, Notice
from notifications.delivery import claims
from notifications.delivery import receivers as returns
from notifications.delivery import rules as statuses
from notifications.delivery import services as delivery
from notifications.mails import tell_operators
from notifications.models import MailReturn, Message
from notifications.outbox import MailKind
from tests.macros.support import TODAY, ending, make_macro, make_person, noon
from tests.notifications.smtp import MailServer
from tests.notifications.support import make_message
from tests.notifications.test_refused_addresses import ADA, LEAD, lead, morning
from tests.support.factories import NOW, make_user
from ui import stored_phrases as kept
from users.addresses import services as refused_addresses
from users.invitations import services as invitations
from users.models import AddressEvent, RefusedAddress, Team

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Why, Kind = RefusedAddress.Why, MailReturn.Kind


@pytest.fixture(autouse=True)
def _settings(settings: Any) -> None:
    settings.OPERATOR_EMAILS = []
    Macro.objects.all().delete()


def came_back(message: Message, kind: MailReturn.Kind, at: Any, said: str = "550 5.1.1 no such user") -> None:
    returns.note_return(report_id=f"{kind} {at}", kind=kind, recipient="", message=message, said=said, now=at)
    message.refresh_from_db()


def parked() -> dict[str, str]:
    return dict(RefusedAddress.objects.values_list("email", "why"))


@pytest.mark.usefixtures("at_now")
@pytest.mark.parametrize("days", [0, 1])
def test_a_warning_that_comes_back_is_told_to_the_teams_lead_and_so_is_what_waits(
    mail_server: MailServer, days: int
) -> None:
    lead()
    ending(7, person=make_person(ADA), life=60)
    make_macro(emails=[], notify_consenters=True)
    at = noon(TODAY) + days * DAY
    first, *_ = [morning(noon(TODAY) + one * DAY) for one in range(days + 1)]
    waits = make_message(ADA, next_attempt_at=at + DAY)
    [warning] = Message.objects.filter(kind="macro", recipient=ADA)

    came_back(warning, Kind.HARD, at + 60 * MINUTE)
    second = morning(at + 61 * MINUTE)

    assert (first, second) == ([ADA], [LEAD])
    assert parked() == {ADA: Why.BOUNCED}
    assert (warning.state, "came back: 550 5.1.1 no such user" in kept.said(warning.error)) == (
        "failed",
        True,
    )
    assert set(Notice.objects.filter(recipient=ADA).values_list("outcome", flat=True)) == {"dropped"}
    waits.refresh_from_db()
    assert (waits.state, "parked" in kept.said(waits.error)) == ("failed", True)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("550 5.1.1 no such user", "hard"),
        ("5.0.0 550 unknown user", "hard"),
        ("5.4.4 host not found", "hard"),
        ("552 5.2.2 mailbox full", "soft"),
        ("550 5.7.1 blocked, see our policy", "soft"),
        ("554 5.7.1 Relay access denied", "soft"),
        ("550 relay not permitted", "soft"),
        ("5.1.8 sender's domain does not exist", "soft"),
        ("4.4.7 delivery time expired", "soft"),
        ("451 try later", "soft"),
    ],
)
def test_only_what_is_about_the_address_itself_is_believed_at_once(said: str, kind: str) -> None:
    assert statuses.kind_of(said) == kind


def test_a_mail_that_may_pass_is_sent_again_and_the_third_within_days_parks_the_address(
    mail_server: MailServer,
) -> None:
    message = make_message(ADA)
    delivery.deliver(clock=lambda: NOW)
    states = []
    for hours in (1, 6, 12):
        came_back(message, Kind.SOFT, NOW + hours * HOUR)
        later = NOW + (hours + 4) * HOUR
        delivery.deliver(clock=lambda at=later: at)  # type: ignore[misc]  # a moment of its own
        message.refresh_from_db()
        states.append((message.state, len(mail_server.mails), bool(parked())))

    assert states == [("sent", 2, False), ("sent", 3, False), ("failed", 3, True)]
    assert parked() == {ADA: Why.BOUNCED}
    assert len({mail["Message-ID"] for mail in mail_server.mails}) == 3


def test_what_came_back_before_an_address_was_released_counts_no_more() -> None:
    sent = [make_message(ADA, state=Message.State.SENT, sent_at=NOW) for _ in range(4)]
    for number, message in enumerate(sent[:3]):
        came_back(message, Kind.SOFT, NOW + number * HOUR)
    before = parked()
    refused_addresses.release_addresses([ADA], now=NOW + DAY, by=make_user("boss@example.com"))

    came_back(sent[3], Kind.SOFT, NOW + 2 * DAY)

    assert before == {ADA: Why.BOUNCED}
    assert (sent[3].state, parked()) == ("queued", {})


def test_a_report_that_cannot_be_acted_on_is_logged_and_holds_up_no_other(
    caplog: pytest.LogCaptureFixture, known_kinds: dict[str, MailKind]
) -> None:
    def breaks(message: Message) -> None:
        raise KeyError("bug")

    known_kinds["breaks"] = MailKind("Breaks", known_kinds["test"].build, breaks)
    make_message("ben@example.com", state=Message.State.SENT, kind="breaks", sent_at=timezone.now())
    make_message(ADA, state=Message.State.SENT, sent_at=timezone.now())

    for number, to in enumerate(("ben@example.com", ADA)):
        event = AnymailTrackingEvent(
            event_type="bounced", event_id=str(number), recipient=to, mta_response="550 5.1.1 gone"
        )
        returns.receive_report(None, event=event)

    assert parked() == {ADA: Why.BOUNCED}
    assert MailReturn.objects.count() == 1, "nothing of the other is kept"
    assert "could not be acted on" in caplog.text


def test_an_invitation_reaches_a_parked_address_and_accepting_it_releases_it(mail_server: MailServer) -> None:
    boss = make_person("boss@example.com")
    boss.is_superuser = True
    boss.save()
    refused_addresses.park_address(ADA, said="", now=NOW, why=Why.BOUNCED)
    now = timezone.now()
    invitation = invitations.create(email=ADA, team=Team.default(), invited_by=boss, now=now)
    delivery.deliver(clock=lambda: now + MINUTE)
    mailed = (mail_server.recipients, parked())

    invitations.accept(invitation=invitation, name="Ada", password="a long pass phrase", now=now)

    assert mailed == ([ADA], {ADA: Why.BOUNCED})
    assert not parked()
    assert AddressEvent.objects.filter(email=ADA).values_list("kind", flat=True)[0] == "confirmed"


def test_the_reader_of_a_mail_that_arrived_releases_the_address_by_using_its_link() -> None:
    refused_addresses.park_address(ADA, said="", now=NOW, why=Why.BOUNCED)

    older = refused_addresses.confirm_address(ADA, mailed_at=NOW - HOUR, now=NOW + HOUR)
    newer = refused_addresses.confirm_address(ADA, mailed_at=NOW + HOUR, now=NOW + 2 * HOUR)

    assert (older, newer, parked()) == (False, True, {})


def test_operators_get_one_mail_about_many_addresses_of_a_dead_domain(
    settings: Any, mail_server: MailServer
) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    now = timezone.now()
    for number in range(5):
        message = make_message(f"person{number}@dead.example", state=Message.State.SENT)
        returns.note_return(
            report_id=str(number),
            kind=Kind.HARD,
            recipient="",
            message=message,
            said="host not found",
            now=now,
        )
    refused_addresses.park_address("late@dead.example", said="", now=now, why=Why.BOUNCED)

    written = [tell_operators(now + minutes * MINUTE) for minutes in (0, 1, 2, 30, 62)]
    delivery.deliver(clock=lambda: now + 63 * MINUTE)

    assert written == [0, 1, 0, 0, 0]
    [mail] = mail_server.mails
    assert "6 addresses" in mail["Subject"]
    assert "dead.example (6)" in mail.as_string()


def test_an_address_that_is_released_while_its_mail_is_claimed_is_mailed(
    mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def claimed(**how: Any) -> Message | None:
        found = claim(**how)
        refused_addresses.release_addresses([ADA], now=NOW)
        return found

    claim = claims.claim_next
    monkeypatch.setattr(claims, "claim_next", claimed)
    waits = make_message(ADA)
    refused_addresses.park_address(ADA, said="550", now=NOW, why=Why.BOUNCED)

    delivery.deliver(clock=lambda: NOW + MINUTE)

    waits.refresh_from_db()
    assert (waits.state, len(mail_server.mails)) == ("sent", 1)
