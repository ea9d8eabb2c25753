"""What macros tell of accounts that too few people could carry: told once until the account recovers.

Where people went, that is found at once, by `macros.at_once`; what time takes away, what a new macro asks for and what was snoozed, by each
evaluation. Both open the same `Shortage`, one at a time, so that nothing is told by both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from macros import delays, few_sql
from macros.models import Shortage
from users.recipients import operators

AGAIN = timedelta(seconds=10)  # where `accounts.telling` still finds out whom it tells itself


@dataclass
class Short:
    """What is short of people: what is told now, as (shortage, action, account), and which shortages are looked at later, and when."""

    told: list[tuple[int, int, int]] = field(default_factory=list)
    later: dict[int, datetime] = field(default_factory=dict)


def look(*, fell: Sequence[int], rose: Sequence[int], again: Sequence[int], now: datetime) -> Short:
    """Open and close shortages of the accounts whose people went (`fell`) or came, and of the shortages that are looked at `again`: all by
    id. The caller's transaction holds the lock of evaluations. Returns what is to be told.
    """
    found = Short()
    due = list(Shortage.objects.filter(pk__in=again).values_list("account_id", flat=True)) if again else []
    if not (fell or rose or due):
        return found
    values: dict[str, Any] = {"only": sorted({*fell, *rose, *due}), "now": now}
    with connection.cursor() as cursor:
        _count(cursor, few_sql.CLOSE_SOME, values, now)
        values["only"] = sorted({*fell, *due})
        if not values["only"]:
            return found
        _count(cursor, few_sql.LATER, values, now)
        found.later = dict(cursor.fetchall())
        _count(cursor, few_sql.OPEN_SOME, values, now)
        values |= {"shortages": [*again, *(row[0] for row in cursor.fetchall())], "only": list(fell)}
        cursor.execute(few_sql.TO_TELL, values)
        for shortage, action, account, waits in cursor.fetchall():
            if waits:
                found.later[shortage] = now + AGAIN
            else:
                found.told.append((shortage, action, account))
    return found


def tell(
    short: Short, *, evaluation: int, mailed_since: datetime, now: datetime
) -> tuple[int, dict[int, datetime]]:
    """Write the notices of what is told now for the run with this id, but for whom mails of ended log-ins tell since a moment.

    Returns how many, and what waits for readers who were told of the account within the hour: as it stands among events, and until when.
    """
    if not short.told:
        return 0, {}
    with connection.cursor() as cursor:
        _insert(cursor, few_sql.INSERT_AT_ONCE, short.told, evaluation, now, mailed_since=mailed_since)
        return delays.written(cursor.fetchall())


def _count(cursor: CursorWrapper, text: str, values: dict[str, Any], now: datetime) -> None:
    """Carry out a statement that counts people."""
    statement, more = few_sql.whole(text, now=now)
    cursor.execute(statement, values | more)


def _insert(
    cursor: CursorWrapper,
    text: str,
    rows: Sequence[tuple[int, int, int]],
    evaluation: int,
    now: datetime,
    **more: datetime,
) -> int:
    if not rows:
        return 0
    shortages, actions, accounts = (list(column) for column in zip(*rows, strict=True))
    values: dict[str, Any] = {
        "shortages": shortages,
        "actions": actions,
        "accounts": accounts,
        "evaluation": evaluation,
        "operators": operators(),
        "now": now,
        **more,
    }
    cursor.execute(text, values)
    return int(cursor.rowcount)
