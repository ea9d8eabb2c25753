"""Mails that come back: whose they are is proved, their addresses are parked, and the next in line is told."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from macros.models import Macro, Notice
from notifications import (
    bounce_mailbox,
    bounce_reading,
    bounce_tokens,
    claims,
    delivery,
    parked_mail,
    returns,
)
from notifications.bounce_mailbox import Mailbox
from notifications.models import BounceMailbox, MailReturn, Message
from tests.macros.support import TODAY, ending, make_macro, make_person, noon
from tests.notifications.smtp import MailServer
from tests.notifications.support import make_message
from tests.notifications.test_refused_addresses import ADA, LEAD, lead, morning
from tests.support import imap
from tests.support.factories import NOW
from ui import kept
from users import invitations, refused_addresses
from users.models import AddressEvent, RefusedAddress, Team

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
Why = RefusedAddress.Why

DSN = """Return-Path: <>
From: MAILER-DAEMON@mx.example.net
To: {to}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {of}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {said}

--b
Content-Type: text/rfc822-headers

Subject: Hello
{header}

--b--
"""
ARF = """From: feedback@isp.example.net
To: bounces@adtoken.example
Subject: Complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an abuse report.

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
Version: 1

--b
Content-Type: message/rfc822

Subject: Hello
X-AdToken-Message: {token}

Text
--b--
"""
QMAIL = """Return-Path: <>
From: MAILER-DAEMON@mx.example.net
To: {to}
Subject: failure notice

Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.

<ada@example.com>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 <ada@example.com>: no such user
"""
VACATION = """From: Ada <ada@example.com>
To: {to}
Auto-Submitted: auto-replied
Subject: Away until 550 5.1.1

I read no mails: 550 5.1.1 is my favourite number.
"""


def dsn(
    to: str, *, status: str = "5.1.1", action: str = "failed", said: str = "", header: str = "", of: str = ADA
) -> str:
    said = said or f"550 {status} no"
    return DSN.format(to=to, status=status, action=action, said=said, header=header, of=of)


@pytest.fixture(autouse=True)
def _settings(settings: Any) -> None:
    settings.OPERATOR_EMAILS = []
    settings.BOUNCE_ADDRESS = "bounces@adtoken.example"
    Macro.objects.all().delete()


@pytest.fixture
def box(settings: Any) -> Iterator[imap.Mailbox]:
    with imap.running_mailbox() as found:
        settings.BOUNCE_MAILBOX = Mailbox("127.0.0.1", found.port, imap.USER, imap.PASSWORD, "INBOX", "")
        yield found


def sent(recipient: str = ADA) -> Message:
    """Send a mail of a kind that nobody can stand in for."""
    message = make_message(recipient)
    delivery.deliver(clock=lambda: NOW)
    return message


def deliver(at: datetime) -> None:
    delivery.deliver(clock=lambda: at)


def read(now: datetime = NOW) -> None:
    returns.read_mailbox(now=now)
    returns.act(now=now)


def parked() -> dict[str, str]:
    return dict(RefusedAddress.objects.values_list("email", "why"))


@pytest.mark.usefixtures("at_now")
def test_a_warning_that_comes_back_is_told_to_the_teams_lead_and_so_is_what_waits(
    mail_server: MailServer, box: imap.Mailbox
) -> None:
    lead()
    ending(7, person=make_person(ADA), life=60)
    make_macro(emails=[], notify_consenters=True)
    first = morning(noon(TODAY))
    waits = make_message(ADA, next_attempt_at=noon(TODAY) + DAY)
    [mail] = mail_server.mails
    number = box.put(dsn(mail_server.senders[0], said="550 5.1.1 no such user"))

    read(noon(TODAY) + 60 * MINUTE)
    second = morning(noon(TODAY) + 61 * MINUTE)

    assert (first, second) == ([ADA], [LEAD])
    assert mail["From"].endswith("@testserver>") or "adtoken" in mail["From"].lower()
    assert parked() == {ADA: Why.BOUNCED}
    assert number not in box.mails
    [warning] = Message.objects.filter(kind="macro", recipient=ADA)
    assert (warning.state, "came back: smtp; 550 5.1.1 no such user" in kept.said(warning.error)) == (
        "failed",
        True,
    )
    assert set(Notice.objects.filter(recipient=ADA).values_list("outcome", flat=True)) == {"dropped"}
    waits.refresh_from_db()
    assert (waits.state, "parked" in kept.said(waits.error)) == ("failed", True)


@pytest.mark.usefixtures("at_now")
def test_a_bounce_of_a_mail_that_a_macro_wrote_days_ago_is_told_to_whoever_stands_in_at_once(
    mail_server: MailServer, box: imap.Mailbox
) -> None:
    lead()
    ending(7, person=make_person(ADA), life=60)
    make_macro(emails=[], notify_consenters=True)
    morning(noon(TODAY))
    next_day = noon(TODAY) + DAY
    morning(next_day)
    box.put(dsn(mail_server.senders[0]))

    read(next_day + 60 * MINUTE)

    assert morning(next_day + 61 * MINUTE) == [LEAD]


def test_only_what_holds_the_secret_of_a_mail_parks_its_address(
    mail_server: MailServer, box: imap.Mailbox
) -> None:
    message = sent()
    token = bounce_tokens.token_of(message)
    other = make_message("ben@example.com")
    forged = [
        dsn("bounces@adtoken.example"),
        dsn(f"bounces+{token[:-1]}{'a' if token[-1] != 'a' else 'b'}@adtoken.example"),
        dsn(f"bounces+{bounce_tokens._base36(other.pk)}-{token.partition('-')[2]}@adtoken.example"),
        dsn("bounces@adtoken.example", header=f"Message-ID: {message.message_id}"),
    ]
    for mail in forged:
        box.put(mail)
    read()
    left = (parked(), len(box.mails))
    box.put(dsn("bounces@adtoken.example", header=f"X-AdToken-Message: {token}"))

    read()

    assert left == ({}, len(forged)), "somebody may look at what is not ours"
    assert parked() == {ADA: Why.BOUNCED}


def test_an_older_secret_key_still_proves_a_mail(settings: Any, mail_server: MailServer) -> None:
    token = bounce_tokens.token_of(sent())
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key that is long enough"

    assert bounce_tokens.message_of(token.upper()) is not None
    settings.SECRET_KEY_FALLBACKS = []
    assert bounce_tokens.message_of(token) is None


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        ("5.1.1", "550 5.1.1 no such user", "hard"),
        ("5.0.0", "550 unknown user", "hard"),
        ("5.4.4", "host not found", "hard"),
        ("5.2.2", "552 5.2.2 mailbox full", "soft"),
        ("5.7.1", "550 5.7.1 blocked, see our policy", "policy"),
        ("5.0.0", "554 5.7.1 Relay access denied", "policy"),
        ("", "550 relay not permitted", "policy"),
        ("5.1.8", "sender's domain does not exist", "policy"),
        ("4.4.7", "delivery time expired", "soft"),
        ("", "451 try later", "soft"),
    ],
)
def test_only_what_is_about_the_address_itself_is_believed_at_once(status: str, said: str, kind: str) -> None:
    reading = bounce_reading.read(dsn("x@example.com", status=status, said=said).encode())

    assert reading.report is not None
    assert reading.report.kind == kind


def test_reports_of_several_makes_are_read_and_what_is_none_is_not(
    mail_server: MailServer, box: imap.Mailbox
) -> None:
    one, two, three = (sent(f"{name}@example.com") for name in ("ada", "ben", "cleo"))
    box.put(QMAIL.format(to=bounce_tokens.return_path(one)))
    box.put(ARF.format(token=bounce_tokens.token_of(two)))
    for mail in (
        VACATION.format(to=bounce_tokens.return_path(three)),
        dsn(bounce_tokens.return_path(three), action="delayed", status="4.4.1"),
        "",
        "\xff\xfe garbage",
    ):
        box.put(mail)

    read()

    assert parked() == {"ada@example.com": Why.BOUNCED, "ben@example.com": Why.COMPLAINED}
    assert len(box.mails) == 2, "the two that are nobody's; the others were ours"


def test_a_mail_that_may_pass_is_sent_again_and_the_third_within_days_parks_the_address(
    mail_server: MailServer, box: imap.Mailbox
) -> None:
    message, states = sent(), []
    for hours in (1, 6, 12):
        now = NOW + timedelta(hours=hours)
        box.put(dsn(mail_server.senders[-1], status="5.2.2", said=f"552 5.2.2 full at {hours}"))
        read(now)
        later = now + timedelta(hours=4)
        deliver(later)
        message.refresh_from_db()
        states.append((message.state, len(mail_server.mails), bool(parked())))

    assert states == [("sent", 2, False), ("sent", 3, False), ("failed", 3, True)]
    assert parked() == {ADA: Why.RETURNED}
    assert len({mail["Message-ID"] for mail in mail_server.mails}) == 3


def test_a_mail_that_is_taken_lifts_a_refusal_and_never_what_came_back(mail_server: MailServer) -> None:
    refused_addresses.note(ADA, said="550", now=NOW)
    refused_addresses.note("ben@example.com", said="550", now=NOW, why=Why.BOUNCED)

    refused_addresses.forget([ADA, "ben@example.com"])
    refused_addresses.sweep(now=NOW + 30 * DAY)

    assert parked() == {"ben@example.com": Why.BOUNCED}


def test_an_address_that_is_refused_again_after_its_week_is_not_tried_by_itself_any_more() -> None:
    refused_addresses.note(ADA, said="550", now=NOW)
    refused_addresses.sweep(now=NOW + 7 * DAY)

    refused_addresses.note(ADA, said="550", now=NOW + 8 * DAY)

    assert parked() == {ADA: Why.AGAIN}
    assert refused_addresses.sweep(now=NOW + 40 * DAY) == 0


def test_an_invitation_reaches_a_parked_address_and_accepting_it_releases_it(mail_server: MailServer) -> None:
    boss = make_person("boss@example.com")
    boss.is_superuser = True
    boss.save()
    refused_addresses.note(ADA, said="", now=NOW, why=Why.BOUNCED)
    now = timezone.now()
    invitation = invitations.create(email=ADA, team=Team.default(), invited_by=boss, now=now)
    delivery.deliver(clock=lambda: now + MINUTE)

    invitations.accept(invitation=invitation, name="Ada", password="a long pass phrase", now=now)

    assert mail_server.recipients == [ADA]
    assert not parked()
    assert AddressEvent.objects.filter(email=ADA).values_list("kind", flat=True)[0] == "confirmed"


def test_operators_get_one_mail_about_many_addresses_of_a_dead_domain(
    settings: Any, mail_server: MailServer
) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    now = timezone.now()
    for number in range(40):
        message = make_message(f"person{number}@dead.example", state=Message.State.SENT)
        returns.note(
            source=MailReturn.Source.SERVICE, report_id=str(number), kind=MailReturn.Kind.HARD, recipient="",
            message=message, status="5.4.4", said="host not found", now=now,
        )  # fmt: skip
    returns.act(now=now)
    refused_addresses.note("late@dead.example", said="", now=now, why=Why.BOUNCED)

    written = [parked_mail.tell_operators(now + minutes * MINUTE) for minutes in (0, 1, 2, 30, 62)]
    delivery.deliver(clock=lambda: now + 63 * MINUTE)

    assert written == [0, 1, 0, 0, 0]
    [mail] = mail_server.mails
    assert "41 addresses" in mail["Subject"]
    assert "dead.example (41)" in mail.as_string()


@pytest.mark.parametrize(
    "bent",
    [
        {"hangs_at": "SELECT"},
        {"dribbles": True},
        {"answers": {"UID SEARCH": b"* SEARCH x -1 99999999999999999999\r\nTAG OK"}},
        {"answers": {"UID FETCH": b"* 1 FETCH (BODY[] {99999999999}\r\nabc"}},
        {"answers": {"LOGIN": b"TAG NO a pass word is wrong"}},
        {"answers": {"SELECT": b"\x00\xff garbage"}},
    ],
)
def test_a_mailbox_that_hangs_or_answers_garbage_holds_nothing_up_and_is_noted(
    monkeypatch: pytest.MonkeyPatch, box: imap.Mailbox, bent: dict[str, Any]
) -> None:
    monkeypatch.setattr(bounce_mailbox, "WAITS", 0.5)
    monkeypatch.setattr(bounce_mailbox, "CUT_AFTER", 1.0)
    box.put("Subject: x\n\nx")
    vars(box).update(bent)

    assert returns.read_mailbox(now=NOW) in {0, 1}

    state = BounceMailbox.objects.get()
    if "UID SEARCH" not in bent.get("answers", {}):
        assert state.failed_since == NOW
        assert imap.PASSWORD not in state.error


def test_an_address_that_is_released_while_its_mail_is_claimed_is_mailed(
    mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def claimed(**how: Any) -> list[Message]:
        found = claim(**how)
        refused_addresses.release(ADA, now=NOW)
        return found

    claim = claims.claim
    monkeypatch.setattr(claims, "claim", claimed)
    waits = make_message(ADA)
    refused_addresses.note(ADA, said="550", now=NOW, why=Why.BOUNCED)

    delivery.deliver(clock=lambda: NOW + MINUTE)

    waits.refresh_from_db()
    assert (waits.state, len(mail_server.mails)) == ("sent", 1)
