"""The page on mail settings: what is set, whether mails leave in time, and what DNS says, when somebody asks."""

import socketserver
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dns.message
import dns.rrset
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from dns.resolver import Resolver
from pytest_django import Settings

from notifications import sender_records
from notifications.bounce_mailbox import Mailbox
from notifications.models import BounceMailbox
from tests.notifications.support import make_message
from tests.portal.support import staff
from tests.support.factories import NOW

TEXTS = {
    "example.com.": ["google-site-verification=1", "v=spf1 -all"],
    "_dmarc.one.example.": ["v=DMARC1; p=none"],
    "_dmarc.example.com.": ["v=DMARC1; p=none", "v=DMARC1; p=reject"],
}


@pytest.fixture(autouse=True)
def _settings(settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = False


class _Dns(socketserver.BaseRequestHandler):
    """A name server of a few TXT records."""

    def handle(self) -> None:
        data, sock = self.request
        asked = dns.message.from_wire(data)
        name = str(asked.question[0].name)
        if name == "slow.example.com.":
            time.sleep(5)
        answer = dns.message.make_response(asked)
        if name in TEXTS:
            answer.answer.append(
                dns.rrset.from_text(name, 60, "IN", "TXT", *(f'"{text}"' for text in TEXTS[name]))
            )
        sock.sendto(answer.to_wire(), self.client_address)


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), _Dns) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = Resolver(configure=False)
        found.timeout = found.lifetime = 60
        found.nameservers, found.port = ["127.0.0.1"], server.server_address[1]
        yield found
        server.shutdown()


def records(domain: str, selector: str = "s1") -> list[sender_records.Record]:
    return sender_records.wanted(
        sender_domain=domain, envelope_domain=domain, server="mx.example.com", selector=selector, reports_to="a@example.com"
    )  # fmt: skip


def test_records_are_found_missed_or_there_twice_and_one_without_a_name_is_not_asked_for(
    resolver: Resolver,
) -> None:
    states = [one.state for one in sender_records.look_up(records("example.com"), resolver=resolver)]
    unasked = sender_records.look_up(records("example.com", selector=""), resolver=resolver)[1]

    assert states == ["found", "missing", "twice"]
    assert unasked.state == "not_looked_up"


def test_a_domain_below_one_with_dmarc_has_that_of_the_one_above(resolver: Resolver) -> None:
    found = sender_records.look_up(records("mail.one.example"), resolver=resolver)[-1]
    none = sender_records.look_up(records("mail.none.example"), resolver=resolver)[-1]

    assert (found.state, found.name) == ("found", "_dmarc.one.example")
    assert (none.state, none.name) == ("missing", "_dmarc.mail.none.example")


@pytest.mark.django_db
def test_where_a_service_delivers_its_envelope_is_not_ours_so_dkim_alone_counts(
    client: Client, settings: Any
) -> None:
    settings.DEFAULT_FROM_EMAIL, settings.BOUNCE_ADDRESS = "adtoken@example.com", ""
    settings.MAIL_BY_SERVICE, settings.MAIL_SERVICE = True, "postmark"
    staff(client, "notifications.view_message")

    text = client.get(reverse("admin:mail_settings")).text

    assert "DKIM has to be signed for the domain in From" in text
    assert '<th scope="row">SPF' not in text
    assert '<th scope="row">DMARC' in text


def test_a_name_server_that_gives_no_answer_holds_nobody_up_for_long(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_records, "PATIENCE", 0.3)

    found = sender_records.look_up(records("slow.example.com")[:1], resolver=resolver)

    assert found[0].state == "unreachable"


@pytest.mark.django_db
def test_the_page_shows_senders_and_lateness_and_asks_no_dns_by_itself(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEFAULT_FROM_EMAIL = "AdToken <adtoken@example.com>"
    settings.BOUNCE_ADDRESS = "bounces@other.example"
    settings.BOUNCE_MAILBOX = Mailbox("imap.example.com", 993, "me", "hush hush", "INBOX")
    BounceMailbox.objects.create(pk=1, failed_since=NOW, error="timed out")
    make_message(next_attempt_at=timezone.now() - timedelta(minutes=20))
    staff(client, "notifications.view_message")
    looked: list[object] = []

    def look_up(rows: list[sender_records.Record]) -> list[sender_records.Record]:
        looked.append(rows)
        return rows

    monkeypatch.setattr(sender_records, "look_up", look_up)

    text = client.get(reverse("admin:mail_settings")).text
    client.get(reverse("admin:mail_settings") + "?look=1")
    mails = client.get(reverse("admin:notifications_message_changelist")).text

    for said in (
        "adtoken@example.com",
        "bounces@other.example",
        "imap.example.com:993",
        "timed out",
        "Not looked up",
        "of different domains",
    ):
        assert said in text
    assert "hush" not in text
    assert "Mails are late: 1 wait" in text
    assert "Mails are late: 1 wait" in mails
    assert len(looked) == 1
    staff(client)
    assert client.get(reverse("admin:mail_settings")).status_code == 403
