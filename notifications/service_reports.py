"""What mail services report of mails, by anymail's events: their web page for it is `adtoken_project.mail_events`.

A service proves itself by its signature or by MAIL_WEBHOOK_SECRET, so what it names is believed.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason, tracking
from django.db import Error

from notifications import clean, returns, statuses
from notifications.models import MailReturn, Message
from notifications.preparing import METADATA
from users import database_clock

logger = logging.getLogger(__name__)

Kind = MailReturn.Kind
LOOKED_AT = 50  # newest mails of an address that a Message-ID is looked for in
SUPPRESSED = frozenset({RejectReason.INVALID, RejectReason.BOUNCED, RejectReason.SPAM})
# How services call a bounce that may pass, in fields of their own or in words: anymail has one word for both.
_SOFT = re.compile(r"soft|transient|temporary|undetermined|\bfull\b|\bquota\b", re.IGNORECASE)
# What Mailjet and Resend say of an address to which they no longer send.
_SENDS_NOTHING = re.compile(r"suppressed sending|preblocked", re.IGNORECASE)
_RELAY_DENIED = re.compile(r"relay/access denied")  # Mailjet's word for a server that does not let it in
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
    "error",
)
# Where SES, Resend and Mailgun have theirs.
_WITHIN = (("bounce",), ("data",), ("data", "bounce"), ("event-data",))


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
        returns.note(
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
    if event.event_type == EventType.COMPLAINED:
        return Kind.COMPLAINT
    if event.event_type == EventType.UNSUBSCRIBED:
        return Kind.STOPPED
    if event.event_type == EventType.REJECTED:
        return _of_rejected(event)
    if event.event_type == EventType.FAILED:
        return Kind.SOFT  # the service's own trouble, or ours with it
    return _of_bounced(event) if event.event_type == EventType.BOUNCED else None


def _of_rejected(event: AnymailTrackingEvent) -> MailReturn.Kind:
    """Return what it means that the service did not try: it no longer sends there, or did not want this mail."""
    if event.reject_reason == RejectReason.UNSUBSCRIBED:
        return Kind.STOPPED
    nothing_more = event.reject_reason in SUPPRESSED or _SENDS_NOTHING.search(" ".join(_own_words(event)))
    return Kind.HARD if nothing_more else Kind.SOFT


def _of_bounced(event: AnymailTrackingEvent) -> MailReturn.Kind:
    """Return what a bounce means: by the status in the server's words, else by the service's own."""
    said = f"{event.mta_response or ''} {event.description or ''}"
    if statuses.status_in(said):
        return statuses.kind_of(said)
    own = " ".join([said, *_own_words(event)])
    if _SENDS_NOTHING.search(own):
        return Kind.HARD
    of_us = _RELAY_DENIED.search(own) or statuses.is_of_policy(said)
    if of_us or _SOFT.search(own) or _fields(event).get("hard_bounce") is False:
        return Kind.SOFT
    return Kind.HARD if event.reject_reason in {RejectReason.INVALID, RejectReason.BOUNCED} else Kind.SOFT


def _own_words(event: AnymailTrackingEvent) -> list[str]:
    fields = _fields(event)
    return [str(fields[name]) for name in _FIELDS if name in fields]


def _fields(event: AnymailTrackingEvent) -> dict[str, Any]:
    """Return the fields of the service's own report, those a step further in where it has them there included."""
    found: dict[str, Any] = {}
    for way in ((), *_WITHIN):
        part: Any = event.esp_event
        for name in way:
            part = part.get(name) if isinstance(part, Mapping) else None
        found |= part if isinstance(part, Mapping) else {}
    return found


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
    """Receive the events. Called once, when the app starts."""
    tracking.connect(receive, dispatch_uid="notifications.service_reports")
