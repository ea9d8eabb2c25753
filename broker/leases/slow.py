"""Everything that is not the ordinary path of a lease: a date has passed, the account is not connected, or a reader will do.

And why nothing is leased, in words for the job: the reason, since when, who ends it, and the steps.
"""

from collections.abc import Callable, Collection
from contextlib import nullcontext
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from accounts.models import Account, AccountToken
from accounts.pool import health
from broker.leases import queries as lease_rows
from broker.leases.callers import Caller
from broker.leases.errors import Busy, NotAvailable
from broker.leases.queries import LeaseRow, Purpose, servable, spare
from broker.leases.texts import text
from tokens.channels import declarations, gate, registry
from tokens.channels.base import Channel
from tokens.channels.kinds import LIFTABLE, WRITE_REFUSALS, Reason
from tokens.checks import services as probe
from tokens.models import ChannelApp, Token
from tokens.token import reasons
from users.models import User
from users.people.queries import names_for_teams

CHECKED_WITHIN = 30  # seconds after which a sweep has asked the channel, by and large
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

    `lengthen` is how a token is made to live longer: `wait_for_longer`, or `ask_for_longer` where nothing may wait for a channel.
    """
    _refuse_held(caller, row, purpose)
    later = None
    if row.token_id is not None and row.access_expires_at is not None:
        client_id = _client_id(row.app_id, row.app_version)
        later = lengthen(Wanted(row.token_id, row.channel, client_id, until), now)
        row = row if later else lease_rows.read_row(caller, row.channel, row.native_id)
    if servable(row, until, purpose):
        return row
    if _has_others(row):
        other, later_too = _other(row, until, purpose, now, lengthen)
        row, later = lease_rows.read_row(caller, row.channel, row.native_id, other), later or later_too
        if other is not None:
            _refuse_held(caller, row, purpose)  # it may be so since the wait began
            return row
    raise _why_not(caller, row, until, later, now)


def _refuse_held(caller: Caller, row: LeaseRow, purpose: Purpose) -> None:
    if row.state == Account.State.PAUSED or (row.restriction and purpose == "publish"):
        raise not_available(row.account_id, teams=caller.teams)


def wait_for_longer(wanted: Wanted, now: datetime) -> Later | None:
    """Have a token live longer and wait for it, where its channel can be asked."""
    return ask_for_longer(wanted, now, waits=True)


def ask_for_longer(wanted: Wanted, now: datetime, *, waits: bool = False) -> Later | None:
    """Ask for the renewal that lengthens a token's life; `waits`: and wait for it."""
    token_id, channel, client_id, until = wanted
    if seconds := gate.closed_for(channel, client_id):
        return Later(seconds, "cannot_be_asked")
    wish, needed = max(until, now + spare(channel)), max(until, now)
    try:
        with gate.share(channel) if waits else nullcontext():
            comes = probe.lengthen_life(token_id, until=wish, needed=needed, now=now, waits=waits)
    except gate.NoRoom:
        return Later(gate.ROOM_AFTER, "cannot_be_asked")
    return Later(RENEWED_WITHIN, "being_renewed") if comes else None


def _why_not(
    caller: Caller, row: LeaseRow, until: datetime, later: Later | None, now: datetime
) -> Busy | NotAvailable:
    """Return why no token of the account serves."""
    channel = declarations.label(row.channel)
    if row.state == Account.State.INTERRUPTED:
        return Busy(CHECKED_WITHIN, text("being_checked"))
    if later is not None and later.why == "being_renewed":
        return Busy(later.seconds, text("being_renewed"))
    overdue = row.state == Account.State.CONNECTED and _overdue(row, now)
    if later is not None:
        return Busy(later.seconds, text("date_passed" if overdue else "cannot_be_asked", channel=channel))
    if overdue:
        return Busy(CHECKED_WITHIN, text("being_checked"))
    return not_available(row.account_id, teams=caller.teams, until=until, now=now)


@lru_cache(maxsize=1000)
def _client_id(app_id: int, _version: int) -> str:
    """Return what the channel knows an app by. Its version grows with every change."""
    return ChannelApp.objects.values_list("client_id", flat=True).get(pk=app_id)


def _has_others(row: LeaseRow) -> bool:
    """Return whether another living token is in the pool. Mostly none is, and while a channel is dark this is asked all the time."""
    return bool(lease_rows.read(_OTHERS, {"account": row.account_id, "token": row.token_id})[0][0])


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
        if token.access_is_over(until):
            wanted = Wanted(token.pk, row.channel, token.app.client_id, until)
            later = lengthen(wanted, now) or later
            token.refresh_from_db()
        if token.state == Token.State.VALID and not token.access_is_over(until):
            return token.pk, None
    return None, later


def _overdue(row: LeaseRow, now: datetime) -> bool:
    """Return whether a date that the channel gave has passed: the one read leaves others out."""
    return row.access_expires_at is not None and row.access_expires_at <= now


def not_available(
    account_id: int,
    *,
    teams: frozenset[int] | None,
    until: datetime | None = None,
    now: datetime | None = None,
) -> NotAvailable:
    """Say why only a person can help: reason, since, who, steps. People outside the caller's `teams` (None: all) are not named.

    `until` and `now`: of a lease whose token is to live so long. Where a new one would not either, there is nobody who can help.
    """
    account = Account.objects.select_related("active_token__app").get(pk=account_id)
    native = registry.get(account.channel)
    if account.state == Account.State.PAUSED:
        detail = text("paused", note=account.why_paused)
        return NotAvailable("paused", "paused", detail, account.paused_at, _names([account.paused_by], teams))
    if not account.is_deactivated and account.restriction:
        fine = account.state == Account.State.CONNECTED
        tokens = text("tokens_fine" if fine else "being_checked")
        detail = text("restricted", channel=native.label, restriction=account.restriction, tokens=tokens)
        steps = native.steps(Reason.RESTRICTED)
        return NotAvailable(
            "restricted", "restricted", detail, None, (text("an_admin", channel=native.label),), steps
        )
    if account.state == Account.State.CONNECTED:
        token = account.active_token
        life = token.life_when_new if token else None
        if life and until and now and until > now + life:
            detail = text("none_lives_so_long", channel=native.label, life=round(life.total_seconds()))
            return NotAvailable("connected", "min_valid_for", detail)
        detail = text("none_lives_until", until=f"{until:%Y-%m-%d %H:%M}") if until else text("none_fits")
        people = _names([token.consented_by if token else None], teams)
        return NotAvailable("connected", "min_valid_for", detail, None, people, native.steps(Reason.EXPIRED))
    return _deactivated(account, native, teams)


def _deactivated(account: Account, native: Channel, teams: frozenset[int] | None) -> NotAvailable:
    """Say who ends it: an admin at the channel who gives a role back, or the people who linked it."""
    entries = account.pool_in_order()
    found = account.reason_now(entries)
    reason = found if found in {*Reason, *health.DECIDED_HERE} else Reason.UNKNOWN
    explanation = reasons.explain(account.channel, reason)
    people = _names([entry.token.consented_by for entry in entries], teams)
    unlinked = reason == health.UNLINKED
    todo = text("link_anew" if unlinked else "re_authenticate", channel=native.label)
    if reason == health.OUTSIDE:
        people = (explanation.waits_for,)
        todo = text("add_to_team")
    elif explanation.waits_for:
        people = (text("an_admin", channel=native.label),)
        todo = text("give_a_role")
    elif reason in LIFTABLE | WRITE_REFUSALS:
        todo = text("put_right_there", channel=native.label)
    detail = text("deactivated", reason=str(reason), todo=todo)
    return NotAvailable("deactivated", reason, detail, account.since, people, explanation.steps)


def _names(users: Collection[User | None], teams: frozenset[int] | None) -> tuple[str, ...]:
    """Return the names of the people, each once; those outside the teams by what they are."""
    names = names_for_teams(teams, people=[user.pk for user in users if user is not None])
    return tuple(dict.fromkeys(names.user(user) for user in users if user is not None))
