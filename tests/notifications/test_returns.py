"""What came back and says nothing of the address, and a bounce mailbox that is in trouble."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from adtoken_project.metrics import rows
from notifications import bounce_mailbox, bounce_tokens, delivery, kinds, mailbox_mail, returns
from notifications.bounce_mailbox import Mailbox
from notifications.models import BounceMailbox, MailReturn, Message
from tests.notifications.smtp import MailServer
from tests.notifications.support import make_message
from tests.notifications.test_bounces import dsn
from tests.notifications.test_refused_addresses import ADA
from tests.support import imap
from tests.support.factories import NOW, make_user
from users import refused_addresses
from users.models import AddressEvent, RefusedAddress

pytestmark = pytest.mark.django_db(transaction=True)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _settings(settings: Any) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    settings.BOUNCE_ADDRESS = "bounces@adtoken.example"


@pytest.fixture
def box(settings: Any) -> Iterator[imap.Mailbox]:
    with imap.running_mailbox() as found:
        settings.BOUNCE_MAILBOX = Mailbox("127.0.0.1", found.port, imap.USER, imap.PASSWORD, "INBOX", "")
        yield found


def came_back(kind: str, at: datetime, recipient: str = ADA) -> Message:
    """Have one mail to the address come back, and act on it."""
    message = make_message(recipient, state=Message.State.SENT, sent_at=at)
    returns.note(
        source=MailReturn.Source.MAILBOX, report_id=f"{kind} {at}", kind=MailReturn.Kind(kind), recipient="",
        message=message, status="", said=f"{kind} no", now=at,
    )  # fmt: skip
    returns.act(now=at)
    message.refresh_from_db()
    return message


def parked() -> dict[str, str]:
    return dict(RefusedAddress.objects.values_list("email", "why"))


def test_a_policy_parks_for_a_week_alone_and_what_may_be_about_the_mailbox_for_good() -> None:
    for hours in (0, 5, 10):
        came_back("policy", NOW + hours * HOUR)
        came_back("soft", NOW + hours * HOUR, "ben@example.com")

    first = parked()
    refused_addresses.forget([ADA])
    taken = parked()
    refused_addresses.sweep(now=NOW + 8 * DAY)

    assert first == taken == {ADA: "policy", "ben@example.com": "returned"}
    assert parked() == {"ben@example.com": "returned"}


def test_what_came_back_before_an_address_was_released_counts_no_more() -> None:
    boss = make_user("boss@example.com")
    for hours in (0, 5, 10):
        came_back("soft", NOW + hours * HOUR)
    before = parked()
    refused_addresses.release(ADA, now=NOW + DAY, by=boss)

    message = came_back("soft", NOW + 2 * DAY)

    assert before == {ADA: "returned"}
    assert (message.state, parked()) == ("queued", {})


def test_a_release_makes_the_next_refusal_one_that_is_tried_again_by_itself() -> None:
    boss = make_user("boss@example.com")
    refused_addresses.note(ADA, said="550", now=NOW)
    refused_addresses.sweep(now=NOW + 7 * DAY)
    refused_addresses.note(ADA, said="550", now=NOW + 8 * DAY)
    refused_addresses.release(ADA, now=NOW + 9 * DAY, by=boss)

    refused_addresses.note(ADA, said="550", now=NOW + 10 * DAY)

    assert parked() == {ADA: "refused"}


def test_a_list_is_not_parked_nor_mailed_twice_because_a_member_left(
    mail_server: MailServer, box: imap.Mailbox
) -> None:
    make_user("cleo@example.com")
    people = ("team@example.com", "cleo@example.com", "dora@example.com")
    messages = [make_message(one) for one in people]
    delivery.deliver(clock=lambda: NOW)
    of = ("gone@example.com", "cleo.privat@mail.example", "DORA+x@internal.mail.example")
    for message, one in zip(messages, of, strict=True):
        box.put(dsn(bounce_tokens.return_path(message), of=one))

    returns.read_mailbox(now=NOW)
    returns.act(now=NOW)

    for message in messages:
        message.refresh_from_db()
    found = dict(MailReturn.objects.values_list("recipient", "kind"))
    assert found == dict(zip(people, ("forwarded", "forwarded", "hard"), strict=True))
    assert [one.state for one in messages] == ["sent", "queued", "failed"]
    assert parked() == {"dora@example.com": "bounced"}


def test_a_mail_that_the_server_cannot_give_holds_up_no_other(
    mail_server: MailServer, box: imap.Mailbox
) -> None:
    message = make_message(ADA)
    delivery.deliver(clock=lambda: NOW)
    box.cannot_give = {box.put("Subject: broken\n\nx")}
    alone = (returns.read_mailbox(now=NOW), BounceMailbox.objects.get().failed_since, set(box.flags[1]))
    box.put(dsn(bounce_tokens.return_path(message)))

    returns.read_mailbox(now=NOW + HOUR)
    returns.act(now=NOW + HOUR)

    assert alone == (0, NOW, set()), "it may be the server"
    assert parked() == {ADA: "bounced"}
    assert BounceMailbox.objects.get().failed_since is None
    assert (list(box.mails), box.flags[1]) == ([1], {r"\Seen"}), (
        "it is left to people, and not tried for ever"
    )


def test_a_report_that_cannot_be_acted_on_or_kept_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
    known_kinds: dict[str, kinds.Kind],
    mail_server: MailServer,
    box: imap.Mailbox,
) -> None:
    def breaks(message: Message) -> None:
        raise KeyError("bug")

    known_kinds["breaks"] = kinds.Kind("Breaks", known_kinds["test"].build, breaks)
    broken = make_message("ben@example.com", state=Message.State.SENT, kind="breaks", sent_at=NOW)
    returns.note(
        source=MailReturn.Source.MAILBOX, report_id="x", kind=MailReturn.Kind.HARD, recipient="", message=broken,
        status="", said="no", now=NOW,
    )  # fmt: skip
    message = make_message(ADA)
    delivery.deliver(clock=lambda: NOW)
    with monkeypatch.context() as patched:
        patched.setattr(returns, "note", breaks)
        box.put(dsn(bounce_tokens.return_path(message)))
        returns.read_mailbox(now=NOW)
    kept = (len(box.mails), box.flags[1], MailReturn.objects.count())
    box.put(dsn(bounce_tokens.return_path(message), said="550 5.1.1 gone"))
    returns.read_mailbox(now=NOW)

    done = [returns.act(now=NOW), returns.act(now=NOW + HOUR), returns.act(now=NOW + 2 * DAY)]

    assert kept == (1, {r"\Seen"}, 1)
    assert done == [1, 0, 0]
    assert parked() == {ADA: "bounced"}
    assert not returns.still_waiting()


def test_a_slow_mailbox_is_read_bit_by_bit_and_is_no_trouble(
    monkeypatch: pytest.MonkeyPatch, box: imap.Mailbox
) -> None:
    monkeypatch.setattr(bounce_mailbox, "ENDS_AFTER", 0.4)
    monkeypatch.setattr(bounce_mailbox, "CUT_AFTER", 1.2)
    box.takes = 0.15
    for number in range(12):
        box.put(f"Subject: {number}\n\nx")

    read = [returns.read_mailbox(now=NOW) for _ in range(2)]

    assert all(0 < one < 8 for one in read)
    assert BounceMailbox.objects.get().failed_since is None


def test_operators_hear_of_a_mailbox_that_cannot_be_read_and_the_start_page_says_it(
    client: Client, settings: Any, mail_server: MailServer, box: imap.Mailbox
) -> None:
    settings.STAFF_SECOND_FACTOR = False
    box.answers = {"LOGIN": b"TAG NO password ran out"}
    returns.read_mailbox(now=NOW)
    told = [mailbox_mail.tell_operators(NOW + hours * HOUR) for hours in (0, 1, 2, 169, 170)]
    delivery.deliver(clock=lambda: NOW + HOUR)
    client.force_login(make_user("mira@example.com", is_staff=True, is_superuser=True))
    page = client.get("/admin/").text
    failed = {one.name: one.samples[0].value for one in rows.messages(NOW + 2 * HOUR) if one.samples}
    box.answers = {}
    returns.read_mailbox(now=NOW + 8 * DAY)
    over = mailbox_mail.tell_operators(NOW + 8 * DAY)
    delivery.deliver(clock=lambda: NOW + 8 * DAY)

    assert (told, over) == ([0, 1, 0, 1, 0], 0)
    assert failed["adtoken_bounce_mailbox_failed_seconds"] == 7200
    [mail] = mail_server.mails
    assert mail["Subject"] == "AdToken: The bounce mailbox cannot be read"
    assert "password ran out" in mail.as_string()
    assert BounceMailbox.objects.values_list("error", flat=True)[0] == "", "it is read again"
    assert "are not noticed: password ran out" in page
    assert imap.PASSWORD not in mail.as_string()
    assert "The bounce mailbox cannot be read since" in page
    assert list(Message.objects.order_by("id").values_list("state", flat=True)) == ["sent", "cancelled"]


def test_the_reader_of_a_mail_that_arrived_releases_the_address_by_using_its_link() -> None:
    refused_addresses.note(ADA, said="", now=NOW, why=RefusedAddress.Why.BOUNCED)

    older = refused_addresses.confirm(ADA, mailed_at=NOW - HOUR, now=NOW + HOUR)
    newer = refused_addresses.confirm(ADA, mailed_at=NOW + HOUR, now=NOW + 2 * HOUR)

    assert (older, newer, parked()) == (False, True, {})
    assert AddressEvent.objects.filter(email=ADA).values_list("kind", flat=True)[0] == "confirmed"
