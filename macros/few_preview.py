"""Of how many accounts a draft of a macro would say that too few people could carry them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from macros import few_sql
from macros.models import MacroAction
from macros.preview import DAYS, Draft

LONGEST = 2_000  # milliseconds: it is no more than a hint


@dataclass(frozen=True)
class FewCount:
    """Accounts that are short of people: `now`, of which some were `told` of already, and `later`, in DAYS days if nobody acts."""

    now: int
    told: int
    later: int


def count(draft: Draft, *, now: datetime, longest: int | None = None) -> FewCount | None:
    """Return how many accounts fall short for a draft.

    None where it does not ask, or the database needs more than `longest` milliseconds, or LONGEST.
    """
    if draft.people is None:
        return None
    stored = MacroAction.objects.filter(macro=draft.macro_id, kind=MacroAction.Kind.FEW_PEOPLE)
    values: dict[str, Any] = {
        "people": draft.people,
        "within": draft.within,
        "later": DAYS,
        "scope": draft.scope,
        "channels": draft.channels,
        "team": draft.team_id,
        "excluded": draft.excluded,
        "accounts": draft.accounts,
        "action": stored.values_list("pk", flat=True).first() or 0,
        "now": now,
    }
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select set_config('statement_timeout', %s, true)", [str(longest or LONGEST)])
            cursor.execute(few_sql.COUNT, values)
            row = cursor.fetchone()
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            return None
        raise
    return FewCount(*row) if row else None
