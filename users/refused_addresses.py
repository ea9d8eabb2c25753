"""Parked addresses: mail reaches nobody there, so somebody else is told.

Five ways lead here: the mail server refuses the address, turns our mails away by a policy, mails come back for good, mails come back again
and again, or the reader marks one as spam or unsubscribes. What was only refused is tried again, and is parked no more, once a mail was
taken or a week has passed; what a policy turned away, once a week has passed. Everything else stays until staff release it or its reader
confirms it: a server that takes every mail and sends it back later has proved nothing by taking one.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import QuerySet

from users.models import AddressEvent, RefusedAddress, User

Why = RefusedAddress.Why
STANDS_FOR = timedelta(days=7)
REMEMBERED = timedelta(
    days=60
)  # what is refused again so soon after it was tried again is no longer tried by itself
# A later reason replaces one that weighs less.
_WEIGHT = {
    Why.REFUSED: 0, Why.POLICY: 1, Why.AGAIN: 2, Why.RETURNED: 3, Why.BOUNCED: 4, Why.STOPPED: 5, Why.COMPLAINED: 6,
}  # fmt: skip
PASSES = frozenset({Why.REFUSED, Why.POLICY})  # by itself, a week after a mail was last refused


def note(
    address: str, *, said: str, now: datetime, why: Why = Why.REFUSED, message: int | None = None
) -> None:
    """Park an address in the caller's transaction, and keep what its server said. `message`: the id of the mail that led to it."""
    email = address.lower()
    if why == Why.REFUSED and _lapsed_lately(email, now):
        why = Why.AGAIN
    facts = {"said": said[:300], "refused_at": now}
    row, created = RefusedAddress.objects.get_or_create(
        email=email, defaults={**facts, "since": now, "why": why, "message": message}
    )
    heavier = not created and _WEIGHT[why] > _WEIGHT[Why(row.why)]
    if not created:
        changes = facts | ({"why": why, "message": message} if heavier else {})
        RefusedAddress.objects.filter(pk=row.pk).update(**changes)
    if created or heavier:
        _record(AddressEvent.Kind.PARKED, email, why=why, said=said, at=now, message=message)


def forget(addresses: Iterable[str]) -> None:
    """Note that the mail server took mails for these addresses. Those whose mails come back stay parked."""
    with connection.cursor() as cursor:  # as each mail does: Django's own deletion would be most of its cost
        given = [address.lower() for address in addresses]
        cursor.execute(
            "with gone as (delete from users_refusedaddress where email = any(%s) and why = %s returning email, why, said)"
            " insert into users_addressevent (email, kind, why, said, at) select email, %s, why, said, now() from gone",
            [given, Why.REFUSED, AddressEvent.Kind.TAKEN],
        )


@transaction.atomic
def release(address: str, *, now: datetime, by: User | None = None, confirmed: bool = False) -> bool:
    """Have an address mailed again, because somebody of staff or (`confirmed`) its reader said so. Return False where it is not parked."""
    email = address.lower()
    row = RefusedAddress.objects.select_for_update().filter(email=email).first()
    if row is None:
        return False
    row.delete()
    kind = AddressEvent.Kind.CONFIRMED if confirmed else AddressEvent.Kind.RELEASED
    _record(kind, email, why=row.why, at=now, by=by)
    return True


def confirm(address: str, *, mailed_at: datetime, now: datetime) -> bool:
    """Release an address whose reader used what was mailed there at that moment. Return False where it was parked only since, or is not."""
    since = RefusedAddress.objects.filter(email=address.lower()).values_list("since", flat=True).first()
    if since is None or since.replace(microsecond=0) > mailed_at:  # a link tells whole seconds
        return False
    return release(address, now=now, confirmed=True)


@transaction.atomic
def release_all(addresses: Iterable[str], *, now: datetime, by: User) -> set[str]:
    """Have many addresses mailed again, because somebody of staff said so. Return those, in lower case, that were parked until now."""
    emails = [address.lower() for address in addresses]
    rows = list(RefusedAddress.objects.select_for_update().filter(email__in=emails).order_by("email"))
    RefusedAddress.objects.filter(pk__in=[row.pk for row in rows]).delete()
    AddressEvent.objects.bulk_create(
        AddressEvent(email=row.email, kind=AddressEvent.Kind.RELEASED, why=row.why, at=now, by=by)
        for row in rows
    )
    return {row.email for row in rows}


@transaction.atomic
def sweep(*, now: datetime) -> int:
    """Let addresses be tried again that were refused, or turned away, a week ago. Returns how many."""
    lapsed = RefusedAddress.objects.filter(why__in=PASSES, refused_at__lte=now - STANDS_FOR)
    rows = list(lapsed.select_for_update())
    AddressEvent.objects.bulk_create(
        AddressEvent(email=row.email, kind=AddressEvent.Kind.LAPSED, why=row.why, at=now) for row in rows
    )
    RefusedAddress.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def is_refused(address: str) -> bool:
    """Return whether an address is parked."""
    return RefusedAddress.objects.filter(email=address.lower()).exists()


def among(addresses: Iterable[str]) -> set[str]:
    """Return those of these addresses (in lower case) that are parked."""
    found = RefusedAddress.objects.filter(email__in=list(addresses))
    return set(found.values_list("email", flat=True))


def all_of_them() -> QuerySet[RefusedAddress, str]:
    """Return the parked addresses, for the where clause of another query."""
    return RefusedAddress.objects.values_list("email", flat=True)


def not_mailed() -> QuerySet[RefusedAddress]:
    """Return the parked addresses to which nothing is sent; those that a server merely refused are tried again."""
    return RefusedAddress.objects.exclude(why=Why.REFUSED)


def stays_parked(address: str) -> bool:
    """Return whether nothing is sent to an address; then nobody releases it before the caller's transaction ends."""
    return not_mailed().filter(email=address.lower()).select_for_update().first() is not None


def begins_anew(email: str, *, since: datetime) -> datetime:
    """Return when an address (in lower case) was last released or confirmed after `since`, else `since`: what was before counts no more."""
    kinds = [AddressEvent.Kind.RELEASED, AddressEvent.Kind.CONFIRMED]
    released = AddressEvent.objects.filter(email=email, kind__in=kinds, at__gt=since)
    return released.order_by("-at").values_list("at", flat=True).first() or since


def _lapsed_lately(email: str, now: datetime) -> bool:
    since = begins_anew(email, since=now - REMEMBERED)
    lapsed = AddressEvent.objects.filter(email=email, kind=AddressEvent.Kind.LAPSED, at__gt=since)
    return lapsed.filter(why__in=["", Why.REFUSED]).exists()


def _record(kind: AddressEvent.Kind, email: str, *, at: datetime, said: str = "", **facts: object) -> None:
    AddressEvent.objects.create(kind=kind, email=email, said=said[:300], at=at, **facts)
