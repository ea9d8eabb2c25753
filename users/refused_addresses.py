"""Addresses that a mail server refuses for good: mail reaches nobody there, so somebody else is told.

Written as mails are sent. An address is tried again, and is no longer refused, once a mail was taken or a week has passed.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet

from users.models import RefusedAddress

STANDS_FOR = timedelta(days=7)


def note(address: str, *, said: str, now: datetime) -> None:
    """Keep that the mail server refuses an address, and what it said."""
    RefusedAddress.objects.update_or_create(
        email=address.lower(),
        defaults={"said": said[:300], "refused_at": now},
        create_defaults={"said": said[:300], "refused_at": now, "since": now},
    )


def forget(addresses: Iterable[str]) -> None:
    """Note that the mail server took mails for these addresses."""
    with connection.cursor() as cursor:  # as each mail does: Django's own deletion would be most of its cost
        given = [address.lower() for address in addresses]
        cursor.execute("delete from users_refusedaddress where email = any(%s)", [given])


def sweep(*, now: datetime) -> int:
    """Let addresses be tried again that were refused a week ago. Returns how many."""
    return RefusedAddress.objects.filter(refused_at__lte=now - STANDS_FOR).delete()[0]


def is_refused(address: str) -> bool:
    """Return whether mail to an address is refused."""
    return RefusedAddress.objects.filter(email=address.lower()).exists()


def among(addresses: Iterable[str]) -> set[str]:
    """Return those of these addresses (in lower case) that are refused."""
    found = RefusedAddress.objects.filter(email__in=list(addresses))
    return set(found.values_list("email", flat=True))


def all_of_them() -> QuerySet[RefusedAddress, str]:
    """Return the refused addresses, for the where clause of another query."""
    return RefusedAddress.objects.values_list("email", flat=True)
