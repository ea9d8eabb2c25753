"""Signing for OAuth 1.0a: the app's secrets never leave, and each signature is for the lease's ad account alone."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from accounts.models import Account, AccountToken, LeaseRecord
from broker.leases import prepared, records
from broker.leases.callers import Caller
from broker.leases.errors import BrokerRefused, LeaseOver, NotFound
from broker.leases.services import Claims, open_lease
from broker.leases.texts import text
from broker.leases.unavailable import not_available
from tokens.channel_apps.models import keys_by_version
from tokens.channels import registry
from tokens.channels.kinds import Credentials
from tokens.models import Token
from tokens.vault import services as vault
from users.installation import hold


class _SigningRow(NamedTuple):
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


_READ = """
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
    row = _read(claims)
    if row is None or not caller.reaches(channel=row.channel, team_id=row.team_id):
        raise NotFound(text("no_lease"))
    _ask_again(caller, claims, row)
    keys = keys_by_version(row.app_id, row.app_version)
    owner = f"token:{row.channel}:{keys.client_id}:{row.native_user_id}"
    credentials = Credentials(**vault.unseal(owner, vault.Sealed(row.credentials)))
    try:
        header = registry.get(row.channel).sign(
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
    signed = f"{method} {urlsplit(url).path}"
    given = records.Given(
        claims.account_id, claims.token_id, claims.generation, claims.purpose, lease_id, signed
    )
    records.write_record(caller, LeaseRecord.Kind.SIGNATURE, given, now=now)
    return header


def _read(claims: Claims) -> _SigningRow | None:
    found = prepared.read(_READ, [claims.token_id, claims.account_id])
    return _SigningRow(*found[0]) if found else None


def _ask_again(caller: Caller, claims: Claims, row: _SigningRow) -> None:
    """Refuse what a new lease would refuse: pausing an account works at once where every request is signed here."""
    publishes = claims.purpose == "publish"
    if row.state == Account.State.PAUSED or (publishes and row.restriction):
        raise not_available(claims.account_id, teams=caller.teams)
    if row.generation != claims.generation or row.token_state != Token.State.VALID:
        raise LeaseOver(text("token_changed"))
    if row.access != AccountToken.Access.OK or (publishes and row.can_publish == AccountToken.CanPublish.NO):
        raise LeaseOver(text("token_left"))
