"""What a bounce is that a mail service reports: of the address, of a policy, or one that may pass. Read by anymail's own code.

The shapes are those of the services' documentation: AWS "Contents of event data that Amazon SES publishes", Resend "email.bounced",
Mailjet "Event API".
"""

from types import SimpleNamespace
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent
from anymail.webhooks.amazon_ses import AmazonSESTrackingWebhookView
from anymail.webhooks.mailjet import MailjetTrackingWebhookView
from anymail.webhooks.resend import ResendTrackingWebhookView

from notifications import service_reports


def ses(kind: str, sub: str, said: str = "") -> AnymailTrackingEvent:
    recipient = {"emailAddress": "ada@example.com", **({"diagnosticCode": said} if said else {})}
    bounce = {"bounceType": kind, "bounceSubType": sub, "bouncedRecipients": [recipient]}
    event = {"eventType": "Bounce", "mail": {"messageId": "x"}, "bounce": bounce}
    view = object.__new__(AmazonSESTrackingWebhookView)
    [found] = view.esp_to_anymail_events(event, {"Timestamp": "2026-11-27T10:00:00.000Z"})
    return found


def resend(message: str, **more: str) -> AnymailTrackingEvent:
    data = {"email_id": "x", "to": ["ada@example.com"], "bounce": {"message": message, **more}}
    event = {"type": "email.bounced", "created_at": "2026-11-27T10:00:00.000Z", "data": data}
    view = object.__new__(ResendTrackingWebhookView)
    return view.esp_to_anymail_event(event, SimpleNamespace(headers={}))


def mailjet(
    error: str, *, event: str = "bounce", hard: bool = False, comment: str = ""
) -> AnymailTrackingEvent:
    report = {
        "event": event, "time": 1795773600, "MessageID": 1, "email": "ada@example.com", "hard_bounce": hard, "blocked": False,
        "error_related_to": "recipient", "error": error, "comment": comment,
    }  # fmt: skip
    return object.__new__(MailjetTrackingWebhookView).esp_to_anymail_event(report)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (ses("Permanent", "General"), "hard"),
        (ses("Permanent", "OnAccountSuppressionList"), "hard"),
        (ses("Permanent", "General", "smtp; 550 5.1.1 user unknown"), "hard"),
        (ses("Permanent", "General", "smtp; 550 5.7.1 blocked"), "soft"),
        (ses("Transient", "General"), "soft"),
        (ses("Transient", "MailboxFull"), "soft"),
        (ses("Undetermined", "Undetermined"), "soft"),
        (resend("The recipient's email provider sent a hard bounce message."), "hard"),
        (resend("The recipient's email provider sent a bounce message because the recipient's inbox was full."), "soft"),
        (resend("The recipient's email provider sent a general bounce message.", type="Transient"), "soft"),
        (resend("Resend has suppressed sending to this address because it recently bounced."), "hard"),
        (mailjet("user unknown", hard=True), "hard"),
        (mailjet("quota exceeded"), "soft"),
        (mailjet("mailbox inactive"), "soft"),
        (mailjet("relay/access denied", hard=True), "soft"),
        (mailjet("preblocked", event="blocked"), "hard"),
        (mailjet("policy issue", event="blocked"), "soft"),
        (mailjet("", event="unsub"), "stopped"),
    ],
)  # fmt: skip
def test_a_services_own_words_tell_what_may_pass_from_what_never_arrives(
    event: AnymailTrackingEvent, kind: str
) -> None:
    found: Any = service_reports.kind_of(event)

    assert found == kind
