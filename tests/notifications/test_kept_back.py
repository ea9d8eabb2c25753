"""Our own mail server or service takes no mail for days: nothing of that counts as told. Then each reader is told, and truly."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from pytest_django import Settings

from accounts.account_pages import message_rows
from accounts.models import Account
from adtoken_project.ops import lateness
from adtoken_project.ops import start_page as operations_notices
from macros.at_once import services as at_once
from macros.models import Macro, MacroAction, Notice
from macros.warnings import services as evaluation
from macros.why import queries as why
from notifications.delivery import claims
from notifications.delivery import services as delivery
from notifications.models import Message
from tests.macros.support import TODAY, die, ending, make_macro, make_person, noon, revive
from tests.notifications.smtp import MailServer
from tests.notifications.support import make_message
from tests.support.factories import make_user
from users.invitations import services as invitations
from users.models import RefusedAddress, Team, User

pytestmark = pytest.mark.django_db(transaction=True)
ADA, BOSS, BEN = "ada@example.com", "boss@example.com", "ben@example.com"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MORNING = noon(TODAY)


@pytest.fixture(autouse=True)
def _nobody_else(settings: Any) -> Iterator[None]:
    settings.OPERATOR_EMAILS = []
    Macro.objects.all().delete()
    with time_machine.travel(MORNING, tick=False):
        yield


@pytest.fixture
def comes_back(settings: Settings, mail_server: MailServer) -> Callable[[], None]:
    """Take the mail server away; what is returned brings it back."""
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1

    def bring_back() -> None:
        settings.EMAIL_PORT = port

    return bring_back


def _same(now: datetime) -> datetime:
    return now


def pass_time(start: datetime, hours: int, *, step: int = 3) -> datetime:
    """Let the time go by as a worker does: evaluations, what is told at once, and the outbox."""
    now = start
    for _ in range(0, hours, step):
        now += step * HOUR
        with time_machine.travel(now, tick=False):
            evaluation.evaluate_if_due(now=now)
            at_once.tell_news(now)
            for _ in range(3):
                delivery.deliver(clock=partial(_same, now))
    return now


def told(mail_server: MailServer, address: str) -> list[str]:
    """Return the texts that an address got."""
    texts = []
    for mail in mail_server.mails:
        if str(mail["To"]) == address:
            body = mail.get_body(("plain",))
            texts.append(f"{mail['Subject']} {body.get_content() if body else ''}")
    return texts


def states() -> dict[str, int]:
    found: dict[str, int] = {}
    for outcome in Notice.objects.values_list("outcome", flat=True):
        found[outcome] = found.get(outcome, 0) + 1
    return found


def boss() -> User:
    return make_user(BOSS, is_staff=True, is_superuser=True)


def watched() -> tuple[Account, Account, Account]:
    """Ada's three accounts: one ends soon, one is renewed meanwhile, one goes dark meanwhile. Ben escalates after a day."""
    ada = make_person(ADA)
    found = tuple(ending(7, person=ada, life=90, name=name) for name in ("Soon", "Renewed", "Gone dark"))
    macro = make_macro(emails=[], notify_consenters=True, days=(30, 7, 5)).macro
    MacroAction.objects.create(macro=macro, kind="deactivated", emails=[], notify_consenters=True)
    MacroAction.objects.create(macro=macro, kind="escalated", emails=[BOSS], notify_consenters=False, after=1)
    return found  # type: ignore[return-value]  # three


def test_after_three_days_without_a_mail_server_nothing_counts_as_told_and_a_person_reads_how_it_is_now(
    mail_server: MailServer, comes_back: Callable[[], None]
) -> None:
    soon, renewed, dark = watched()

    now = pass_time(MORNING - HOUR, 30, step=6)
    revive(renewed, MORNING + 80 * DAY, now)
    die(dark, now)
    now = pass_time(now, 45, step=9)
    waited = states()
    with time_machine.travel(now, tick=False):
        of_address = [line.text for line in why.about_address(why.what_is_asked(soon, ADA))]
        late = [work.words(now) for work in lateness.late(now) if work.what.startswith("A mail that")]
        start = str(operations_notices._of_mails(now)[0].said)
        head = message_rows.waiting_mails(now, boss())
    comes_back()
    now = pass_time(now, 3)

    text = " ".join(told(mail_server, ADA))
    number = len(told(mail_server, ADA))
    assert set(waited) <= {"waiting", "dropped"}
    assert waited["waiting"] >= 2
    assert "Soon" in text
    assert "Gone dark" in text
    assert "Renewed" not in text
    assert set(Notice.objects.filter(account=soon).values_list("outcome", flat=True)) == {"mailed"}
    assert told(mail_server, BOSS) == []  # nobody was warned a day ago
    assert any("to this address wait" in line for line in of_address)
    assert late
    assert "taken by the mail server" in start
    assert head is not None
    assert head["kept_back"]

    pass_time(now, 24, step=6)

    assert len(told(mail_server, ADA)) == number
    assert len(told(mail_server, BOSS)) == 1  # a day after Ada was told at last
    assert RefusedAddress.objects.count() == 0


def test_an_invitation_that_expired_meanwhile_is_told_to_whoever_invited(
    mail_server: MailServer, comes_back: Callable[[], None], settings: Settings
) -> None:
    settings.INVITATION_DAYS = 2
    by = boss()
    invitations.create(email=ADA, team=Team.default(), invited_by=by, now=MORNING)

    now = pass_time(MORNING, 72, step=12)
    waiting, head = Message.objects.kept_back().count(), message_rows.waiting_mails(now, by)
    comes_back()
    pass_time(now, 6)

    assert (waiting, RefusedAddress.objects.count()) == (1, 0)
    assert head is not None
    assert (head["number"], head["kept_back"]) == ("1", "1")
    assert told(mail_server, ADA) == []
    [text] = told(mail_server, BOSS)
    assert "did not arrive" in text


BLOCKED = "554 5.7.1 <sender@adtoken.example>: sender domain refused"
UNVERIFIED = "554 Message rejected: Email address is not verified."
Set = Callable[[MailServer], None]


def refuse_sender(server: MailServer) -> None:
    async def answer(*_: Any) -> str:
        return "550 5.7.1 sender domain refused"

    server.handle_MAIL = answer  # type: ignore[attr-defined]  # what the library looks for


def refuse_all(answer: str) -> Set:
    return lambda server: server.refuse.update({ADA: answer, BEN: answer})


def refuse_bodies(server: MailServer) -> None:
    server.data_answers = [UNVERIFIED] * 40


@pytest.mark.parametrize(
    ("cause", "parked"),
    [
        (refuse_sender, None),
        (refuse_all(BLOCKED), "refused"),
        (refuse_all("451 4.3.0 queue file write error"), "refused"),
        (refuse_bodies, "refused"),
    ],
)
def test_what_is_refused_to_everybody_is_not_given_up_and_to_one_alone_is(
    mail_server: MailServer, cause: Set, parked: str | None
) -> None:
    cause(mail_server)
    message = make_message(ADA, queued_at=MORNING - 7 * HOUR, next_attempt_at=MORNING)

    delivery.deliver(clock=lambda: MORNING)

    message.refresh_from_db()
    assert (message.state, RefusedAddress.objects.count()) == ("queued", 0)
    assert message.waits_since is not None
    assert message.waits_since <= MORNING

    for hours in (1, 50):  # others get their mails
        later = MORNING + hours * HOUR
        make_message("carl@example.com", state="sent", sent_at=later, created_at=later)
        Message.objects.filter(pk=message.pk).update(next_attempt_at=later, failures=claims.GIVEN_UP_TRIES)
        delivery.deliver(clock=partial(_same, later))
        if hours == 1:
            assert Message.objects.kept_back().exists() == (parked is None)

    message.refresh_from_db()
    assert message.state == ("failed" if parked else "queued")
    assert list(RefusedAddress.objects.values_list("why", flat=True)) == [parked] * bool(parked)
