"""What happens to a message on its way out, over real SMTP."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from pytest_django import Settings

from infra import liveness
from notifications.delivery import claims
from notifications.delivery import services as delivery
from notifications.models import Message
from notifications.outbox import KINDS, Mail, MailKind, NotWanted
from tests.notifications.conftest import KIND, build
from tests.notifications.smtp import MailServer
from tests.notifications.support import claim_next, make_message
from tests.support.factories import NOW, make_team, make_user
from ui import stored_phrases as kept

pytestmark = pytest.mark.django_db(transaction=True)
State = Message.State


def deliver(at: datetime = NOW, **options: Any) -> delivery.Tally:
    return delivery.deliver(clock=lambda: at, **options)


def test_a_due_message_is_sent_and_what_was_sent_is_kept(mail_server: MailServer) -> None:
    message = make_message()

    tally = deliver()

    message.refresh_from_db()
    [mail] = mail_server.mails
    assert (tally.sent, message.state, message.sent_at) == (1, State.SENT, NOW)
    assert mail["Subject"] == message.subject == "Hello"
    assert mail["Message-ID"] == message.message_id
    assert mail["Auto-Submitted"] == "auto-generated"
    assert message.text.strip() == "Text for you"
    assert 'style="color: red;"' in message.html


def test_a_message_that_is_not_due_stays(mail_server: MailServer) -> None:
    make_message(next_attempt_at=NOW + timedelta(seconds=1))

    tally = deliver()

    assert (tally, mail_server.mails) == (delivery.Tally(), [])


def test_the_text_with_a_secret_link_is_sent_and_the_other_is_kept(
    mail_server: MailServer, known_kinds: dict[str, MailKind]
) -> None:
    mail = Mail(
        subject="s",
        text="link/secret",
        html="<p>link/secret</p>",
        stored_text="link/…",
        stored_html="<p>link/…</p>",
    )
    known_kinds[KIND] = MailKind("Test", lambda _message: mail)
    message = make_message()

    deliver()

    message.refresh_from_db()
    assert "link/secret" in mail_server.mails[0].as_string()
    assert "secret" not in message.text + message.html


@pytest.mark.parametrize("answer", ["451 4.7.1 greylisted", "452 4.2.2 mailbox full"])
def test_a_passing_refusal_backs_off_and_is_sent_later_with_the_same_message_id(
    mail_server: MailServer, answer: str
) -> None:
    message = make_message()
    mail_server.refuse["ada@example.com"] = answer
    deliver()
    message.refresh_from_db()
    first_id, wait = message.message_id, message.next_attempt_at - NOW
    mail_server.refuse.clear()

    deliver(message.next_attempt_at)

    message.refresh_from_db()
    assert timedelta(seconds=48) <= wait <= timedelta(seconds=72)
    assert (message.state, message.attempts, message.error) == (State.SENT, 2, "")
    assert mail_server.mails[0]["Message-ID"] == first_id == message.message_id


def test_a_permanent_refusal_fails_at_once_with_the_servers_words(mail_server: MailServer) -> None:
    message = make_message()
    mail_server.refuse["ada@example.com"] = "550 5.1.1 no such mailbox"

    deliver()

    message.refresh_from_db()
    assert (message.state, message.attempts) == (State.FAILED, 1)
    assert "550 5.1.1 no such mailbox" in message.error


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("554 5.1.1 no such user", State.FAILED),
        ("554 5.6.0 no", State.QUEUED),
        ("451 4.3.0 later", State.QUEUED),
        ("552 5.7.0 blocked", State.QUEUED),
    ],
)
def test_the_digits_of_a_refused_body_decide(mail_server: MailServer, answer: str, state: str) -> None:
    message = make_message()
    mail_server.data_answers = [answer]

    deliver()

    message.refresh_from_db()
    assert message.state == state


def test_an_address_that_is_none_fails_at_once(mail_server: MailServer) -> None:
    message = make_message("no address\n@example.com")

    deliver()

    message.refresh_from_db()
    assert message.state == State.FAILED
    assert message.error


def test_one_bad_message_does_not_stop_the_others(
    mail_server: MailServer, known_kinds: dict[str, MailKind]
) -> None:
    def broken(_message: Message) -> Mail:
        raise KeyError("bug")

    known_kinds["broken"] = MailKind("Broken", broken)
    bug = make_message(kind="broken")
    no_builder = make_message(kind="unheard of")
    refused = make_message("gone@example.com")
    mail_server.refuse["gone@example.com"] = "550 gone"
    good = make_message()

    tally = deliver()

    assert (tally.sent, tally.retried, tally.failed) == (1, 1, 2)
    for message in (bug, no_builder, refused, good):
        message.refresh_from_db()
    assert kept.said(bug.error) == "The mail could not be made (KeyError)."
    assert kept.said(no_builder.error) == "Nothing builds messages of kind “unheard of”."
    assert (refused.state, good.state) == (State.FAILED, State.SENT)


def test_a_message_with_nothing_to_say_is_cancelled_with_the_reason(
    mail_server: MailServer, known_kinds: dict[str, MailKind]
) -> None:
    def nothing_left(_message: Message) -> Mail:
        raise NotWanted("Everything was renewed meanwhile.")

    known_kinds[KIND] = MailKind("Test", nothing_left)
    message = make_message()

    deliver()

    message.refresh_from_db()
    assert (message.state, kept.said(message.error)) == (State.CANCELLED, "Everything was renewed meanwhile.")
    assert mail_server.mails == []


def test_a_mail_that_was_taken_without_an_answer_is_repeated_with_the_same_message_id(
    mail_server: MailServer,
) -> None:
    message = make_message()
    mail_server.drop_after_data = 1
    deliver()
    message.refresh_from_db()

    deliver(message.next_attempt_at)

    assert [mail["Message-ID"] for mail in mail_server.mails] == [message.message_id] * 2
    message.refresh_from_db()
    assert message.state == State.SENT


def test_a_mail_server_that_is_away_ends_the_run_and_costs_the_others_nothing(
    mail_server: MailServer, settings: Settings
) -> None:
    first, second = make_message(), make_message()
    settings.EMAIL_PORT = 1

    tally = deliver()

    first.refresh_from_db()
    second.refresh_from_db()
    assert (tally.retried, first.failures, second.attempts) == (1, 1, 0)
    assert kept.said(first.error).startswith("The mail server cannot be reached")


def test_a_message_is_given_up_after_48_hours_with_the_last_answer(mail_server: MailServer) -> None:
    message = make_message(queued_at=NOW - timedelta(hours=48), failures=claims.GIVEN_UP_TRIES)
    mail_server.refuse["ada@example.com"] = "451 4.2.1 still no"

    deliver()

    message.refresh_from_db()
    assert message.state == State.FAILED
    assert kept.said(message.error).startswith("Given up after 48 hours.")
    assert "451 4.2.1 still no" in message.error


def test_waits_grow_to_an_hour_and_stay_there(mail_server: MailServer) -> None:
    message = make_message()
    mail_server.refuse["ada@example.com"] = "451 no"
    waits = []

    for _ in range(6):
        at = message.next_attempt_at
        deliver(at)
        message.refresh_from_db()
        waits.append((message.next_attempt_at - at) / timedelta(minutes=1))

    for wait, minutes in zip(waits, [1, 5, 15, 60, 60, 60], strict=True):
        assert 0.8 * minutes <= wait <= 1.2 * minutes


def test_one_connection_carries_many_mails(mail_server: MailServer) -> None:
    for _ in range(5):
        make_message()

    deliver()

    assert (len(mail_server.mails), mail_server.connections) == (5, 1)


def test_subjects_are_one_clean_line(mail_server: MailServer) -> None:
    message = make_message(payload={"subject": "A\r\nBcc: x@example.com\x07 \u202egnp\u2028 " + "w" * 100})

    deliver()

    message.refresh_from_db()
    assert message.subject.startswith("A Bcc: x@example.com gnp www")
    assert len(message.subject) == 78
    assert str(mail_server.mails[0]["Subject"]).replace(" ", "") == message.subject.replace(" ", "")
    assert mail_server.mails[0]["Bcc"] is None


def test_styles_written_into_the_tags_make_no_line_that_is_too_long(
    mail_server: MailServer, known_kinds: dict[str, MailKind]
) -> None:
    rows = "".join(f"<td>“{number}”</td>" for number in range(300))
    html = f"<style>td {{ color: #3f4958; padding: 0 }}</style><table><tr>{rows}</tr></table>"
    known_kinds[KIND] = MailKind("Test", lambda _message: Mail("Hello", "Text", html))
    message = make_message()

    deliver()

    message.refresh_from_db()
    _, _, sent = mail_server.mails[0].walk()  # itself, text, HTML
    assert sent["Content-Transfer-Encoding"] == "8bit"
    came = str(sent.get_content())
    assert max(map(len, came.splitlines())) < 998
    assert came.split() == message.html.split()


def test_a_second_sender_wins_after_the_first_ones_claim_ran_out() -> None:
    message, later = make_message(), NOW + liveness.CLAIM + timedelta(seconds=1)
    slow, second = claim_next(now=NOW), claim_next(now=later)
    assert slow is not None
    assert second is not None

    recorded = claims.record_retry(slow, "late", now=later, wait=timedelta(0))
    recorded_too = claims.record_sent(second, claims.Sent("Hello", "", ""), now=later)

    message.refresh_from_db()
    assert (recorded, recorded_too) == (False, True)
    assert (message.state, message.subject, message.attempts) == (State.SENT, "Hello", 2)


def test_a_claim_that_still_runs_is_left_alone(mail_server: MailServer) -> None:
    make_message()
    claim_next(now=NOW)

    tally = deliver(NOW + liveness.CLAIM - timedelta(seconds=1))

    assert tally == delivery.Tally()


def test_a_message_that_kills_its_sender_stops_after_five_times(mail_server: MailServer) -> None:
    message = make_message()
    at = NOW
    for _ in range(claims.LOST_CLAIMS):
        assert claim_next(now=at) is not None
        at += liveness.CLAIM + timedelta(seconds=1)

    tally = deliver(at)

    message.refresh_from_db()
    assert (tally.failed, message.state, message.attempts) == (1, State.FAILED, 6)
    assert "stopped 5 times" in kept.said(message.error)


def test_passing_refusals_do_not_count_as_killed_senders(mail_server: MailServer) -> None:
    message = make_message()
    mail_server.refuse["ada@example.com"] = "451 no"
    for _ in range(10):
        deliver(message.next_attempt_at)
        message.refresh_from_db()
    mail_server.refuse.clear()

    deliver(message.next_attempt_at)

    message.refresh_from_db()
    assert (message.state, message.attempts) == (State.SENT, 11)


def test_the_owner_of_a_kind_hears_how_a_message_ended(
    mail_server: MailServer, known_kinds: dict[str, MailKind]
) -> None:
    heard: list[tuple[str, str]] = []

    def ended(message: Message) -> None:
        heard.append((message.recipient, message.state))

    known_kinds[KIND] = MailKind("Test", build, ended)
    make_message("a@example.com")
    make_message("b@example.com")
    make_message("c@example.com")
    mail_server.refuse |= {"b@example.com": "550 no", "c@example.com": "451 later"}

    deliver()

    assert heard == [("a@example.com", "sent"), ("b@example.com", "failed")]


def test_nothing_is_sent_inside_a_transaction(mail_server: MailServer) -> None:
    make_message()

    with pytest.raises(RuntimeError, match="outside any transaction"), transaction.atomic():
        deliver()

    assert mail_server.mails == []


# --- whom an answer reaches ------------------------------------------------------------------------------------


def test_an_answer_reaches_the_contact_address_before_anybody_else(
    mail_server: MailServer, settings: Settings
) -> None:
    settings.CONTACT_EMAIL, settings.OPERATOR_EMAILS = "help@example.com", ["ops@example.com"]
    make_message()

    deliver()

    assert mail_server.mails[0]["Reply-To"] == "help@example.com"


def test_without_one_it_reaches_the_leads_of_the_team_but_not_the_reader_and_else_an_operator(
    mail_server: MailServer, settings: Settings
) -> None:
    settings.CONTACT_EMAIL, settings.OPERATOR_EMAILS = "", ["ops@example.com"]
    team = make_team("Lumen")
    for email in ("lead@example.com", "ada@example.com", "off@example.com"):
        person = make_user(email, team=team, is_active=email != "off@example.com")
        person.memberships.update(role="manager")
    make_message("ada@example.com", team=team)
    make_message("outside@example.com")

    deliver()

    found = {str(mail["To"]): str(mail["Reply-To"]) for mail in mail_server.mails}
    assert found == {"ada@example.com": "lead@example.com", "outside@example.com": "ops@example.com"}


def test_a_mail_that_names_whom_to_answer_keeps_it(
    mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = Mail(subject="Hello", text="Text", html="", reply_to="mira@example.com")
    monkeypatch.setitem(KINDS, "test", MailKind("Test", lambda message: mail))
    make_message()

    deliver()

    assert mail_server.mails[0]["Reply-To"] == "mira@example.com"


def test_a_mail_that_hangs_keeps_nobody_else_waiting_who_is_mailed_beside_it(mail_server: MailServer) -> None:
    make_message("slow@example.com")
    hangs = claim_next(now=NOW)  # by another run

    make_message("slow@example.com")
    make_message("ada@example.com")
    deliver()

    assert hangs is not None
    assert [str(mail["To"]) for mail in mail_server.mails] == ["ada@example.com"]


def test_a_connection_that_the_server_ends_between_two_mails_costs_neither(mail_server: MailServer) -> None:
    for _ in range(3):
        make_message()
    mail_server.data_answers = ["250 ok", "421 too many on this connection"]

    tally = deliver()

    assert (tally.sent, len(mail_server.mails), mail_server.connections) == (
        3,
        2,
        2,
    )  # of the first it keeps none
