"""What the token endpoint grants (RFC 6749): a credential of the gate, or in raw mode the channel's own token as a lease.

The handle that tools keep as a refresh token is a credential. It never rotates, so two tools on one account cannot burn each other's. By
itself it is worth what it is at the gate; the key's secret beside it asks for more: a token, and access when the handle's days are over.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast, get_args

from ninja.errors import AuthenticationError

import broker
from accounts.models import Account, ApiKey
from broker.api import reach
from broker.gate.credentials import NoCredential, read_credential
from broker.gate.minting import mint
from broker.leases.callers import Caller, caller_of_key
from broker.leases.queries import Purpose
from broker.leases.services import find_serving
from broker.leases.texts import text
from tokens.channels import registry
from users.installation import hold

GOOD_FOR = timedelta(hours=1)  # of what stands in place of an access token; the tool comes again by itself
RAW = ApiKey.Scope.LEASE.value
_LONG_AGO = datetime.fromtimestamp(0, UTC)


class GrantRefused(Exception):  # noqa: N818  # an answer
    """A request that is refused by an error of RFC 6749 or RFC 8707 (`error`), and why in words for callers."""

    def __init__(self, error: str, block: str, **facts: object) -> None:
        super().__init__(text(block, **facts))
        self.error = error


@dataclass(frozen=True)
class _Scope:
    """What the words of a scope say."""

    raw: bool
    purpose: Purpose | None
    account: str  # "facebook/611420987315526"


@dataclass(frozen=True)
class _Grant:
    """For which account of which key, and until when at most."""

    caller: Caller
    account: Account
    purpose: Purpose
    ends_at: datetime


def grant(
    sent: Mapping[str, str],
    *,
    client: Caller | None,
    address: str | None,
    now: datetime,
    count: Callable[[Caller], None],
) -> tuple[Caller, Mapping[str, Any]]:
    """Return whose key it is and the answer. `sent`: parameters of RFC 6749; `client`: the key that came with it; `address`: from where;
    `count`: counts the call of a key, and raises where there were too many.

    Raises GrantRefused, AuthenticationError, and what a lease raises: NotAvailable where only a person can help.
    """
    hold.refuse()
    scope, kind = _scope(sent.get("scope", "")), sent.get("grant_type")
    if kind == "refresh_token":
        found = _by_handle(sent.get("refresh_token", ""), scope, client, address, now, count)
    elif kind == "client_credentials":
        found = _by_client(scope, sent.get("resource") or scope.account, client, now)
    else:
        raise GrantRefused("unsupported_grant_type", "grant_type")
    if scope.raw:
        return found.caller, _token(found, client, now)
    return found.caller, _credential(found, now)


def _scope(said: str) -> _Scope:
    raw, purpose, account = False, None, ""
    for word in said.split():
        if word == RAW:
            raw = True
        elif word in get_args(Purpose):
            purpose = cast("Purpose", word)
        elif "/" in word:
            account = word
        elif word != ApiKey.Scope.GATE:
            raise GrantRefused("invalid_scope", "grant_scope", word=word, raw=RAW)
    return _Scope(raw, purpose, account)


def _by_handle(
    handle: str,
    scope: _Scope,
    client: Caller | None,
    address: str | None,
    now: datetime,
    count: Callable[[Caller], None],
) -> _Grant:
    try:
        # The key's own secret is proof enough: the days of the handle do not count beside it.
        said = read_credential(handle, now=_LONG_AGO if client else now)
    except NoCredential as error:
        block = "grant_handle" if str(error) == "no_credential" else str(error)
        raise GrantRefused("invalid_grant", block) from error
    caller = client or caller_of_key(said.key_id, mark=said.mark, address=address, now=now)
    if caller is None or caller.key_id != said.key_id:
        raise GrantRefused("invalid_grant", "grant_other_key" if caller else "gate_key_over")
    count(caller)
    account = Account.objects.filter(caller.visible(), pk=said.account_id).first()
    if account is None:
        raise GrantRefused("invalid_grant", "gate_no_account")
    purpose = scope.purpose or said.purpose
    if said.purpose == "read" and purpose != "read":
        raise GrantRefused("invalid_scope", "grant_reads_only")
    ends_at = now + GOOD_FOR
    return _Grant(caller, account, purpose, ends_at if client else min(ends_at, said.expires_at))


def _by_client(scope: _Scope, resource: str, client: Caller | None, now: datetime) -> _Grant:
    if client is None:
        raise AuthenticationError
    place, _, native_id = resource.rstrip("/").rpartition("/")
    if not place:
        raise GrantRefused("invalid_target", "grant_resource")
    account = reach.find_account(client, place.rpartition("/")[2], native_id)
    return _Grant(client, account, scope.purpose or "publish", now + GOOD_FOR)


def _credential(found: _Grant, now: datetime) -> Mapping[str, Any]:
    """Return a credential of the gate, where the account could be served by it now."""
    _demand(found.caller, ApiKey.Scope.GATE)
    account = found.account
    find_serving(found.caller, account.channel, account.native_id, now, found.purpose, now)
    made = mint(key=reach.key_of(found.caller), account=account, purpose=found.purpose, ends_at=found.ends_at)
    return _answer(made.text, made.expires_at, now)


def _token(found: _Grant, client: Caller | None, now: datetime) -> Mapping[str, Any]:
    """Return the channel's own token, as a lease on record, with what the query has to carry too."""
    if client is None:
        raise AuthenticationError
    _demand(client, ApiKey.Scope.LEASE)
    account = found.account
    if registry.get(account.channel).signs:
        raise GrantRefused("invalid_scope", "grant_signs", channel=registry.get(account.channel).label)
    lease = broker.lease(
        caller=client,
        channel=account.channel,
        native_id=account.native_id,
        now=now,
        purpose=found.purpose,
    )
    header = next(iter(lease.send.headers.values()))
    return {**lease.send.query, **_answer(header.removeprefix("Bearer "), lease.expires_at, now)}


def _demand(caller: Caller, scope: ApiKey.Scope) -> None:
    if not caller.may(scope):
        raise GrantRefused("unauthorized_client", "scope_missing", name=scope)


def _answer(token: str, ends_at: datetime, now: datetime) -> Mapping[str, Any]:
    left = int((ends_at - now).total_seconds())
    return {"access_token": token, "token_type": "Bearer", "expires_in": max(left, 1)}
