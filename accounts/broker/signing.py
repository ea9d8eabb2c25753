"""Signing for OAuth 1.0a: the app's secrets never leave."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from accounts.broker import records
from accounts.broker.callers import Caller
from accounts.broker.errors import LeaseOver, Refused
from accounts.broker.leases import open_lease
from accounts.models import LeaseRecord
from tokens import channels
from tokens.app_keys import keys_by_version
from tokens.models import Token


def sign(
    *, caller: Caller, lease_id: str, method: str, url: str, params: Mapping[str, str], now: datetime
) -> str:
    """Return the Authorization header for one request, only to the channel's API hosts and never to its OAuth paths.

    Raises NotFound, LeaseOver (also where the token has changed or stopped since), Refused, Busy (it could not be recorded).
    """
    claims = open_lease(lease_id, caller=caller, now=now, for_sending=True)
    token = Token.objects.select_related("app").filter(pk=claims.token_id).first()
    if token is None or token.generation != claims.generation or token.state != Token.State.VALID:
        raise LeaseOver("The token of this lease has changed. Get a new lease.")
    keys = keys_by_version(token.app_id, token.app.version)
    try:
        header = channels.get(token.app.channel).sign(
            keys, token.unseal(), method=method, url=url, params=params
        )
    except ValueError as error:
        raise Refused(str(error)) from error
    records.write(
        caller=caller,
        kind=LeaseRecord.Kind.SIGNATURE,
        account_id=claims.account_id,
        token_id=claims.token_id,
        generation=claims.generation,
        purpose=claims.purpose,
        lease_id=lease_id,
        now=now,
        request=f"{method} {urlsplit(url).path}",
    )
    return header
