"""The mail that mails do not arrive: to whoever had somebody asked by one, since nobody else could know, and to operators.

Whoever asked (by a client link, an invitation) hears of that mail. Operators hear of addresses that were parked: one mail for those of an
hour, however many there are.
"""

from collections import Counter
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from notifications.models import Message
from notifications.outbox import composing, kinds
from notifications.outbox import services as outbox
from notifications.outbox.kinds import Mail, NotWanted
from ui import addresses, dates
from ui.text import first_name
from users.models import RefusedAddress, User
from users.people.recipients import operators

KIND = "not_arrived"
GATHER = timedelta(minutes=1)  # bounces of one cause come together
QUIET = timedelta(hours=1)  # between two mails to operators
SHOWN = 20
DOMAINS = 5


def tell_person(*, about: Message, to: User, now: datetime, page: str = "", page_id: int = 0) -> None:
    """Write to a person, in the caller's transaction, that a mail in their name failed; once, however often it is sent again.

    `page` names the page that helps, of `page_id`; "": none. What it says is the same for every kind of mail: whether an address has a
    log-in here is not told to whoever asks it.
    """
    outbox.enqueue(
        kind=KIND,
        recipient=to.email,
        dedupe_key=f"{KIND}:{about.pk}:{to.pk}",
        payload={"message": about.pk, "user": to.pk, "page": page, "of": page_id},
        now=now,
    )


@transaction.atomic
def tell_operators(now: datetime) -> int:
    """Write one message to each operator about addresses of which none were told. Returns how many messages."""
    parked = RefusedAddress.objects
    oldest = parked.filter(told_at=None).order_by("since").values_list("since", flat=True).first()
    if oldest is None or oldest > now - GATHER or parked.filter(told_at__gt=now - QUIET).exists():
        return 0
    parked.filter(told_at=None).update(told_at=now)
    return sum(
        outbox.enqueue(
            kind=KIND,
            recipient=address,
            dedupe_key=f"{KIND}:{now.isoformat()}:{address}",
            payload={"told_at": now.isoformat()},
            now=now,
        )
        for address in operators()
    )


def build_unarrived(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where all addresses were released.

    Of one mail: where that was sent again since, is gone, or the person can no longer log in.
    """
    reader = composing.reader_of(message)
    facts = _parked(message) if "told_at" in message.payload else _of_one(message, reader)
    return composing.compose(KIND, message, reader, facts)


def _of_one(message: Message, reader: composing.Reader) -> dict[str, object]:
    said = message.payload
    if reader.user is None or reader.user.pk != said["user"]:
        raise NotWanted("person_left")
    about = Message.objects.filter(pk=said["message"]).first()
    if about is None or not about.is_unarrived:
        raise NotWanted("sent_again")
    return {
        "email": about.recipient,
        "first_name": first_name(str(reader.user)),
        "at": dates.moment(about.created_at, zone=reader.zone).full,
        "what": about.subject,
        "url": addresses.absolute_url(said["page"], said["of"]) if said["page"] else "",
    }


def _parked(message: Message) -> dict[str, object]:
    told_at = datetime.fromisoformat(message.payload["told_at"])
    rows = list(RefusedAddress.objects.filter(told_at=told_at).order_by("email"))
    if not rows:
        raise NotWanted("addresses_released")
    domains = Counter(row.email.rpartition("@")[2] for row in rows).most_common(DOMAINS)
    return {
        "count": len(rows),
        "domains": ", ".join(f"{domain} ({number})" for domain, number in domains),
        "shown": [
            {"email": row.email, "why": row.get_why_display(), "said": row.said} for row in rows[:SHOWN]
        ],
        "more": max(0, len(rows) - SHOWN),
        "url": addresses.absolute_url("admin:users_refusedaddress_changelist"),
    }


def register() -> None:
    """Say how the mail is built."""
    kinds.register(KIND, build_unarrived, name=_("A mail did not arrive"))
