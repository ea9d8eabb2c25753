"""Of how many accounts a draft of a macro would say that too few people could carry them."""

from datetime import datetime
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from macros import few_sql
from macros.preview import Draft

LONGEST = 2_000  # milliseconds: it is no more than a hint


def count(draft: Draft, *, now: datetime) -> int | None:
    """Return how many accounts fall short for a draft now; None where it does not ask, or the database needs more than LONGEST."""
    if draft.people is None:
        return None
    values: dict[str, Any] = {
        "people": draft.people,
        "within": draft.within,
        "scope": draft.scope,
        "channels": draft.channels,
        "team": draft.team_id,
        "excluded": draft.excluded,
        "accounts": draft.accounts,
        "now": now,
    }
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select set_config('statement_timeout', %s, true)", [str(LONGEST)])
            cursor.execute(few_sql.COUNT, values)
            row = cursor.fetchone()
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            return None
        raise
    return int(row[0]) if row else None
