"""Operators hear of addresses that were parked: one mail for those of an hour, however many there are."""

from collections import Counter
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from notifications import composing, kinds, outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from ui import addresses
from users.models import RefusedAddress
from users.recipients import operators

KIND = "parked"
GATHER = timedelta(minutes=1)  # bounces of one cause come together
QUIET = timedelta(hours=1)  # between two such mails
SHOWN = 20
DOMAINS = 5


@transaction.atomic
def tell_operators(now: datetime) -> int:
    """Write one message to each operator about addresses of which none were told. Returns how many messages."""
    untold = RefusedAddress.objects.filter(told_at=None)
    oldest = untold.order_by("since").values_list("since", flat=True).first()
    if oldest is None or oldest > now - GATHER or _told_lately(now):
        return 0
    untold.update(told_at=now)
    written = 0
    for address in operators():
        key = f"{KIND}:{now.isoformat()}:{address}"
        payload = {"told_at": now.isoformat()}
        written += outbox.enqueue(kind=KIND, recipient=address, dedupe_key=key, payload=payload, now=now)
    return written


def _told_lately(now: datetime) -> bool:
    return RefusedAddress.objects.filter(told_at__gt=now - QUIET).exists()


def build(message: Message) -> Mail:
    """Return the mail about those that are still parked. Raises NotWanted where all were released."""
    told_at = datetime.fromisoformat(message.payload["told_at"])
    rows = RefusedAddress.objects.filter(told_at=told_at).order_by("email")
    emails = list(rows.values_list("email", flat=True))
    if not emails:
        raise NotWanted("addresses_released")
    facts = {
        "count": len(emails),
        "domains": _domains(emails),
        "shown": [
            {"email": row.email, "why": row.get_why_display(), "said": row.said} for row in rows[:SHOWN]
        ],
        "more": max(0, len(emails) - SHOWN),
        "url": addresses.absolute_url("admin:users_refusedaddress_changelist"),
    }
    return composing.compose(KIND, message, composing.reader_of(message), facts)


def _domains(emails: list[str]) -> str:
    """Return the domains with most of these addresses, with how many."""
    found = Counter(email.rpartition("@")[2] for email in emails).most_common(DOMAINS)
    return ", ".join(f"{domain} ({number})" for domain, number in found)


def register() -> None:
    """Say how the mail is built. Called once, when the app starts."""
    kinds.register(KIND, build, name=_("Addresses that mail does not reach"))
