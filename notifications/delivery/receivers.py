"""What messages follow: a person gets another address or is deleted, and mail services report that a mail did not arrive.

What waits for a person goes along to their new address. What is about the address itself (a link that it was sent, what guards the
log-in) stays where it is; so do the mails of macros, which ask when they are made whom they tell. Of a mail that came back an address is
parked, what it told is told to the next in line, or it is sent once more.
"""

import hashlib
import logging
import re
from datetime import datetime, timedelta
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason, tracking
from django.db import Error, transaction

from infra import database_clock
from notifications.delivery import claims
from notifications.delivery import rules as statuses
from notifications.delivery.services import METADATA
from notifications.models import MailReturn, Message
from notifications.outbox import KINDS, clean_line, deliver_soon, kept_reason
from ui import stored_phrases as kept
from users.addresses import services as refused_addresses
from users.models import RefusedAddress, User

State = Message.State


def take_mails_along(*, user: User, old: str, **_kwargs: Any) -> None:  # what a signal passes
    """Have what waits for a person be sent to their new address, in the transaction that changes it."""
    moved = False
    rows = Message.objects.filter(recipient=old, state=State.QUEUED)
    for message in rows.select_for_update(no_key=True, of=("self",)).order_by("pk"):
        kind = KINDS.get(message.kind)
        if kind is None or (kind.of_address(message) if callable(kind.of_address) else kind.of_address):
            continue
        message.recipient = user.email
        message.save(update_fields=["recipient"])
        moved = True
    if moved:
        deliver_soon()


def cancel_of_deleted(*, instance: User, **_kwargs: Any) -> None:
    """Cancel what waits for a person who was deleted. What macros or staff may have told of the address itself, whoever
    has it, asks when it is made.
    """
    alone = [name for name, kind in KINDS.items() if not kind.of_address and not kind.asks]
    waiting = Message.objects.filter(recipient=instance.email, state=State.QUEUED, kind__in=alone)
    claims.cancel_all(waiting, reason=kept_reason("person_deleted"))


# --- mails that came back

ReturnKind = MailReturn.Kind
Why = RefusedAddress.Why
AGAIN_AFTER = timedelta(hours=4)  # after a mail came back that may pass
COMES_BACK_WITHIN = timedelta(days=5)


@transaction.atomic
def note_return(
    *,
    report_id: str,
    kind: MailReturn.Kind,
    recipient: str,
    message: Message | None,
    said: str,
    now: datetime,
) -> bool:
    """Keep one report, and act on it, once for each `report_id`. Return whether it is new. Whoever calls has checked that it is true.

    All of it is one transaction: what is cut off is reported again, for a service repeats what was not answered.
    """
    row, is_new = MailReturn.objects.get_or_create(
        key=hashlib.sha256(report_id.encode()).hexdigest(),
        defaults={
            "recipient": (message.recipient if message else recipient).lower(),
            "kind": kind,
            "said": said[:300],
            "at": now,
        },
    )
    if is_new:
        _act_on(row, message.pk if message else None, now)
    return is_new


def _act_on(row: MailReturn, message_id: int | None, now: datetime) -> None:
    why = row.parks_because
    if why is not None:
        refused_addresses.park_address(row.recipient, said=row.said, now=now, why=why)
        claims.try_now(
            recipient=row.recipient, now=now
        )  # what waits for the address is told to the next in line
        deliver_soon()
    about = message_id or _newest_to(row.recipient, now)
    if about is None:
        return
    said = kept.keep(
        claims.WORDS, "marked_as_spam" if row.kind == ReturnKind.COMPLAINT else "came_back", said=row.said
    )
    claims.record_return(
        message_id=about, reason=said, again_at=None if why is not None else now + AGAIN_AFTER
    )


def _newest_to(recipient: str, now: datetime) -> int | None:
    """Return the mail that a report is taken to be about which names the address alone: the newest that nothing came back of.

    Each such report takes one. To be told twice is better than not to be told.
    """
    sent = Message.objects.filter(
        recipient=recipient, state=Message.State.SENT, sent_at__gt=now - COMES_BACK_WITHIN
    )
    return sent.order_by("-pk").values_list("pk", flat=True).first()


# --- what mail services report, by anymail's events, which `adtoken_project.ops.views` takes in. A service proves itself by its
# signature or by MAIL_WEBHOOK_SECRET, so what it names is believed.

logger = logging.getLogger(__name__)

LOOKED_AT = 50  # newest mails of an address that a Message-ID is looked for in
# How services call a bounce that may pass, and in which fields of their reports: anymail has one word for both.
_SOFT = re.compile(r"soft|transient|temporary|undetermined|\bfull\b|\bquota\b", re.IGNORECASE)
_OWN = re.compile(r"'(?:[Tt]ype|event|status|severity|bounce_?[Tt]ype|classification|error)': '([^']*)'")
SUPPRESSED = frozenset({RejectReason.INVALID, RejectReason.BOUNCED, RejectReason.SPAM})


def receive_report(sender: Any, *, event: AnymailTrackingEvent, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    """Act on what an event reports, if it is that a mail did not arrive.

    One that cannot be acted on holds up no other: a service would repeat it, and all that it tells beside it. Raises Error where the
    database is away; then the service repeats it.
    """
    kind = kind_of_event(event)
    if kind is None:
        return
    message = _message_of(event)
    recipient = message.recipient if message else (event.recipient or "").strip().lower()
    if "@" not in recipient or (message is None and not _was_mailed(recipient)):
        return  # a complaint without a name, or the mail of another product that has the same account at the service
    said = clean_line(str(event.mta_response or event.description or event.reject_reason or ""), 300)
    known = (event.event_type, event.event_id, event.message_id, recipient, event.timestamp)
    report_id = ":".join(map(str, known))
    try:
        note_return(
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


def kind_of_event(event: AnymailTrackingEvent) -> MailReturn.Kind | None:
    """Return what an event means for its mail; None where it arrived, or may still."""
    stopped = event.event_type == EventType.REJECTED and event.reject_reason == RejectReason.UNSUBSCRIBED
    if event.event_type == EventType.UNSUBSCRIBED or stopped:
        return ReturnKind.STOPPED
    if event.event_type == EventType.REJECTED and event.reject_reason in SUPPRESSED:
        return ReturnKind.HARD  # it no longer sends there
    if event.event_type == EventType.BOUNCED:
        return _of_bounced(event)
    kinds = {
        EventType.COMPLAINED: ReturnKind.COMPLAINT,
        EventType.REJECTED: ReturnKind.SOFT,
        EventType.FAILED: ReturnKind.SOFT,
    }
    return kinds.get(event.event_type)


def _of_bounced(event: AnymailTrackingEvent) -> MailReturn.Kind:
    """Return what a bounce means: by the status in the server's words, else by the service's own."""
    said = f"{event.mta_response or ''} {event.description or ''}"
    if statuses.status_in(said):
        return statuses.kind_of(said)
    own = " ".join([said, *_OWN.findall(str(event.esp_event))])
    for_good = event.reject_reason in {RejectReason.INVALID, RejectReason.BOUNCED}
    return (
        ReturnKind.SOFT
        if _SOFT.search(own) or statuses.is_of_policy(said) or not for_good
        else ReturnKind.HARD
    )


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


def register_reports() -> None:
    """Receive the events."""
    tracking.connect(receive_report, dispatch_uid="notifications.service_reports")
