"""What a line of a file would do to what is here: read before anything is written, and again by whoever writes.

A person's file crosses no team's wall: it changes no account of a team that is not theirs, and it puts somebody's log-in that is here
already into no further pool, unless the file holds the very same credentials. Operators and administrators may do both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.views.decorators.debug import sensitive_variables

from accounts.imports.checking import ImportLine
from accounts.imports.tables import Problem
from accounts.models import Account, AccountToken
from tokens.models import Token
from tokens.vault.services import VaultError
from users.models import User

BATCH = 1000


class Standing(StrEnum):
    """What comes of a line."""

    NEW = "new"  # its account is made
    ADDS = "adds"  # its log-in comes into the pool of an account that is here, or stands above in the file
    HERE = "here"  # nothing changes


@dataclass(frozen=True)
class Planned:
    """One line, and what comes of it."""

    line: ImportLine
    standing: Standing


@dataclass(frozen=True)
class Known:
    """What is here of what a file names."""

    accounts: dict[tuple[str, str], Account]  # by channel and native id
    tokens: dict[tuple[str, str], Token]  # by channel and native user
    pairs: set[tuple[tuple[str, str], str]]  # the key of an account, and a native user in its pool


def find_known(lines: Sequence[ImportLine]) -> Known:
    """Read it, for some lines at a time."""
    accounts: dict[tuple[str, str], Account] = {}
    tokens: dict[tuple[str, str], Token] = {}
    pairs: set[tuple[tuple[str, str], str]] = set()
    for start in range(0, len(lines), BATCH):
        some = lines[start : start + BATCH]
        users = {line.native_user_id for line in some if line.credentials is not None}
        found = Account.objects.filter(native_id__in={line.native_id for line in some})
        by_id = {one.pk: (one.channel, one.native_id) for one in found}
        accounts |= {by_id[one.pk]: one for one in found}
        # New links use the channel's default app, so what another app knows of the same person is another log-in.
        rows = Token.objects.filter(native_user_id__in=users, app__is_default=True).select_related("app")
        tokens |= {(one.app.channel, one.native_user_id): one for one in rows}
        entries = AccountToken.objects.filter(
            account__in=by_id, token__native_user_id__in=users, token__app__is_default=True
        )
        pairs |= {
            (by_id[pk], user) for pk, user in entries.values_list("account_id", "token__native_user_id")
        }
    return Known(accounts, tokens, pairs)


def plan_lines(lines: Sequence[ImportLine], here: Known) -> list[Planned]:
    """Return what comes of each line, in order: a later one meets what an earlier one made."""
    made, pairs = set[tuple[str, str]](), set(here.pairs)
    planned = []
    for line in lines:
        key = (line.channel, line.native_id)
        pair = (key, line.native_user_id)
        adds = line.credentials is not None and pair not in pairs
        if key not in here.accounts and key not in made:
            standing = Standing.NEW
            made.add(key)
        else:
            standing = Standing.ADDS if adds else Standing.HERE
        if adds:
            pairs.add(pair)
        planned.append(Planned(line, standing))
    return planned


def behind_walls(
    lines: Iterable[ImportLine], here: Known, viewer: User, *, since: datetime | None = None
) -> list[Problem]:
    """Return what a person may not do by these lines. However many they are, it is two queries.

    `since`: when their file was uploaded; a log-in that came in by it since is theirs, also where it was renewed meanwhile.
    """
    if viewer.is_administrator:
        return []
    ids = [account.pk for account in here.accounts.values()]
    seen = set(Account.objects.visible_to(viewer).filter(pk__in=ids).values_list("pk", flat=True))
    own = _brought_in(here, viewer, since) if since else set[int]()
    problems = []
    for line in lines:
        key = (line.channel, line.native_id)
        account, token = here.accounts.get(key), here.tokens.get((line.channel, line.native_user_id))
        if account is not None and account.pk not in seen:
            problems.append(Problem(line.number, "account_elsewhere"))
        elif (
            line.credentials is not None
            and token is not None
            and (key, line.native_user_id) not in here.pairs
            and token.pk not in own
            and not _same(token, line)
        ):
            problems.append(Problem(line.number, "log_in_here"))
    return problems


def _brought_in(here: Known, viewer: User, since: datetime) -> set[int]:
    """Return the log-ins that were made since then, in pools to which this person added them."""
    made = [token.pk for token in here.tokens.values() if token.created_at >= since]
    added = AccountToken.objects.filter(token__in=made, added_by=viewer, added_at__gte=since)
    return set(added.values_list("token_id", flat=True))


@sensitive_variables()
def _same(token: Token, line: ImportLine) -> bool:
    """Return whether the file holds what is stored: whoever has the token itself may use it anyway."""
    given = line.credentials
    try:
        stored = token.unseal()
    except (VaultError, ValueError):  # removed, or under a key that is gone
        return False
    return given is not None and (stored.access_token, stored.secret) == (
        given.access_token,
        given.secret,
    )
