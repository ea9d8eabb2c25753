"""Reading a pool in the order in which it is tried."""

from collections.abc import Iterable

from accounts.models import Account, AccountToken
from tokens.models import Token
from users.login import private_parts

_KINDS = {Token.DeadlineKind.NEVER: 0, Token.DeadlineKind.DATE: 1, Token.DeadlineKind.UNKNOWN: 2}


def stands_back(entry: AccountToken, entries: Iterable[AccountToken]) -> bool:
    """Return whether a usable entry is not served because others go first: it is in doubt, or its readings blame our app, theirs not."""
    behind = entry.stands_behind
    return any(behind) and any(other.is_usable and other.stands_behind < behind for other in entries)


def group(account: Account, entry: AccountToken) -> int:
    """Return which part of the order an entry belongs to: active, usable, cooling, the rest. Ranks only count within one."""
    if account.active_token_id == entry.token_id:
        return 0
    if entry.is_usable:
        doubted, demoted = entry.stands_behind
        return 1 + 2 * doubted + demoted
    return 5 if entry.is_living else 6


def in_order(account: Account) -> list[AccountToken]:
    """Return the pool as it is tried: the active one first, then usable, then those behind others, then cooling, then the rest.

    Within a group: rank set by hand, then system users, then latest deadline (never first, unknown last), then last proven, then id.
    """
    if private_parts.is_prefetched(account, "pool"):
        entries = list(account.pool.all())
    else:
        entries = list(account.pool.select_related("token", "token__app", "token__consented_by", "added_by"))
    return ordered(account, entries)


def ordered(account: Account, entries: Iterable[AccountToken]) -> list[AccountToken]:
    """Return pool entries of the account, which were read already, as `in_order` does."""
    return sorted(entries, key=lambda entry: _place(account, entry))


def _place(account: Account, entry: AccountToken) -> tuple[object, ...]:
    token = entry.token
    return (
        group(account, entry),
        entry.rank is None,
        entry.rank or 0,
        token.kind != Token.Kind.SYSTEM,  # it does not depend on a person's password
        _KINDS[Token.DeadlineKind(token.deadline_kind)],
        -(token.deadline.timestamp() if token.deadline else 0),
        -(token.proven_at.timestamp() if token.proven_at else 0),
        token.pk,
    )
