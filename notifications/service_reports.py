"""What mail services report of mails, by anymail's events: their web page for it is `adtoken_project.mail_events`.

A service proves itself by its signature or by MAIL_WEBHOOK_SECRET, so what it names is believed, unlike what a bounce says.
"""

import re
from collections.abc import Mapping
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason, tracking

from notifications import bounce_reading, bounce_tokens, clean, returns
from notifications.models import MailReturn, Message
from users import database_clock

Kind = MailReturn.Kind
METADATA = "adtoken"  # the token, where the service keeps it for us
LOOKED_AT = 50  # newest mails of an address that a Message-ID is looked for in
SUPPRESSED = frozenset(
    {RejectReason.INVALID, RejectReason.BOUNCED, RejectReason.SPAM, RejectReason.UNSUBSCRIBED}
)
# How services call a bounce that may pass, in fields of their own: anymail has one word for both.
_SOFT = re.compile(r"soft|transient|temporary|undetermined", re.IGNORECASE)
_FIELDS = (
    "Type",
    "type",
    "event",
    "status",
    "severity",
    "bounceType",
    "bounce_type",
    "bounce_class",
    "classification",
)


def receive(sender: Any, *, event: AnymailTrackingEvent, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    """Keep what an event reports, if it is that a mail did not arrive. A worker acts on it."""
    kind = kind_of(event)
    if kind is None:
        return
    message = _message_of(event)
    recipient = message.recipient if message else (event.recipient or "").strip().lower()
    if "@" not in recipient:
        return  # a complaint without a name
    said = clean.line(str(event.mta_response or event.description or event.reject_reason or ""), 300)
    status = bounce_reading.status_in(said)
    known = (event.event_type, event.event_id, event.message_id, recipient, event.timestamp)
    returns.note(
        source=MailReturn.Source.SERVICE,
        report_id=":".join(map(str, known)),
        kind=kind,
        recipient=recipient,
        message=message,
        status=status,
        said=said,
        now=database_clock.now(),
    )


def kind_of(event: AnymailTrackingEvent) -> MailReturn.Kind | None:
    """Return what an event means for its mail; None where it arrived, or may still."""
    if event.event_type == EventType.COMPLAINED:
        return Kind.COMPLAINT
    if event.event_type == EventType.UNSUBSCRIBED:
        return Kind.HARD  # the service sends nothing there from now on
    if event.event_type == EventType.REJECTED:
        return Kind.HARD if event.reject_reason in SUPPRESSED else Kind.SOFT
    if event.event_type == EventType.FAILED:
        return Kind.SOFT
    if event.event_type != EventType.BOUNCED:
        return None
    said = f"{event.mta_response or ''} {event.description or ''}"
    if bounce_reading.status_in(said):
        return bounce_reading.hard_or_soft("", said)
    if _is_soft(event.esp_event):
        return Kind.SOFT
    return Kind.HARD if event.reject_reason in {RejectReason.INVALID, RejectReason.BOUNCED} else Kind.SOFT


def _is_soft(esp_event: Any) -> bool:
    fields = esp_event if isinstance(esp_event, Mapping) else {}
    return any(_SOFT.search(str(fields[name])) for name in _FIELDS if name in fields)


def _message_of(event: AnymailTrackingEvent) -> Message | None:
    """Return the mail: by the token that we gave with it, or by our Message-ID among the newest mails to the address."""
    token = (event.metadata or {}).get(METADATA)
    if isinstance(token, str) and (message := bounce_tokens.message_of(token)):
        return message
    named = str(event.message_id or "").strip("<> ")
    if not (named and event.recipient):
        return None
    newest = Message.objects.filter(recipient=event.recipient.lower()).order_by("-pk")
    ids = dict(newest.exclude(message_id="").values_list("message_id", "pk")[:LOOKED_AT])
    pk = ids.get(f"<{named}>")
    return Message.objects.defer("text", "html").get(pk=pk) if pk else None


def register() -> None:
    """Receive the events. Called once, when the app starts."""
    tracking.connect(receive, dispatch_uid="notifications.service_reports")
