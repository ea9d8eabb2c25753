"""Keeping what a log-in reaches: the channel's list, once it was read for whatever reason. It says who could back up an account.

The only writer of `ReachedAccount` and `ListReading`, under the token's lock. Nothing is decided by these rows but whom to offer, so they
may be a week old: whoever is added is asked about at once.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from accounts.models import ListReading, ReachedAccount
from tokens.channels.kinds import AccountList, NativeAccount
from tokens.models import Token

DAY = timedelta(days=1)
LISTED_EVERY = timedelta(days=7)  # a log-in with few accounts, which checks read one by one
UNREAD_FOR = timedelta(
    hours=1
)  # after which a log-in without any list is listed: a consent or an import makes none wait
FORGOTTEN_AFTER = timedelta(days=30)  # what no list has named for so long is neither offered nor kept
LONGEST_ID, LONGEST_ROLE = 100, 200  # characters

_KEEP = """
insert into accounts_reachedaccount (token_id, native_id, role, can_publish, seen_at)
select %(token)s, told.native_id, told.role, told.can_publish, %(now)s
from unnest(%(ids)s::text[], %(roles)s::text[], %(may)s::text[]) as told (native_id, role, can_publish)
on conflict (token_id, native_id) do update
set role = excluded.role, can_publish = excluded.can_publish, seen_at = excluded.seen_at
"""
_NOTE = """
insert into accounts_listreading (token_id, at) values (%(token)s, %(at)s)
on conflict (token_id) do update set at = excluded.at
"""


class ListedRole(NamedTuple):
    """What a list says of one ad account, for this log-in."""

    role: str
    can_publish: str


def keep_list(*, token: Token, listed: AccountList, doubted: bool, now: datetime) -> None:
    """Keep what a list says. The caller holds the token's lock; where the list says what is kept already, one select is all.

    A list that is incomplete, or whose losses are doubted, removes nothing but accounts that it names as closed.
    """
    if not listed.complete and not listed.accounts:
        return  # it failed
    known: dict[str, ListedRole] = {}
    aged: set[str] = set()
    read_at: datetime | None = None
    rows = ReachedAccount.objects.filter(token=token)
    columns = ("native_id", "role", "can_publish", "seen_at", "token__list_reading__at")
    for native_id, role, can_publish, seen_at, listed_at in rows.values_list(*columns):
        read_at = listed_at
        known[native_id] = ListedRole(role, can_publish)
        if seen_at < now - DAY:
            aged.add(native_id)
    named = _named(listed.accounts, known)
    _write(token, {pk: one for pk, one in named.items() if pk in aged or known.get(pk) != one}, now)
    whole = listed.complete and not doubted
    gone = (
        known.keys() - named.keys()
        if whole
        else known.keys() & {one.native_id for one in listed.accounts if one.closed}
    )
    if gone:
        rows.filter(native_id__in=gone).delete()
    if read_at is None or read_at < now - DAY:
        _note(token, now)


def _named(natives: Iterable[NativeAccount], known: Mapping[str, ListedRole]) -> dict[str, ListedRole]:
    """Return what is to be kept of a list: no closed account; a role that nobody could be asked about stays as it is."""
    found = {}
    for native in natives:
        if native.closed or len(native.native_id) > LONGEST_ID:
            continue
        told = ListedRole(native.role[:LONGEST_ROLE], str(native.can_publish))
        found[native.native_id] = told if native.role_told else known.get(native.native_id, told)
    return found


def _write(token: Token, told: Mapping[str, ListedRole], now: datetime) -> None:
    if not told:
        return
    values: dict[str, Any] = {
        "token": token.pk,
        "now": now,
        "ids": list(told),
        "roles": [one.role for one in told.values()],
        "may": [one.can_publish for one in told.values()],
    }
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, values)


def note_list_failed(*, token: Token, now: datetime) -> None:
    """Note that the list could not be had, so that it is asked for again in a day and not at each check."""
    _note(token, now - LISTED_EVERY + DAY)


def _note(token: Token, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, {"token": token.pk, "at": at})


def tokens_to_list(tokens: Collection[Token], now: datetime) -> set[int]:
    """Return the ids of the tokens whose list their next check is to read again, in one query.

    A week after the last, drawn apart over another day; one that was never read, an hour after the consent or the import.
    """
    read = dict(ListReading.objects.filter(token__in=tokens).values_list("token", "at"))
    return {token.pk for token in tokens if _is_old(token, read.get(token.pk), now)}


def _is_old(token: Token, read_at: datetime | None, now: datetime) -> bool:
    if read_at is None:
        return token.linked_at < now - UNREAD_FOR
    return read_at < now - LISTED_EVERY - DAY * token.share


def forget_log_ins(*, token_ids: Collection[int]) -> None:
    """Forget what log-ins reached that ended. The caller holds their locks."""
    ReachedAccount.objects.filter(token__in=token_ids).delete()
    ListReading.objects.filter(token__in=token_ids).delete()


def forget_old(*, now: datetime) -> int:
    """Forget what no list has named for long: those of the log-in are incomplete, or cannot be had. Returns how many."""
    return ReachedAccount.objects.filter(seen_at__lt=now - FORGOTTEN_AFTER).delete()[0]


def forget_all() -> None:
    """Forget what all log-ins reached: their credentials were thrown away."""
    ReachedAccount.objects.all().delete()
    ListReading.objects.all().delete()
