"""What is done about mails that came back: an address is parked, what a mail told is told to the next in line, or it is sent once more."""

import hashlib
from datetime import datetime, timedelta

from django.db import transaction

from notifications.delivery import claims
from notifications.models import MailReturn, Message
from notifications.outbox.services import deliver_soon
from ui import stored_phrases as kept
from users.addresses import services as refused_addresses
from users.models import RefusedAddress

Kind, Why = MailReturn.Kind, RefusedAddress.Why
AT_ONCE = {Kind.HARD: Why.BOUNCED, Kind.COMPLAINT: Why.COMPLAINED, Kind.STOPPED: Why.STOPPED}  # one parks
SEVERAL, SEVERAL_WITHIN = (
    3,
    timedelta(days=14),
)  # mails that come back, though each might have passed: these park
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
    why = AT_ONCE.get(Kind(row.kind)) or _after_several(row)
    if why is not None:
        refused_addresses.park_address(row.recipient, said=row.said, now=now, why=why)
        claims.hurry(
            recipient=row.recipient, now=now
        )  # what waits for the address is told to the next in line
        deliver_soon()
    about = message_id or _newest_to(row.recipient, now)
    if about is None:
        return
    said = kept.keep(
        claims.WORDS, "marked_as_spam" if row.kind == Kind.COMPLAINT else "came_back", said=row.said
    )
    claims.came_back(message_id=about, reason=said, again_at=None if why is not None else now + AGAIN_AFTER)


def _newest_to(recipient: str, now: datetime) -> int | None:
    """Return the mail that a report is taken to be about which names the address alone: the newest that nothing came back of.

    Each such report takes one. To be told twice is better than not to be told.
    """
    sent = Message.objects.filter(
        recipient=recipient, state=Message.State.SENT, sent_at__gt=now - COMES_BACK_WITHIN
    )
    return sent.order_by("-pk").values_list("pk", flat=True).first()


def _after_several(row: MailReturn) -> RefusedAddress.Why | None:
    """Return what parks an address where this was the last of as many mails as may come back within so many days; else None.

    What was before somebody released it does not count.
    """
    since = refused_addresses.counted_from(row.recipient, since=row.at - SEVERAL_WITHIN)
    found = MailReturn.objects.filter(recipient=row.recipient, kind=Kind.SOFT, at__gte=since, at__lte=row.at)
    return Why.BOUNCED if found.count() >= SEVERAL else None
