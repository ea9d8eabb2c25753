"""What mail services report of mails, by anymail's events: their web page for it is `adtoken_project.ops.mail_events`.

A service proves itself by its signature or by MAIL_WEBHOOK_SECRET, so what it names is believed.
"""

import logging
import re
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason, tracking
from django.db import Error

from infra import database_clock
from notifications.delivery import refusals as statuses
from notifications.delivery import returns
from notifications.delivery.services import METADATA
from notifications.models import MailReturn, Message
from notifications.outbox import clean

logger = logging.getLogger(__name__)

Kind = MailReturn.Kind
LOOKED_AT = 50  # newest mails of an address that a Message-ID is looked for in
# How services call a bounce that may pass, and in which fields of their reports: anymail has one word for both.
_SOFT = re.compile(r"soft|transient|temporary|undetermined|\bfull\b|\bquota\b", re.IGNORECASE)
_OWN = re.compile(r"'(?:[Tt]ype|event|status|severity|bounce_?[Tt]ype|classification|error)': '([^']*)'")
SUPPRESSED = frozenset({RejectReason.INVALID, RejectReason.BOUNCED, RejectReason.SPAM})


def receive(sender: Any, *, event: AnymailTrackingEvent, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    """Act on what an event reports, if it is that a mail did not arrive.

    One that cannot be acted on holds up no other: a service would repeat it, and all that it tells beside it. Raises Error where the
    database is away; then the service repeats it.
    """
    kind = kind_of(event)
    if kind is None:
        return
    message = _message_of(event)
    recipient = message.recipient if message else (event.recipient or "").strip().lower()
    if "@" not in recipient or (message is None and not _was_mailed(recipient)):
        return  # a complaint without a name, or the mail of another product that has the same account at the service
    said = clean.line(str(event.mta_response or event.description or event.reject_reason or ""), 300)
    known = (event.event_type, event.event_id, event.message_id, recipient, event.timestamp)
    report_id = ":".join(map(str, known))
    try:
        returns.note_return(
            report_id=report_id,
            kind=kind,
            recipient=recipient,
            message=message,
            said=said,
            now=database_clock.now(),
        )
    except Error:
        raise
    except Exception:
        logger.exception("what came back of a mail could not be acted on: report %s", report_id)


def kind_of(event: AnymailTrackingEvent) -> MailReturn.Kind | None:
    """Return what an event means for its mail; None where it arrived, or may still."""
    stopped = event.event_type == EventType.REJECTED and event.reject_reason == RejectReason.UNSUBSCRIBED
    if event.event_type == EventType.UNSUBSCRIBED or stopped:
        return Kind.STOPPED
    if event.event_type == EventType.REJECTED and event.reject_reason in SUPPRESSED:
        return Kind.HARD  # it no longer sends there
    if event.event_type == EventType.BOUNCED:
        return _of_bounced(event)
    kinds = {EventType.COMPLAINED: Kind.COMPLAINT, EventType.REJECTED: Kind.SOFT, EventType.FAILED: Kind.SOFT}
    return kinds.get(event.event_type)


def _of_bounced(event: AnymailTrackingEvent) -> MailReturn.Kind:
    """Return what a bounce means: by the status in the server's words, else by the service's own."""
    said = f"{event.mta_response or ''} {event.description or ''}"
    if statuses.status_in(said):
        return statuses.kind_of(said)
    own = " ".join([said, *_OWN.findall(str(event.esp_event))])
    for_good = event.reject_reason in {RejectReason.INVALID, RejectReason.BOUNCED}
    return Kind.SOFT if _SOFT.search(own) or statuses.is_of_policy(said) or not for_good else Kind.HARD


def _was_mailed(recipient: str) -> bool:
    return Message.objects.filter(recipient=recipient, sent_at__isnull=False).exists()


def _message_of(event: AnymailTrackingEvent) -> Message | None:
    """Return the mail: by the mark that we gave with it, or by our Message-ID among the newest mails to the address."""
    to = (event.recipient or "").strip().lower()
    number, _, drawn = str((event.metadata or {}).get(METADATA, "")).partition("-")
    if drawn and number.isascii() and number.isdigit() and len(number) < len(str(2**63)):
        message = Message.objects.defer("text", "html").filter(pk=int(number)).first()
        if message and message.recipient == (to or message.recipient) and message.mark == f"{number}-{drawn}":
            return message
    named = str(event.message_id or "").strip("<> ")
    if not (named and to):
        return None
    newest = Message.objects.filter(recipient=to).order_by("-pk")
    ids = dict(newest.exclude(message_id="").values_list("message_id", "pk")[:LOOKED_AT])
    pk = ids.get(f"<{named}>")
    return Message.objects.defer("text", "html").get(pk=pk) if pk else None


def register() -> None:
    """Receive the events."""
    tracking.connect(receive, dispatch_uid="notifications.service_reports")
