"""Reading a pool in the order in which it is tried."""

from collections.abc import Iterable

from django.db.models import Q

from accounts.models import Account, AccountToken
from tokens.models import Token
from users import private_parts

# What `living` and `usable` ask, as conditions of pool entries.
LIVING = Q(access=AccountToken.Access.OK) & ~Q(token__state=Token.State.DEAD)
LIVING &= ~Q(can_publish=AccountToken.CanPublish.NO)
USABLE = Q(access=AccountToken.Access.OK, token__state=Token.State.VALID)
USABLE &= ~Q(can_publish=AccountToken.CanPublish.NO) & ~Q(doubt=AccountToken.Doubt.STOPPED)

_KINDS = {Token.DeadlineKind.NEVER: 0, Token.DeadlineKind.DATE: 1, Token.DeadlineKind.UNKNOWN: 2}


def usable(entry: AccountToken) -> bool:
    """Return whether a pool entry could be served: valid, access not lost, and "can publish" is not "no"."""
    stopped = entry.doubt == AccountToken.Doubt.STOPPED
    return living(entry) and entry.token.state == Token.State.VALID and not stopped


def living(entry: AccountToken) -> bool:
    """Return whether a pool entry is usable, or would be but for cooling."""
    return (
        entry.token.state != Token.State.DEAD
        and entry.access == AccountToken.Access.OK
        and entry.can_publish != AccountToken.CanPublish.NO
    )


def stands_back(entry: AccountToken, entries: Iterable[AccountToken]) -> bool:
    """Return whether a usable entry is not served because others go first: it is in doubt, or its readings blame our app, theirs not."""
    behind = _behind(entry)
    return any(behind) and any(usable(other) and _behind(other) < behind for other in entries)


def in_doubt(entry: AccountToken) -> bool:
    """Return whether the channel says that an entry is over, which is not believed yet."""
    return entry.token.doubted_at is not None or bool(entry.doubt)


def _behind(entry: AccountToken) -> tuple[bool, bool]:
    return in_doubt(entry), entry.token.demoted_at is not None


def group(account: Account, entry: AccountToken) -> int:
    """Return which part of the order an entry belongs to: active, usable, cooling, the rest. Ranks only count within one."""
    if account.active_token_id == entry.token_id:
        return 0
    if usable(entry):
        doubted, demoted = _behind(entry)
        return 1 + 2 * doubted + demoted
    return 5 if living(entry) else 6


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
