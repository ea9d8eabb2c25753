"""Everything that is not the ordinary path of a lease: a date has passed, the account is not connected, or a reader will do."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from accounts.models import Account, AccountToken
from broker.leases import prepared
from broker.leases import rows as lease_rows
from broker.leases.callers import Caller
from broker.leases.errors import Busy, NotAvailable
from broker.leases.rows import LeaseRow, Purpose, servable, spare
from broker.leases.texts import text
from broker.leases.unavailable import not_available
from tokens.channels import declarations, gate, shares
from tokens.checks import probe
from tokens.models import ChannelApp, Token

CHECK_SECONDS = 5  # for which one lease waits for its channel
RENEWED_WITHIN = 5  # seconds after which whoever does not wait for a renewal, or no longer, may come again


class Later(NamedTuple):
    """Why a token does not live longer yet, a text of the API, and in how many seconds to ask again."""

    seconds: int
    why: str


class Wanted(NamedTuple):
    """A token that is to live until then, and what its channel's app is known by."""

    token_id: int
    channel: str
    client_id: str
    until: datetime


Lengthen = Callable[[Wanted, datetime], Later | None]

_OTHERS = """
select exists (
  select from accounts_accounttoken e join tokens_token t on t.id = e.token_id
  where e.account_id = %(account)s and t.id is distinct from %(token)s::bigint and t.state = 'valid' and e.access = 'ok'
)
"""


def find_slowly(
    caller: Caller, row: LeaseRow, until: datetime, purpose: Purpose, now: datetime, lengthen: Lengthen
) -> LeaseRow:
    """Return the account with a token that serves, its own or another of its pool. Raises NotAvailable or Busy.

    `lengthen` is how a token is made to live longer: `wait`, or `leave` where nothing may wait for a channel.
    """
    if row.state == Account.State.PAUSED:
        raise not_available(row.account_id, teams=caller.teams)
    if row.restriction and purpose == "publish":
        raise not_available(row.account_id, teams=caller.teams)
    later = None
    if row.token_id is not None and row.access_expires_at is not None:
        client_id = _client_id(row.app_id, row.app_version)
        later = lengthen(Wanted(row.token_id, row.channel, client_id, until), now)
        row = row if later else lease_rows.read(caller, row.channel, row.native_id)
    if servable(row, until, purpose):
        return row
    if _has_others(row):
        other, later_too = _other(row, until, purpose, now, lengthen)
        if other is not None:
            return lease_rows.read(caller, row.channel, row.native_id, other)
        row, later = lease_rows.read(caller, row.channel, row.native_id), later or later_too
    raise _why_not(caller, row, until, later, now)


def wait(wanted: Wanted, now: datetime) -> Later | None:
    """Have a token live longer and wait for it, where its channel can be asked."""
    token_id, channel, client_id, until = wanted
    if seconds := gate.closed_for(channel, client_id):
        return Later(seconds, "cannot_be_asked")
    wish, needed = max(until, now + spare(channel)), max(until, now)
    try:
        with shares.taken(channel):
            comes = probe.lengthen(
                token_id, until=wish, needed=needed, now=now, source="lease", timeout=CHECK_SECONDS
            )
    except shares.NoRoom:
        return Later(shares.AGAIN_AFTER, "cannot_be_asked")
    return Later(RENEWED_WITHIN, "being_renewed") if comes else None


def leave(wanted: Wanted, now: datetime) -> Later | None:
    """Ask for the renewal that lengthens a token's life, and wait for nothing."""
    token_id, channel, client_id, until = wanted
    if seconds := gate.closed_for(channel, client_id):
        return Later(seconds, "cannot_be_asked")
    wish = max(until, now + spare(channel))
    comes = probe.want_longer(token_id, until=wish, now=now, source="lease")
    return Later(RENEWED_WITHIN, "being_renewed") if comes else None


def _why_not(
    caller: Caller, row: LeaseRow, until: datetime, later: Later | None, now: datetime
) -> Busy | NotAvailable:
    """Return why no token of the account serves."""
    channel = declarations.label(row.channel)
    if row.state == Account.State.INTERRUPTED:
        return Busy(30, text("being_checked"))
    if later is not None and later.why == "being_renewed":
        return Busy(later.seconds, text("being_renewed"))
    if row.state == Account.State.CONNECTED and _overdue(row, now):
        return Busy(later.seconds if later else 30, text("date_passed", channel=channel))
    if later is not None:
        return Busy(later.seconds, text("cannot_be_asked", channel=channel))
    return not_available(row.account_id, teams=caller.teams, until=until, now=now)


@lru_cache(maxsize=1000)
def _client_id(app_id: int, _version: int) -> str:
    """Return what the channel knows an app by. Its version grows with every change."""
    return ChannelApp.objects.values_list("client_id", flat=True).get(pk=app_id)


def _has_others(row: LeaseRow) -> bool:
    """Return whether another living token is in the pool. Mostly none is, and while a channel is dark this is asked all the time."""
    return bool(prepared.read(_OTHERS, {"account": row.account_id, "token": row.token_id})[0][0])


def _other(
    row: LeaseRow, until: datetime, purpose: Purpose, now: datetime, lengthen: Lengthen
) -> tuple[int | None, Later | None]:
    """Return another token of the pool that serves this lease: it moves no pointer and covers nothing. None where there is none.

    The second value: when to ask again for one that could live longer.
    """
    later = None
    for entry in Account.objects.get(pk=row.account_id).pool_in_order():
        token = entry.token
        reads = token.state == Token.State.VALID and entry.access == AccountToken.Access.OK
        serves = entry.is_usable or (purpose == "read" and reads)
        if not serves or token.pk == row.token_id:
            continue
        if not _lasts(token, until):
            wanted = Wanted(token.pk, row.channel, token.app.client_id, until)
            later = lengthen(wanted, now) or later
            token.refresh_from_db()
        if token.state == Token.State.VALID and _lasts(token, until):
            return token.pk, None
    return None, later


def _lasts(token: Token, until: datetime) -> bool:
    return not token.access_is_over(until)


def _overdue(row: LeaseRow, now: datetime) -> bool:
    """Return whether a date that the channel gave has passed: the one read leaves others out."""
    return row.access_expires_at is not None and row.access_expires_at <= now
