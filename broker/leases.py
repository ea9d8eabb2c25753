"""Leases: a token that works now, how to send it, and proof of which one. Stateless and signed."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from django.core import signing

from accounts import selection
from accounts.models import Account, AccountToken, LeaseRecord
from broker import prepared, records
from broker.callers import Caller
from broker.errors import Busy, LeaseOver, NotAvailable, NotFound
from broker.texts import text
from broker.unavailable import not_available
from tokens import lifecycle, probe, vault
from tokens.app_keys import keys_by_version
from tokens.channels import declarations, gate, registry, shares
from tokens.channels.kinds import AccountFacts, Credentials, Send
from tokens.models import ChannelApp, Token
from users import hold

VERSION = 2
WITHOUT_PURPOSE = 1  # the version of lease ids that did not name one: all were for publishing
SALT = "adtoken.lease"
LEASE_FOR = timedelta(minutes=15)
REPORT_FOR = timedelta(hours=24)
CHECK_SECONDS = 5

Purpose = Literal["publish", "read"]


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
    base_url: str | None = (
        None  # where this token is good, at a channel with regions; None: the channel has one API
    )


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


class _LeaseRow(NamedTuple):
    """The facts of the one read: account, active token, channel app's version."""

    account_id: int
    channel: str
    native_id: str
    team_id: int
    state: str
    restriction: str
    token_id: int | None
    generation: int
    native_user_id: str
    native_user: str
    credentials: bytes | None
    access_expires_at: datetime | None
    last_used_at: datetime | None
    app_id: int
    app_version: int
    region: str
    named: bool  # the caller may know whose token it is


# Who is named to whom is the rule of ui.name_visibility, here in the one read.
_READ = """
select a.id, a.channel, a.native_id, a.team_id, a.state, a.restriction,
       t.id, t.generation, t.native_user_id, t.native_user_name, t.credentials,
       case when t.dates_source ->> 'access' in ('provider', 'introspection') then t.access_expires_at end,
       t.last_used_at, t.app_id, p.version, coalesce(t.region, ''),
       case
         when %(teams)s::bigint[] is null then true
         when t.team_id is not null then t.team_id = any(%(teams)s::bigint[])
         when t.consented_by_id is null then true  -- imported: it is the account's team's
         else exists (
           select from users_membership m
           where m.user_id = t.consented_by_id and m.team_id = any(%(teams)s::bigint[])
         )
       end
from accounts_account a
left join tokens_token t on t.id = coalesce(%(token)s::bigint, a.active_token_id)
left join tokens_channelapp p on p.id = t.app_id
where a.channel = %(channel)s and a.native_id = %(native_id)s
"""

_OTHERS = """
select exists (
  select from accounts_accounttoken e join tokens_token t on t.id = e.token_id
  where e.account_id = %(account)s and t.id is distinct from %(token)s::bigint and t.state = 'valid' and e.access = 'ok'
)
"""


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
    row = _read(caller, channel, native_id)
    until = now + timedelta(seconds=min_valid_for)
    if _servable(row, max(until, now + _spare(row.channel)), purpose):
        return _make(caller, row, purpose, now)
    return _slow(caller, row, until, purpose, now)


def open_lease(lease_id: str, *, caller: Caller, now: datetime, for_sending: bool) -> Claims:
    """Check a lease id and return what it says.

    Raises NotFound for a forged id or another key's lease, LeaseOver past its end (of sending, or of the 24 hours for reports).
    """
    try:
        version, key, account, token, generation, issued, expires, *more = signing.loads(lease_id, salt=SALT)
        purpose = _purpose(version, more)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise NotFound(text("no_lease")) from error
    if key != caller.key_id:
        raise NotFound(text("no_lease"))
    claims = Claims(key, account, token, generation, _time(issued), _time(expires), purpose)
    if now > (claims.expires_at if for_sending else claims.issued_at + REPORT_FOR):
        raise LeaseOver(text("lease_over"))
    return claims


def _purpose(version: int, more: list[Any]) -> Purpose:
    """Return what a lease is for. Leases of before an upgrade go on being good. Raises ValueError for what we never signed."""
    if version == WITHOUT_PURPOSE and not more:
        return "publish"
    if version == VERSION and more in (["publish"], ["read"]):
        purpose: Purpose = more[0]
        return purpose
    raise ValueError("an unknown version of lease ids")


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _read(caller: Caller, channel: str, native_id: str, token_id: int | None = None) -> _LeaseRow:
    try:
        native_id = registry.get(channel).canonical_id(native_id)
    except (registry.UnknownChannel, ValueError) as error:
        raise NotFound(text("no_account")) from error
    teams = None if caller.teams is None else list(caller.teams)
    facts: dict[str, Any] = {"teams": teams, "token": token_id, "channel": channel, "native_id": native_id}
    found = prepared.read(_READ, facts)
    row = _LeaseRow(*found[0]) if found else None
    if row is None or not caller.reaches(channel=channel, team_id=row.team_id):
        raise NotFound(text("no_account"))
    return row


def _spare(channel: str) -> timedelta:
    policy = registry.get(channel).renewal
    return policy.spare if policy else timedelta(0)


def _servable(row: _LeaseRow, until: datetime, purpose: Purpose) -> bool:
    return (
        row.state == Account.State.CONNECTED
        and (purpose == "read" or not row.restriction)  # what the channel restricts can be read
        and row.token_id is not None
        and (row.access_expires_at is None or row.access_expires_at > until)
    )


def _make(caller: Caller, row: _LeaseRow, purpose: Purpose, now: datetime) -> Lease:
    assert row.token_id is not None  # _servable or the slow way said so
    assert row.credentials is not None
    keys = keys_by_version(row.app_id, row.app_version)
    owner = f"token:{row.channel}:{keys.client_id}:{row.native_user_id}"
    credentials = Credentials(**vault.unseal(owner, vault.Sealed(row.credentials)), region=row.region)
    native = registry.get(row.channel)
    expires_at = now + LEASE_FOR
    if row.access_expires_at is not None:
        expires_at = min(expires_at, row.access_expires_at)
    parts: list[Any] = [VERSION, caller.key_id, row.account_id, row.token_id, row.generation]
    parts += [int(now.timestamp()), int(expires_at.timestamp()), purpose]
    if row.last_used_at is None or now - row.last_used_at > timedelta(hours=1):
        lifecycle.note_use(token_id=row.token_id, now=now)
    lease_id = signing.dumps(parts, salt=SALT)
    given = records.Given(row.account_id, row.token_id, row.generation, purpose, lease_id)
    records.write(caller, LeaseRecord.Kind.LEASE, given, now=now)
    return Lease(
        lease_id=lease_id,
        expires_at=_time(int(expires_at.timestamp())),
        channel=row.channel,
        native_id=row.native_id,
        token_id=row.token_id,
        native_user=row.native_user if row.named else None,
        signs=native.signs,
        send=native.send(keys, credentials, _account_facts(row)),
        base_url=native.api_url(row.region) if native.declaration.regions else None,
    )


def _account_facts(row: _LeaseRow) -> AccountFacts:
    """Return what the channel's calls must be told of the account with this token: a read of its own, for channels that need it."""
    if row.token_id is None or not registry.get(row.channel).needs_facts:
        return AccountFacts(row.native_id)
    entries = AccountToken.objects.filter(account_id=row.account_id, token_id=row.token_id)
    return AccountFacts(row.native_id, entries.values_list("facts", flat=True).first() or {})


def _slow(caller: Caller, row: _LeaseRow, until: datetime, purpose: Purpose, now: datetime) -> Lease:
    """Everything that is not the ordinary path: a date has passed, the account is not connected, or a reader will do."""
    if row.state == Account.State.PAUSED:
        raise not_available(row.account_id, teams=caller.teams)
    if row.restriction and purpose == "publish":
        raise not_available(row.account_id, teams=caller.teams)
    waits = 0
    if row.token_id is not None and row.access_expires_at is not None:
        client_id = _client_id(row.app_id, row.app_version)
        waits = _lengthen(row.token_id, row.channel, client_id, row.region, until, now)
        row = row if waits else _read(caller, row.channel, row.native_id)
    if _servable(row, until, purpose):
        return _make(caller, row, purpose, now)
    if _has_others(row):
        other, waits_too = _other(row, until, purpose, now)
        if other is not None:
            return _make(caller, _read(caller, row.channel, row.native_id, other), purpose, now)
        row, waits = _read(caller, row.channel, row.native_id), waits or waits_too
    raise _why_not(caller, row, until, waits, now)


def _why_not(
    caller: Caller, row: _LeaseRow, until: datetime, waits: int, now: datetime
) -> Busy | NotAvailable:
    """Return why no token of the account serves. `waits`: in how many seconds a channel may be asked that could not be asked now."""
    channel = declarations.label(row.channel)
    if row.state == Account.State.INTERRUPTED:
        return Busy(30, text("being_checked"))
    if row.state == Account.State.CONNECTED and _overdue(row, now):
        return Busy(waits or 30, text("date_passed", channel=channel))
    if waits:
        return Busy(waits, text("cannot_be_asked", channel=channel))
    return not_available(row.account_id, teams=caller.teams, until=until)


@lru_cache(maxsize=1000)
def _client_id(app_id: int, _version: int) -> str:
    """Return what the channel knows an app by. Its version grows with every change."""
    return ChannelApp.objects.values_list("client_id", flat=True).get(pk=app_id)


def _lengthen(
    token_id: int, channel: str, client_id: str, region: str, until: datetime, now: datetime
) -> int:
    """Have a token serve longer, where its channel can be asked. Return in how many seconds it may be asked, 0 where it was."""
    if wait := gate.closed_for(channel, client_id, region):
        return wait
    wish = max(until, now + _spare(channel))
    try:
        with shares.taken(channel):
            probe.lengthen(
                token_id, until=wish, needed=max(until, now), now=now, source="lease", timeout=CHECK_SECONDS
            )
    except shares.NoRoom:
        return shares.AGAIN_AFTER
    return 0


def _has_others(row: _LeaseRow) -> bool:
    """Return whether another living token is in the pool. Mostly none is, and while a channel is dark this is asked all the time."""
    return bool(prepared.read(_OTHERS, {"account": row.account_id, "token": row.token_id})[0][0])


def _other(row: _LeaseRow, until: datetime, purpose: Purpose, now: datetime) -> tuple[int | None, int]:
    """Return another token of the pool that serves this lease: it moves no pointer and covers nothing. None where there is none.

    The second value: in how many seconds a channel may be asked that could not be asked now.
    """
    waits = 0
    for entry in selection.in_order(Account.objects.get(pk=row.account_id)):
        token = entry.token
        alive = token.state == Token.State.VALID and entry.access == AccountToken.Access.OK
        reads = purpose == "read" or entry.can_publish != AccountToken.CanPublish.NO
        if not alive or not reads or token.pk == row.token_id:
            continue
        if not _lasts(token, until):
            client_id = token.app.client_id
            waits = _lengthen(token.pk, row.channel, client_id, token.region, until, now) or waits
            token.refresh_from_db()
        if token.state == Token.State.VALID and _lasts(token, until):
            return token.pk, 0
    return None, waits


def _lasts(token: Token, until: datetime) -> bool:
    return not token.access_is_over(until)


def _overdue(row: _LeaseRow, now: datetime) -> bool:
    """Return whether a date that the channel gave has passed: the one read leaves others out."""
    return row.access_expires_at is not None and row.access_expires_at <= now
