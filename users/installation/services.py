"""The installation that a database belongs to: what it is bound to, and who may say that this has changed. See `hold`."""

import hashlib
import ipaddress
import logging
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models.expressions import RawSQL

from infra.keys import fingerprints
from users.installation.hold import Hold, forget
from users.installation.models import Installation

_IDENTITY = """
select (select system_identifier from pg_control_system()) || '/' || (select oid from pg_database where datname = current_database())
"""
logger = logging.getLogger(__name__)

ROUND = timedelta(days=1)  # what was heard before is asked again


def put_on(*, because: str, now: datetime) -> None:
    """Put this installation on hold by hand. All processes know within a second."""
    row = _row()
    if row.held_at is None:
        row.held_at, row.round_began_at = now, None
    row.held_because = because[:300]
    row.save(update_fields=["held_at", "held_because", "round_began_at"])
    logger.warning("This installation was put on hold: %s", because)
    forget()


def begin_round(*, now: datetime) -> datetime:
    """Note that a release asks about all log-ins; returns since when, which is earlier where one was stopped lately."""
    row = _row()
    if row.round_began_at is None or now - row.round_began_at > ROUND:
        row.round_began_at = now
        row.save(update_fields=["round_began_at"])
    return row.round_began_at


@transaction.atomic
def release_hold(*, as_copy: bool = False) -> None:
    """End the hold: bind the database to what this process has. A copy becomes another installation."""
    row = Installation.objects.select_for_update().get(pk=_row().pk)
    row.address, row.keys, row.database = _address(), list(fingerprints()), _identity()
    if as_copy:
        row.number = uuid4()
    row.held_at, row.held_because, row.round_began_at = None, "", None
    row.save()
    logger.warning(
        "The hold of this installation ended: it goes on as %s.", "a copy" if as_copy else "the same"
    )
    transaction.on_commit(forget)


def compare_installation() -> Hold | None:
    """Compare what the row says with what this process has. Returns why that is a hold, or None.

    One statement, because it is asked all the time.
    """
    here = RawSQL(_IDENTITY, ())  # noqa: S611  # a constant
    row = Installation.objects.annotate(here=here).filter(pk=Installation.ONLY).first()
    if row is None:
        _row()
        return compare_installation()
    ring = fingerprints()
    hold = row.hold_here(database=row.here, address=_address(), keys=ring)
    if hold is None and not set(ring) <= set(row.keys):  # a new key on its way in
        Installation.objects.filter(pk=row.pk).update(keys=sorted({*row.keys, *ring}))
    return hold


def _row() -> Installation:
    """Return the row; where there is none yet, the database is bound to this process's settings."""
    row = Installation.objects.filter(pk=Installation.ONLY).first()
    if row is None:
        fresh = Installation(address=_address(), keys=list(fingerprints()), database=_identity())
        Installation.objects.bulk_create([fresh], ignore_conflicts=True)
        row = Installation.objects.get(pk=Installation.ONLY)
    return row


def _identity() -> str:
    with connection.cursor() as cursor:
        cursor.execute(_IDENTITY)
        return str(cursor.fetchone()[0])


def _address() -> str:
    """Return a hash of where people reach this installation. The scheme may change, and on this machine the port, too."""
    url = urlsplit(settings.BASE_URL)
    host = (url.hostname or "").lower()
    usual = {"https": 443, "http": 80}.get(url.scheme)
    place = host if is_loopback(host) or url.port in {None, usual} else f"{host}:{url.port}"
    return hashlib.sha256(place.encode()).hexdigest()


def is_loopback(host: str) -> bool:
    """Return whether a host name or address can only mean this machine. Takes brackets of IPv6; a wildcard means others, too."""
    host = host.strip("[]").lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return not host.startswith(".")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
