"""Several mails at once, over real SMTP: servers that hang, take few connections, or answer letter by letter."""

import asyncio
import os
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from notifications import claims, delivery, kinds
from notifications.models import Message
from portal import first_steps
from tests.notifications.conftest import KIND, build
from tests.notifications.smtp import MailServer
from tests.notifications.support import make_message
from tests.support.factories import NOW
from users import hold, liveness

pytestmark = pytest.mark.django_db(transaction=True)
State = Message.State
PROJECT = Path(__file__).parents[2]
DELIVER = "import django; django.setup(); from notifications import delivery; delivery.deliver()"


@pytest.fixture(autouse=True)
def _no_long_waits(settings: Settings) -> None:
    settings.EMAIL_TIMEOUT = 5


def deliver(**options: Any) -> delivery.Tally:
    return delivery.deliver(clock=lambda: NOW, **options)


def make_messages(count: int, domain: str = "example.com") -> list[Message]:
    return [make_message(f"reader{number}@{domain}") for number in range(count)]


class Gate:
    """Holds whoever comes until so many are there; those who come later pass."""

    def __init__(self, count: int) -> None:
        self.missing, self.open = count, asyncio.Event()

    async def pass_(self) -> None:
        self.missing -= 1
        if self.missing <= 0:
            self.open.set()
        await self.open.wait()


def test_as_many_mails_as_the_setting_says_are_on_their_way_at_once(
    mail_server: MailServer, settings: Settings
) -> None:
    settings.MAIL_CONNECTIONS = 4
    make_messages(1)  # opens the way for the others
    deliver()
    make_messages(8, "example.net")
    first, four = Gate(1), Gate(4)

    async def hold_four() -> None:
        await (four if first.missing <= 0 else first).pass_()

    mail_server.before_data = hold_four

    tally = deliver()

    assert (tally.sent, tally.retried, mail_server.connections) == (8, 0, 1 + 4)


def test_while_one_mail_hangs_the_others_leave(mail_server: MailServer, settings: Settings) -> None:
    settings.MAIL_CONNECTIONS = 2
    make_messages(1)
    hangs = make_message("ada@hangs.example")
    make_messages(5)
    through = asyncio.Event()

    async def wait_for_the_others(_transport: Any) -> None:
        await through.wait()

    mail_server.before_rcpt["hangs.example"] = wait_for_the_others
    mail_server.on_data = lambda: through.set() if len(mail_server.mails) == 6 else None

    tally = deliver()

    hangs.refresh_from_db()
    assert (tally.sent, tally.retried, hangs.state) == (7, 0, State.SENT)
    assert mail_server.recipients[-1] == "ada@hangs.example"


def test_a_domain_whose_mails_hang_takes_half_of_the_connections(
    mail_server: MailServer, settings: Settings
) -> None:
    settings.MAIL_CONNECTIONS = 4
    make_messages(1)
    make_messages(6, "hangs.example")
    make_messages(8, "example.net")
    through = asyncio.Event()

    async def wait_for_the_others(_transport: Any) -> None:
        await through.wait()

    mail_server.before_rcpt["hangs.example"] = wait_for_the_others
    mail_server.on_data = lambda: through.set() if len(mail_server.mails) == 9 else None

    tally = deliver()

    assert (tally.sent, tally.retried) == (15, 0)
    assert not any(address.endswith("hangs.example") for address in mail_server.recipients[:9])


def test_a_server_that_takes_few_connections_gets_few_and_no_mail_counts_as_refused(
    mail_server: MailServer, settings: Settings
) -> None:
    settings.MAIL_CONNECTIONS = 6
    mail_server.most_connections = 2
    messages = make_messages(20)

    async def take_a_moment() -> None:
        await asyncio.sleep(0.05)

    mail_server.before_data = take_a_moment

    tally = deliver()

    assert (tally.sent, tally.retried, tally.failed) == (20, 0, 0)
    assert mail_server.turned_away > 0
    rows = Message.objects.filter(pk__in=[one.pk for one in messages])
    assert set(rows.values_list("failures", "attempts", "error")) == {(0, 1, "")}


def test_a_connection_that_the_server_ends_costs_its_mail_nothing(
    mail_server: MailServer, settings: Settings
) -> None:
    settings.MAIL_CONNECTIONS = 1
    make_messages(3)
    taken = iter([None, "421 4.7.0 that many mails are enough", None, None])

    async def end_the_second() -> None:
        if answer := next(taken):
            mail_server.data_answers.append(answer)

    mail_server.before_data = end_the_second

    tally = deliver()

    assert (tally.sent, tally.retried, mail_server.connections) == (3, 0, 2)
    assert set(Message.objects.values_list("failures", "attempts")) == {(0, 1)}


def test_a_recipient_for_whom_the_server_ends_every_connection_is_tried_again_later(
    mail_server: MailServer, settings: Settings
) -> None:
    settings.MAIL_CONNECTIONS = 1
    make_messages(1)
    make_message("ada@slow.example")
    make_messages(1, "example.net")
    mail_server.refuse["ada@slow.example"] = "421 4.7.0 deferred"

    tally = deliver()

    assert (tally.sent, tally.retried) == (2, 1)
    assert Message.objects.get(recipient="ada@slow.example").failures == 1


def test_a_server_that_answers_letter_by_letter_is_given_up(
    mail_server: MailServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAIL_CONNECTIONS, settings.EMAIL_TIMEOUT = 2, 60
    monkeypatch.setattr(delivery, "CUT_AFTER", 0.5)
    make_messages(1)
    trickles = make_message("ada@trickles.example")
    make_messages(2)

    async def answer_slowly(transport: Any) -> None:
        while not transport.is_closing():
            transport.write(b"2")
            await asyncio.sleep(0.05)

    mail_server.before_rcpt["trickles.example"] = answer_slowly

    tally = deliver()

    trickles.refresh_from_db()
    assert (tally.sent, tally.retried, trickles.state) == (3, 1, State.QUEUED)


def test_mails_to_one_reader_arrive_in_their_order(mail_server: MailServer, settings: Settings) -> None:
    settings.MAIL_CONNECTIONS = 4
    for number in range(12):
        make_message(f"reader{number % 2}@example.com", payload={"subject": f"Mail {number:02}"})
    waits = iter([0.0, 0.08, 0.02] * 4)

    async def take_a_moment() -> None:
        await asyncio.sleep(next(waits))

    mail_server.before_data = take_a_moment

    tally = deliver()

    subjects: dict[str, list[str]] = {}
    for mail in mail_server.mails:
        subjects.setdefault(str(mail["To"]), []).append(str(mail["Subject"]))
    assert tally.sent == 12
    assert [found == sorted(found) for found in subjects.values()] == [True, True]


def test_what_was_claimed_and_not_sent_is_given_back_when_a_worker_stops(
    mail_server: MailServer, settings: Settings
) -> None:
    settings.MAIL_CONNECTIONS = 2
    make_messages(8)

    tally = deliver(goes_on=lambda: len(mail_server.mails) < 2)

    rows = Message.objects.exclude(state=State.SENT)
    assert 2 <= tally.sent < 8
    assert set(rows.values_list("state", "attempts", "claimed_until")) == {(State.QUEUED, 0, None)}


def test_a_hold_that_begins_meanwhile_lets_nothing_more_leave(
    mail_server: MailServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAIL_CONNECTIONS = 1
    make_messages(5)
    current = hold.current
    monkeypatch.setattr(hold, "current", lambda: "held" if mail_server.mails else current())

    tally = deliver()

    assert (tally.sent, len(mail_server.mails)) == (1, 1)


def test_what_is_on_its_way_is_recorded_though_something_of_ours_fails(
    mail_server: MailServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAIL_CONNECTIONS = 2
    make_messages(1)
    deliver()
    [under_way] = make_messages(1, "example.net")
    claim, tries = claims.claim, Counter[str]()

    def fail_later(**options: Any) -> list[Message]:
        tries["claims"] += 1
        if tries["claims"] > 1:
            raise LookupError("a bug")
        return claim(**options)

    monkeypatch.setattr(claims, "claim", fail_later)

    with pytest.raises(LookupError):
        deliver()

    under_way.refresh_from_db()
    assert under_way.state == State.SENT


def test_a_message_whose_senders_vanished_twice_is_sent_alone_so_that_no_other_is_blamed(
    mail_server: MailServer, settings: Settings, known_kinds: dict[str, kinds.Kind]
) -> None:
    settings.MAIL_CONNECTIONS = 4
    suspect = make_message(
        "ada@example.net", lost_claims=claims.SUSPECT, next_attempt_at=NOW - timedelta(hours=1)
    )
    make_messages(6)
    beside: list[int] = []

    def look(message: Message) -> kinds.Mail:
        if message.pk == suspect.pk:
            beside.append(Message.objects.filter(state=State.SENDING).exclude(pk=suspect.pk).count())
        return build(message)

    known_kinds[KIND] = kinds.Kind("Test", look)

    tally = deliver()

    assert (tally.sent, beside) == (7, [0])


def test_a_message_that_kills_its_sender_takes_no_other_along(
    mail_server: MailServer, settings: Settings
) -> None:
    """Claims of eight run out again and again, as of a process that one of them kills."""
    settings.MAIL_CONNECTIONS = 4
    poison, *others = make_messages(8)
    at = NOW
    for _ in range(claims.SUSPECT):
        assert len(claims.claim(now=at, most=8)) == 8
        at += liveness.CLAIM + timedelta(seconds=1)
    while taken := claims.claim(now=at, most=1, suspects=True):
        if taken == [poison]:
            at += liveness.CLAIM + timedelta(seconds=1)
            if claims.fail_poison_messages(now=at):
                break
        else:
            claims.record_sent(taken[0], claims.Sent("", "", ""), now=at)

    for message in (poison, *others):
        message.refresh_from_db()
    assert poison.state == State.FAILED
    assert all(message.state != State.FAILED for message in others)
    delivery.deliver(clock=lambda: at)
    assert Message.objects.filter(state=State.SENT).count() == 7


# --- a sender that is killed ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_sender_killed_among_many_mails_loses_none_and_doubles_only_those_on_their_way(
    mail_server: MailServer, settings: Settings
) -> None:
    many, at_once = 40, 4
    for number in range(many):
        Message.objects.create(
            kind=first_steps.TEST, recipient=f"reader{number}@example.com", dedupe_key=f"kill:{number}"
        )
    database = connection.settings_dict
    killed = threading.Event()

    async def take_a_moment() -> None:
        await asyncio.sleep(0.05)

    mail_server.before_data = take_a_moment
    mail_server.on_data = lambda: killed.set() if len(mail_server.mails) == 14 else None
    sender = subprocess.Popen(
        [sys.executable, "-c", DELIVER],
        cwd=PROJECT,
        env=os.environ
        | {
            "DATABASE_URL": os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{database['NAME']}",
            "EMAIL_URL": f"smtp://127.0.0.1:{settings.EMAIL_PORT}",
            "MAIL_CONNECTIONS": str(at_once),
            "DJANGO_SETTINGS_MODULE": "adtoken_project.settings",
        },
    )
    try:
        assert killed.wait(60)
    finally:
        sender.kill()
        sender.wait()

    later = max(one.claimed_until for one in Message.objects.filter(state=State.SENDING) if one.claimed_until)
    delivery.deliver(clock=lambda: later + timedelta(seconds=1))

    came = Counter(mail_server.recipients)
    assert len(came) == many, "lost"
    assert sum(came.values()) - many <= at_once, "doubled"
    ids = {str(mail["Message-ID"]) for mail in mail_server.mails}
    assert len(ids) == many, "a repeat has the same Message-ID"
    assert Message.objects.filter(state=State.SENT).count() == many
