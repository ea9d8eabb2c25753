"""Accounts as lines of CSV: no secret, exact times in UTC, and no cell that a spreadsheet would run as a formula.

A line is made from a few columns that are read for a page of accounts at once; a summary of each account would take half a millisecond.
"""

import csv
import io
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import dropwhile
from typing import NamedTuple

from django.db.models import Count, Max, QuerySet
from django.utils import timezone

from accounts import pool_reasons, selection
from accounts.health import Health, health_of
from accounts.models import Account, AccountToken
from tokens.models import name_of_person
from ui import pills
from ui.ids import as_one
from ui.name_visibility import NameVisibility

HEAD = [
    "channel", "native_id", "name", "team", "state", "pill", "reason", "restriction", "deadline_kind", "deadline_utc",
    "usable_tokens", "tokens", "people", "active_person", "last_check_utc",
]  # fmt: skip
PAGE = 1_000  # accounts that are read at once
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
# Letters that a reader does not see: controls, joiners, marks of direction, all kinds of space.
_UNSEEN = {"Cc", "Cf", "Mn", "Zl", "Zp", "Zs"}


# What a reason and the order of a pool go by.
_ENTRY = (
    "account_id", "access", "access_reason", "can_publish", "doubt", "rank",
    *(
        f"token__{name}"
        for name in ("state", "reason", "state_since", "kind", "deadline_kind", "deadline", "proven_at", "doubted_at", "demoted_at")
    ),
)  # fmt: skip


class _Row(NamedTuple):
    """What is read of an account."""

    pk: int
    channel: str
    native_id: str
    name: str
    team_id: int
    team__name: str
    state: str
    paused_at: datetime | None
    restriction: str
    reason: str
    deadline_kind: str
    deadline: datetime | None
    usable_count: int
    people_count: int
    active_token_id: int | None
    active_token__consented_by_id: int | None
    active_token__team_id: int | None
    active_token__consented_by__name: str | None
    active_token__native_user_name: str
    active_token__native_user_id: str


@dataclass(frozen=True)
class _Active:
    """The log-in that carries an account: as much of it as says whose it is."""

    consented_by_id: int | None
    team_id: int | None
    person_name: str


@dataclass(frozen=True)
class _Owned:
    """An account, as far as it says who may read a name."""

    team_id: int


def safe(value: object) -> str:
    """Return the value as text that no spreadsheet takes for a formula, not even one that tidies the text first.

    Some drop what is not seen at the beginning, some take full-width characters for plain ones.
    """
    text = "" if value is None else str(value)
    first = text[:1]
    if not first or (first.isascii() and first.isalnum()):
        return text  # nearly every cell
    seen = "".join(dropwhile(lambda letter: unicodedata.category(letter) in _UNSEEN, text))
    begins = (first, unicodedata.normalize("NFKC", seen[:1]))
    return f"'{text}" if any(begin.startswith(_FORMULA) for begin in begins) else text


def lines(accounts: QuerySet[Account], names: NameVisibility, now: datetime) -> Iterator[str]:
    """Yield the head, then the lines of all these accounts, in their order, a page at a time.

    No cursor is left open at PostgreSQL between two pages: a pooler such as PgBouncer would give it to somebody else meanwhile.
    """
    yield head()
    ids = ids_of(accounts)
    for start in range(0, len(ids), PAGE):
        yield page(accounts, ids[start : start + PAGE], names, now)


def ids_of(accounts: QuerySet[Account]) -> list[int]:
    """Return the ids of the accounts, in their order."""
    return list(accounts.prefetch_related(None).values_list("pk", flat=True))


def head() -> str:
    """Return the line with the names of the columns."""
    return _csv([HEAD])


def page(accounts: QuerySet[Account], ids: Sequence[int], names: NameVisibility, now: datetime) -> str:
    """Return the lines of those of these accounts that are among `accounts`, in the order of `ids`.

    An account that is no longer to be seen by then is left out. Pills are of the current time zone. Three queries.
    """
    bare = accounts.order_by().prefetch_related(None).select_related(None)
    rows = [_Row(*row) for row in bare.filter(pk__in=as_one(ids)).values_list(*_Row._fields)]
    pool = AccountToken.objects.filter(account__in=as_one([row.pk for row in rows]))
    checks = pool.values("account").annotate(tokens=Count("pk"), checked=Max("token__last_checked_at"))
    pools = {
        pk: (tokens, checked) for pk, tokens, checked in checks.values_list("account", "tokens", "checked")
    }
    reasons = _reasons(rows)
    words = {key: pills.pill("account", key).label for key in pills.FAMILIES["account"]}
    zone = timezone.get_current_timezone()
    made = {}
    for row in rows:
        tokens, checked = pools.get(row.pk, (0, None))
        cells = (
            row.channel, row.native_id, row.name, row.team__name, row.state, words[_health(row, now, zone)], reasons[row.pk],
            row.restriction, row.deadline_kind, _utc(row.deadline), row.usable_count, tokens, row.people_count,
            _person(row, names), _utc(checked),
        )  # fmt: skip
        made[row.pk] = [safe(cell) for cell in cells]
    return _csv(made[pk] for pk in ids if pk in made)


def _health(row: _Row, now: datetime, zone: tzinfo) -> Health:
    return health_of(
        paused=row.paused_at is not None,
        state=row.state,
        restricted=bool(row.restriction),
        deadline_kind=row.deadline_kind,
        deadline=row.deadline,
        usable_count=row.usable_count,
        people_count=row.people_count,
        now=now,
        zone=zone,
    )


def _person(row: _Row, names: NameVisibility) -> str:
    """Return whose log-in carries the account, as far as the viewer may know; "" where none does."""
    if row.active_token_id is None:
        return ""
    by, team = row.active_token__consented_by_id, row.active_token__team_id
    name = name_of_person(
        row.active_token__consented_by__name or "",
        row.active_token__native_user_name,
        row.active_token__native_user_id,
    )
    return names.token(_Active(by, team, name), _Owned(row.team_id))


def _reasons(rows: Sequence[_Row]) -> dict[int, str]:
    """Return why each account does not work; the pools of those that are deactivated are asked, as on pages."""
    accounts = [
        Account(pk=row.pk, state=row.state, reason=row.reason, active_token_id=row.active_token_id)
        for row in rows
        if row.state != Account.State.CONNECTED
    ]
    asked = [account.pk for account in accounts if account.state == Account.State.DEACTIVATED]
    entries: dict[int, list[AccountToken]] = defaultdict(list)
    if asked:
        for entry in (
            AccountToken.objects.filter(account__in=as_one(asked)).select_related("token").only(*_ENTRY)
        ):
            entries[entry.account_id].append(entry)
    found = dict.fromkeys((row.pk for row in rows), "")
    for account in accounts:
        pool = selection.ordered(account, entries[account.pk])
        found[account.pk] = pool_reasons.account_reason(account, pool)
    return found


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _utc(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z" if moment else ""
