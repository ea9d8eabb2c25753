"""Parked addresses: mail reaches nobody there, so somebody else is told.

The mail server refuses the address, mails come back, or its reader marks one as spam or unsubscribes at the mail service. Nothing is
mailed there until staff release it, or its reader confirms it by a mailed link.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from users.models import AddressEvent, RefusedAddress, User

Why = RefusedAddress.Why


def park_address(address: str, *, said: str, now: datetime, why: Why = Why.REFUSED) -> None:
    """Park an address in the caller's transaction, and keep what its server said; what was said last counts."""
    email = address.lower()
    facts = {"said": said[:300], "refused_at": now, "why": why}
    _, created = RefusedAddress.objects.update_or_create(
        email=email, defaults=facts, create_defaults={**facts, "since": now}
    )
    if created:
        AddressEvent.objects.create(
            kind=AddressEvent.Kind.PARKED, email=email, why=why, said=said[:300], at=now
        )


@transaction.atomic
def release_addresses(
    addresses: Iterable[str], *, now: datetime, by: User | None = None, confirmed: bool = False
) -> set[str]:
    """Have addresses mailed again, because somebody of staff or (`confirmed`) their reader said so.

    Return those, in lower case, that were parked until now.
    """
    emails = [address.lower() for address in addresses]
    rows = list(RefusedAddress.objects.select_for_update().filter(email__in=emails).order_by("email"))
    RefusedAddress.objects.filter(pk__in=[row.pk for row in rows]).delete()
    kind = AddressEvent.Kind.CONFIRMED if confirmed else AddressEvent.Kind.RELEASED
    AddressEvent.objects.bulk_create(
        AddressEvent(email=row.email, kind=kind, why=row.why, at=now, by=by) for row in rows
    )
    return {row.email for row in rows}


def confirm_address(address: str, *, mailed_at: datetime, now: datetime) -> bool:
    """Release an address whose reader used what was mailed there at that moment. Return False where it was parked only since, or is not."""
    since = RefusedAddress.objects.of(address).values_list("since", flat=True).first()
    if since is None or since.replace(microsecond=0) > mailed_at:  # a link tells whole seconds
        return False
    return bool(release_addresses([address], now=now, confirmed=True))


def stays_parked(address: str) -> bool:
    """Return whether an address is parked; then nobody releases it before the caller's transaction ends."""
    return RefusedAddress.objects.of(address).select_for_update().first() is not None
