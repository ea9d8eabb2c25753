"""Mail services: what they report by their webhooks, and delivery by their APIs, against a stand-in for one of them."""

import base64
import hashlib
import hmac
import json
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from anymail.exceptions import AnymailAPIError, AnymailRecipientsRefused
from django.test import Client
from django.utils import timezone

from notifications.delivery import rules as refusals
from notifications.delivery import services as delivery
from notifications.models import MailReturn, Message
from tests.notifications.smtp import MailServer
from tests.notifications.support import make_message
from tests.support.factories import NOW
from users.models import RefusedAddress

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "reports:a password that nobody can guess"
ADA = "ada@example.com"


@pytest.fixture(autouse=True)
def _settings(settings: Any) -> None:
    settings.OPERATOR_EMAILS = []
    settings.MAIL_SERVICE, settings.MAIL_WEBHOOK_SECRET = "postmark", SECRET
    settings.ANYMAIL = {"WEBHOOK_SECRET": [SECRET]}


def post(event: dict[str, Any], *, secret: str = SECRET, service: str = "postmark") -> int:
    """Report something as the service does; return the status of the answer."""
    header = "Basic " + base64.b64encode(secret.encode()).decode()
    answer = Client().post(
        f"/mail/events/{service}/", json.dumps(event), "application/json", headers={"authorization": header}
    )
    return answer.status_code


def bounce(message: Message | None, kind: str = "HardBounce", **more: Any) -> dict[str, Any]:
    metadata = {"adtoken": message.mark} if message else {}
    return {
        "RecordType": "Bounce", "Type": kind, "ID": 1, "Email": ADA, "MessageID": "883953f4", "Metadata": metadata,
        "BouncedAt": "2026-11-26T10:00:00Z", **more,
    }  # fmt: skip


def parked() -> dict[str, str]:
    return dict(RefusedAddress.objects.values_list("email", "why"))


def sent(**fields: Any) -> Message:
    fields.setdefault("message_id", f"<{uuid.uuid4()}@adtoken.example>")
    return make_message(ADA, state=Message.State.SENT, sent_at=timezone.now(), **fields)


def test_a_bounce_that_the_service_reports_parks_the_address_once(mail_server: MailServer) -> None:
    message = sent()

    statuses = [post(bounce(message)) for _ in range(2)]

    message.refresh_from_db()
    assert statuses == [200, 200]
    assert (message.state, parked()) == ("failed", {ADA: "bounced"})
    assert MailReturn.objects.count() == 1


@pytest.mark.parametrize(
    ("secret", "service", "status"),
    [("reports:wrong", "postmark", 400), (SECRET, "sendgrid", 404), (SECRET, "../admin", 404)],
)
def test_a_report_that_is_not_proved_or_of_another_service_is_refused(
    secret: str, service: str, status: int
) -> None:
    assert post(bounce(sent()), secret=secret, service=service) == status
    assert not MailReturn.objects.exists()


def test_without_a_secret_or_a_service_there_is_no_such_page(settings: Any) -> None:
    settings.MAIL_WEBHOOK_SECRET = ""
    answers = [post(bounce(sent()))]
    settings.MAIL_SERVICE, settings.MAIL_WEBHOOK_SECRET = "", SECRET

    answers.append(post(bounce(sent()), service="postmark"))

    assert answers == [404, 404]


def test_what_cannot_be_read_is_answered_and_breaks_nothing() -> None:
    answers = {
        post(event)
        for event in ({}, {"RecordType": 3}, {"RecordType": "Bounce"}, bounce(None, Email="a\0@b.example"))
    }

    assert answers <= {200, 400}
    assert not parked()


def test_soft_bounces_and_complaints_and_mails_that_arrive_are_told_apart() -> None:
    soft = sent()
    post(bounce(soft, "SoftBounce", ID=2))
    post(
        {"RecordType": "Delivery", "Recipient": ADA, "MessageID": "1", "DeliveredAt": "2026-11-26T10:00:00Z"}
    )
    before = parked()
    post({**bounce(sent(), ID=3), "RecordType": "SpamComplaint", "Type": "SpamComplaint"})

    soft.refresh_from_db()
    assert soft.state == "queued"
    assert (before, parked()) == ({}, {ADA: "complained"})


def test_a_report_that_names_the_address_alone_takes_its_newest_mail(settings: Any) -> None:
    older, newer = sent(), sent()

    post(bounce(None))

    for message in (older, newer):
        message.refresh_from_db()
    assert [older.state, newer.state] == ["sent", "failed"]


def test_a_report_of_another_product_with_the_same_account_at_the_service_is_left_alone() -> None:
    make_message(ADA)  # waits

    statuses = [post(bounce(None, ID=one, Email=to)) for one, to in ((1, ADA), (2, "customer@shop.example"))]

    assert statuses == [200, 200]
    assert not MailReturn.objects.exists()


def test_a_signature_of_the_service_is_checked_and_our_message_id_finds_the_mail(settings: Any) -> None:
    settings.MAIL_SERVICE = "mailgun"
    settings.ANYMAIL = {"MAILGUN_WEBHOOK_SIGNING_KEY": "a key", "WEBHOOK_SECRET": [SECRET]}
    message, other = sent(message_id="<one@adtoken.example>"), sent(message_id="<two@adtoken.example>")
    event = {
        "id": "x", "event": "failed", "severity": "permanent", "timestamp": NOW.timestamp(), "recipient": ADA, "reason": "bounce",
        "delivery-status": {"code": 550, "message": "5.1.1 no such user"},
        "message": {"headers": {"message-id": "one@adtoken.example"}},
    }  # fmt: skip
    good = hmac.new(b"a key", b"1t", hashlib.sha256).hexdigest()
    answers = [
        post(
            {"signature": {"timestamp": "1", "token": "t", "signature": signature}, "event-data": event},
            service="mailgun",
        )
        for signature in ("0" * 64, good)
    ]

    for one in (message, other):
        one.refresh_from_db()
    assert answers == [400, 200]
    assert [message.state, other.state] == ["failed", "sent"]


class _Service(BaseHTTPRequestHandler):
    """Postmark's API as far as one mail needs it."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.mails.append({**asked, "key": self.headers["X-Postmark-Server-Token"]})  # type: ignore[attr-defined]
        status, answer = self.server.answer  # type: ignore[attr-defined]
        body = json.dumps({"To": asked.get("To"), **answer}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def service(settings: Any) -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Service) as server:
        server.mails, server.answer = [], (200, {"ErrorCode": 0, "Message": "OK", "MessageID": "a-b"})  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
        settings.MAIL_BY_SERVICE = True
        settings.ANYMAIL = {
            "POSTMARK_SERVER_TOKEN": "the key", "POSTMARK_API_URL": f"http://127.0.0.1:{server.server_port}/",
        }  # fmt: skip
        yield server
        server.shutdown()


def test_mails_leave_by_the_services_api_with_what_proves_their_reports(service: Any) -> None:
    message = make_message(ADA)

    delivery.deliver(clock=lambda: NOW)

    message.refresh_from_db()
    [mail] = service.mails
    assert (message.state, mail["key"]) == ("sent", "the key")
    assert "adtoken@" in mail["From"]
    assert mail["Metadata"] == {"adtoken": message.mark}


def test_a_mail_that_mailjet_refuses_is_not_taken_for_sent_and_waits_while_none_is_taken(
    service: Any, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.mailjet.EmailBackend"
    settings.ANYMAIL = {
        "MAILJET_API_KEY": "a", "MAILJET_SECRET_KEY": "b", "MAILJET_API_URL": f"http://127.0.0.1:{service.server_port}/",
    }  # fmt: skip
    said = {"ErrorCode": "send-0008", "ErrorMessage": "The sender domain has not been validated."}
    service.answer = (400, {"Messages": [{"Status": "error", "Errors": [said]}]})
    message = make_message(ADA, queued_at=NOW - timedelta(hours=49))

    delivery.deliver(clock=lambda: NOW)

    message.refresh_from_db()
    assert (message.state, message.waits_since) == ("queued", NOW - timedelta(hours=49))
    assert "has not been validated" in message.error
    assert parked() == {}


def test_of_ses_a_refused_mail_ends_no_run_and_a_refused_key_does() -> None:
    said = {"Code": "MessageRejected", "Message": "Email address is not verified."}
    rejected, barred = (
        AnymailAPIError("No", response={"Error": said, "ResponseMetadata": {"HTTPStatusCode": code}})
        for code in (400, 403)
    )

    assert [refusals.is_of_access(one) for one in (rejected, barred)] == [False, True]
    assert "MessageRejected Email address is not verified." in refusals.words_of_error(rejected)


def test_what_mandrill_refuses_for_the_senders_sake_says_nothing_of_the_address() -> None:
    def refused(why: str) -> AnymailRecipientsRefused:
        answer = [{"email": ADA, "status": "rejected", "reject_reason": why}]
        return AnymailRecipientsRefused(response=SimpleNamespace(text=json.dumps(answer), status_code=200))

    assert [refusals.is_permanent(refused(why)) for why in ("hard-bounce", "unsigned")] == [True, False]
    assert not refusals.trouble_of(refused("unsigned")).ours


@pytest.mark.parametrize(
    ("answer", "state", "why"),
    [
        ((422, {"ErrorCode": 406, "Message": "You tried to send to a recipient that has been marked as inactive. Found inactive addresses: "
                + ADA + ". Inactive recipients are ones that have generated a hard bounce."}), "failed", {ADA: "refused"}),
        ((401, {"ErrorCode": 10, "Message": "Bad or missing API token."}), "queued", {}),
        ((500, {"ErrorCode": 1, "Message": "Ours"}), "queued", {}),
    ],
)  # fmt: skip
def test_what_the_service_refuses_is_told_apart_from_its_own_trouble(
    service: Any, answer: Any, state: str, why: dict[str, str]
) -> None:
    service.answer = answer
    message = make_message(ADA, queued_at=timezone.now())

    delivery.deliver(clock=timezone.now)

    message.refresh_from_db()
    assert (message.state, parked()) == (state, why)
    assert "the key" not in message.error
