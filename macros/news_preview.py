"""What a macro would have told at once in the last 30 days, from the events of its accounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from macros import news_sql
from macros.models import MacroAction
from macros.preview import DAYS, Draft

LONGEST = 2_000  # milliseconds: it is no more than a hint

Found = Mapping[str, Sequence[int]]  # kind -> mails, accounts


@dataclass(frozen=True)
class NewsCount:
    """What one kind of action would have told one reader: in how many mails, of how many accounts."""

    label: str
    mails: int
    accounts: int


def counts(draft: Draft, *, now: datetime) -> list[NewsCount] | None:
    """Return that of each kind that the draft tells at once; None where the database needs more than LONGEST to say so."""
    found = find(draft, now=now)
    return None if found is None else shown(draft, found)


def find(draft: Draft, *, now: datetime, longest: int | None = None) -> Found | None:
    """Count the same, in words of no language; None where the database needs more than `longest` milliseconds, or LONGEST."""
    if not draft.at_once:
        return {}
    values: dict[str, Any] = {
        "kinds": draft.at_once,
        "since": now - timedelta(days=DAYS),
        "team": draft.team_id,
        "scope": draft.scope,
        "channels": draft.channels,
        "accounts": draft.accounts,
        "excluded": draft.excluded,
    }
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select set_config('statement_timeout', %s, true)", [str(longest or LONGEST)])
            cursor.execute(news_sql.COUNTS, values)
            return {kind: (mails, accounts) for kind, mails, accounts in cursor.fetchall()}
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            return None
        raise


def shown(draft: Draft, found: Found) -> list[NewsCount]:
    """Return what was counted in the words of a page."""
    return [
        NewsCount(str(label), *found.get(kind, (0, 0)))
        for kind, label in MacroAction.Kind.at_once()
        if kind in draft.at_once
    ]
