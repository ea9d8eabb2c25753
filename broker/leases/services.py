"""Leases: a token that works now, how to send it, and proof of which one. Stateless and signed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, get_args

from django.conf import settings
from django.core import signing

from accounts.models import LeaseRecord
from broker.leases import records
from broker.leases import rows as lease_rows
from broker.leases import slow as slow_leases
from broker.leases.callers import Caller
from broker.leases.errors import LeaseOver, NotFound
from broker.leases.rows import LeaseRow, Purpose, servable, spare
from broker.leases.texts import text
from tokens import lifecycle
from tokens.channel_apps.models import keys_by_version
from tokens.channels import registry
from tokens.channels.kinds import Credentials, Send
from tokens.vault import services as vault
from users.installation import hold

VERSION = 2
SALT = "adtoken.lease"
USE_NOTED_EVERY = timedelta(hours=1)  # so that the hot path writes nothing of the token
LEASE_FOR = timedelta(minutes=15)
REPORT_FOR = timedelta(hours=24)


@dataclass(frozen=True)
class Lease:
    """What a publishing job gets. `send` is merged blindly into the request; where `signs` is true, `sign` makes the header."""

    lease_id: str
    expires_at: datetime
    channel: str
    native_id: str
    token_id: int
    native_user: str | None  # None: somebody outside the caller's teams
    signs: bool
    send: Send = field(repr=False)


@dataclass(frozen=True)
class Claims:
    """What a lease id says, once its signature was checked."""

    key_id: int
    account_id: int
    token_id: int
    generation: int
    issued_at: datetime
    expires_at: datetime
    purpose: Purpose


def lease(
    *,
    caller: Caller,
    channel: str,
    native_id: str,
    now: datetime,
    min_valid_for: int = 0,
    purpose: Purpose = "publish",
) -> Lease:
    """Return a token that works now, for at least `min_valid_for` seconds.

    Raises NotFound, OnHold, NotAvailable (only a person can help), or Busy (we are checking, or the hand-out could not be recorded). The
    ordinary path is one indexed read, one decryption and one row of the record.
    """
    hold.refuse()
    row = serving(caller, channel, native_id, now + timedelta(seconds=min_valid_for), purpose, now)
    return hand_out(caller, row, purpose, now)


def serving(
    caller: Caller, channel: str, native_id: str, until: datetime, purpose: Purpose, now: datetime
) -> LeaseRow:
    """Return the account with the token that serves until then; nothing is handed out. Raises NotFound, NotAvailable, Busy."""
    row = lease_rows.read(caller, channel, native_id)
    if servable(row, max(until, now + spare(row.channel)), purpose):
        return row
    return slow_leases.find_slowly(caller, row, until, purpose, now, slow_leases.wait)


def hand_out(caller: Caller, row: LeaseRow, purpose: Purpose, now: datetime) -> Lease:
    """Make the lease of a token that serves, and put it on record. Raises VaultError, or Busy where it could not be recorded."""
    made = make(caller, row, purpose, now)
    note_uses([row], now)
    records.write_record(caller, LeaseRecord.Kind.LEASE, given(row, made, purpose), now=now)
    return made


def make(caller: Caller, row: LeaseRow, purpose: Purpose, now: datetime) -> Lease:
    """Open and sign: the lease, which may be handed out once it is on record. Raises VaultError."""
    assert row.token_id is not None  # whoever found the row saw to it
    assert row.credentials is not None
    keys = keys_by_version(row.app_id, row.app_version)
    owner = f"token:{row.channel}:{keys.client_id}:{row.native_user_id}"
    credentials = Credentials(**vault.unseal(owner, vault.Sealed(row.credentials)))
    native = registry.get(row.channel)
    expires_at = now + LEASE_FOR
    if row.access_expires_at is not None:
        expires_at = min(expires_at, row.access_expires_at)
    parts: list[Any] = [VERSION, caller.key_id, row.account_id, row.token_id, row.generation]
    ends = int(expires_at.timestamp())
    parts += [int(now.timestamp()), ends, purpose]
    lease_id = _signer(settings.SECRET_KEY).sign_object(parts)
    return Lease(
        lease_id=lease_id,
        expires_at=_time(ends),
        channel=row.channel,
        native_id=row.native_id,
        token_id=row.token_id,
        native_user=row.native_user if row.named else None,
        signs=native.signs,
        send=native.send(keys, credentials),
    )


@lru_cache(maxsize=4)
def _signer(key: str) -> signing.TimestampSigner:
    """Return what `signing.dumps` makes anew for every value."""
    return signing.TimestampSigner(key=key, salt=SALT)


def given(row: LeaseRow, made: Lease, purpose: Purpose) -> records.Given:
    """Return what the record says of a lease."""
    return records.Given(row.account_id, made.token_id, row.generation, purpose, made.lease_id)


def note_uses(rows: Iterable[LeaseRow], now: datetime) -> None:
    """Note that tokens are in use, where that is due."""
    used = {
        row.token_id
        for row in rows
        if row.token_id is not None and (row.last_used_at is None or now - row.last_used_at > USE_NOTED_EVERY)
    }
    for token_id in sorted(used):
        lifecycle.note_use(token_id=token_id, now=now)


def open_lease(lease_id: str, *, caller: Caller, now: datetime, for_sending: bool) -> Claims:
    """Check a lease id and return what it says.

    Raises NotFound for a forged id or another key's lease, LeaseOver past its end (of sending, or of the 24 hours for reports).
    """
    try:
        version, key, account, token, generation, issued, expires, purpose = signing.loads(
            lease_id, salt=SALT
        )
        if version != VERSION or purpose not in get_args(Purpose):
            raise ValueError("nothing that we ever signed")
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise NotFound(text("no_lease")) from error
    if key != caller.key_id:
        raise NotFound(text("no_lease"))
    claims = Claims(key, account, token, generation, _time(issued), _time(expires), purpose)
    if now > (claims.expires_at if for_sending else claims.issued_at + REPORT_FOR):
        raise LeaseOver(text("lease_over"))
    return claims


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
