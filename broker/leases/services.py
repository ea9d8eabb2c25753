"""Leases for one account or many: a token that works now, how to send it, and proof of which one. Signing with it. Stateless.

Nothing of a batch waits for a channel. What must be renewed first is asked for, once a token, and answered "retry later"; what needs a
closer look (another token of the pool, the reason why only a person can help) is looked at while there is time.

Signing is for OAuth 1.0a: the app's secrets never leave, and each signature is for the lease's ad account alone.
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, get_args
from urllib.parse import urlsplit

from django.conf import settings
from django.core import signing
from django.db import DatabaseError
from django.views.decorators.debug import sensitive_variables

from accounts.models import Account, AccountToken, LeaseRecord
from broker.leases import queries, records
from broker.leases import slow as slow_leases
from broker.leases.callers import Caller
from broker.leases.errors import BrokerError, BrokerRefused, Busy, Failed, LeaseOver, NotFound
from broker.leases.queries import LeaseRow, Name, Purpose, servable, spare
from broker.leases.slow import Later, Wanted, not_available
from broker.leases.texts import text
from infra.keys import fingerprints
from tokens import lifecycle
from tokens.channel_apps.models import keys_by_version
from tokens.channels import registry
from tokens.channels.kinds import AppKeys, Credentials, Send
from tokens.models import Token
from tokens.vault import services as vault
from tokens.vault.services import VaultError
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
    base_url: str  # of the channel's ads API
    version: str
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
    row = find_serving(caller, channel, native_id, now + timedelta(seconds=min_valid_for), purpose, now)
    return hand_out_lease(caller, row, purpose, now)


def find_serving(
    caller: Caller, channel: str, native_id: str, until: datetime, purpose: Purpose, now: datetime
) -> LeaseRow:
    """Return the account with the token that serves until then; nothing is handed out. Raises NotFound, NotAvailable, Busy."""
    row = queries.read_row(caller, channel, native_id)
    if servable(row, max(until, now + spare(row.channel)), purpose):
        return row
    return slow_leases.find_slowly(caller, row, until, purpose, now, slow_leases.wait_for_longer)


def hand_out_lease(caller: Caller, row: LeaseRow, purpose: Purpose, now: datetime) -> Lease:
    """Make the lease of a token that serves, and put it on record. Raises VaultError, or Busy where it could not be recorded."""
    made = make_lease(caller, row, purpose, now)
    note_uses([row], now)
    records.write_record(caller, LeaseRecord.Kind.LEASE, record_of(row, made, purpose), now=now)
    return made


def make_lease(caller: Caller, row: LeaseRow, purpose: Purpose, now: datetime) -> Lease:
    """Open and sign: the lease, which may be handed out once it is on record. Raises VaultError."""
    assert row.token_id is not None  # whoever found the row saw to it
    keys = keys_by_version(row.app_id, row.app_version)
    credentials = open_credentials(row, keys)
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
        base_url=native.base_url(),
        version=native.version(),
        signs=native.signs,
        send=native.send(keys, credentials),
    )


def open_credentials(row: LeaseRow, keys: AppKeys) -> Credentials:
    """Open the credentials of a row's token, which it has. Raises VaultError."""
    assert row.credentials is not None
    owner = f"token:{row.channel}:{keys.client_id}:{row.native_user_id}"
    return _opened(owner, row.credentials, fingerprints())


@lru_cache(maxsize=10_000)  # the next call for an account opens the same; 10 MB at most
@sensitive_variables()
def _opened(owner: str, ciphertext: bytes, _keys: tuple[str, ...]) -> Credentials:
    return Credentials(**vault.unseal(owner, vault.Sealed(ciphertext)))


@lru_cache(maxsize=4)
def _signer(key: str) -> signing.TimestampSigner:
    """Return what `signing.dumps` makes anew for every value."""
    return signing.TimestampSigner(key=key, salt=SALT)


def record_of(row: LeaseRow, made: Lease, purpose: Purpose) -> records.Given:
    """Return what the record says of a lease."""
    return records.Given(row.account_id, made.token_id, row.generation, purpose, made.lease_id)


def note_uses(rows: Iterable[LeaseRow], now: datetime) -> None:
    """Note that tokens are in use, where that is due."""
    used = {row.token_id for row in rows if use_is_due(row, now)}
    for token_id in sorted(filter(None, used)):
        lifecycle.note_use(token_id=token_id, now=now)


def use_is_due(row: LeaseRow, now: datetime) -> bool:
    """Return whether a use of the row's token is to be noted."""
    return row.token_id is not None and (row.last_used_at is None or now - row.last_used_at > USE_NOTED_EVERY)


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


logger = logging.getLogger(__name__)

MOST = 100  # accounts of one call
LOOK_FOR = 2.0  # seconds for all accounts that need a closer look
AGAIN_AFTER = 1  # seconds after which the rest may be asked for

Answer = Lease | BrokerError | VaultError


def lease_many(
    *,
    caller: Caller,
    accounts: Sequence[Name],
    now: datetime,
    min_valid_for: int = 0,
    purpose: Purpose = "publish",
) -> list[Answer]:
    """Return for each account (channel, native id), in their order, what `lease` would give or raise.

    Raises OnHold. Whatever cannot be recorded is Busy.
    """
    hold.refuse()
    batch = Batch(caller, purpose, now, now + timedelta(seconds=min_valid_for))
    rows = queries.read_rows(caller, accounts)
    answers = [batch.answer(rows.get(name)) for name in accounts]
    note_uses(batch.served, now)
    try:
        if batch.given:
            records.write_records(caller, batch.given, now=now)
    except Busy as busy:
        return [busy if isinstance(answer, Lease) else answer for answer in answers]
    return answers


@dataclass
class Batch:
    """What the accounts of one call have in common."""

    caller: Caller
    purpose: Purpose
    now: datetime
    until: datetime
    ends: float = field(default_factory=lambda: time.monotonic() + LOOK_FOR)
    served: list[LeaseRow] = field(default_factory=list)
    given: list[records.Given] = field(default_factory=list)
    asked: dict[int, Later | None] = field(default_factory=dict)  # token -> when it may live longer

    def answer(self, row: LeaseRow | None) -> Answer:
        """Return one account's lease, which is not on record yet, or why there is none."""
        if row is None:
            return NotFound(text("no_account"))
        try:
            if not servable(row, max(self.until, self.now + spare(row.channel)), self.purpose):
                row = self._look_closer(row)
            made = make_lease(self.caller, row, self.purpose, self.now)
        except (BrokerError, VaultError) as error:
            return error
        except DatabaseError:
            raise  # it concerns all
        except Exception:  # one account's fault must not cost the others their leases
            logger.exception("account %s could not be leased in a batch", row.account_id)
            return Failed()
        self.served.append(row)
        self.given.append(record_of(row, made, self.purpose))
        return made

    def _look_closer(self, row: LeaseRow) -> LeaseRow:
        if time.monotonic() > self.ends:
            raise Busy(AGAIN_AFTER, text("put_off"))
        return slow_leases.find_slowly(self.caller, row, self.until, self.purpose, self.now, self._leave)

    def _leave(self, wanted: Wanted, now: datetime) -> Later | None:
        """Ask for a renewal once, however many accounts are behind the token."""
        if wanted.token_id not in self.asked:
            self.asked[wanted.token_id] = slow_leases.ask_for_longer(wanted, now)
        return self.asked[wanted.token_id]


class SigningRow(NamedTuple):
    """What holds now of the lease's account, token and pool entry: the facts of the one read."""

    channel: str
    native_id: str
    team_id: int
    state: str
    restriction: str
    token_state: str
    generation: int
    native_user_id: str
    credentials: bytes
    app_id: int
    app_version: int
    access: str | None
    can_publish: str | None


READ_TO_SIGN = """
select a.channel, a.native_id, a.team_id, a.state, a.restriction,
       t.state, t.generation, t.native_user_id, t.credentials, p.id, p.version, e.access, e.can_publish
from accounts_account a
join tokens_token t on t.id = %s
join tokens_channelapp p on p.id = t.app_id
left join accounts_accounttoken e on e.account_id = a.id and e.token_id = t.id
where a.id = %s
"""


def sign(
    *, caller: Caller, lease_id: str, method: str, url: str, params: Mapping[str, str], now: datetime
) -> str:
    """Return the Authorization header for one request about the lease's ad account; everything else is refused.

    Asks again in one indexed read whether the caller would get this lease now. Raises NotFound, NotAvailable (paused or restricted
    meanwhile), LeaseOver (the token has changed, stopped, or left the pool), BrokerRefused, Busy (it could not be recorded).
    """
    hold.refuse()
    claims = open_lease(lease_id, caller=caller, now=now, for_sending=True)
    row = signing_row_of(caller, queries.read(READ_TO_SIGN, [claims.token_id, claims.account_id]))
    if is_held(claims, row):
        raise not_available(claims.account_id, teams=caller.teams)
    header = make_signature(claims, row, method=method, url=url, params=params)
    records.write_record(
        caller, LeaseRecord.Kind.SIGNATURE, signature_record(claims, lease_id, method, url), now=now
    )
    return header


def signing_row_of(caller: Caller, found: Sequence[tuple[Any, ...]]) -> SigningRow:
    """Return what `READ_TO_SIGN` found. Raises NotFound where the caller does not see it."""
    row = SigningRow(*found[0]) if found else None
    if row is None or not caller.reaches(channel=row.channel, team_id=row.team_id):
        raise NotFound(text("no_lease"))
    return row


def make_signature(
    claims: Claims, row: SigningRow, *, method: str, url: str, params: Mapping[str, str]
) -> str:
    """Sign: the header, which may be handed out once it is on record. Raises LeaseOver, BrokerRefused, VaultError."""
    _ask_again(claims, row)
    keys = keys_by_version(row.app_id, row.app_version)
    owner = f"token:{row.channel}:{keys.client_id}:{row.native_user_id}"
    credentials = Credentials(**vault.unseal(owner, vault.Sealed(row.credentials)))
    try:
        return registry.get(row.channel).sign(
            keys,
            credentials,
            native_id=row.native_id,
            purpose=claims.purpose,
            method=method,
            url=url,
            params=params,
        )
    except ValueError as error:
        raise BrokerRefused(str(error)) from error


def signature_record(claims: Claims, lease_id: str, method: str, url: str) -> records.Given:
    """Return what the record says of a signature."""
    signed = f"{method} {urlsplit(url).path}"
    return records.Given(
        claims.account_id, claims.token_id, claims.generation, claims.purpose, lease_id, signed
    )


def is_held(claims: Claims, row: SigningRow) -> bool:
    """Return whether only a person can help: pausing an account works at once where every request is signed here."""
    return row.state == Account.State.PAUSED or (claims.purpose == "publish" and bool(row.restriction))


def _ask_again(claims: Claims, row: SigningRow) -> None:
    """Refuse what a new lease would refuse."""
    publishes = claims.purpose == "publish"
    if row.generation != claims.generation or row.token_state != Token.State.VALID:
        raise LeaseOver(text("token_changed"))
    if row.access != AccountToken.Access.OK or (publishes and row.can_publish == AccountToken.CanPublish.NO):
        raise LeaseOver(text("token_left"))
