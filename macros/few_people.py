"""What macros tell of accounts that too few people could carry: found by each evaluation, told once until the account recovers."""

from datetime import datetime
from typing import Any

from django.db import connection

from macros import few_sql
from macros.models import MacroAction
from users.recipients import operators


def find(*, evaluation: int, now: datetime) -> int:
    """Write what fell short since the last time for the run with this id, in the caller's transaction. Returns how many notices.

    One small query where no action asks for it.
    """
    if not MacroAction.objects.filter(kind=MacroAction.Kind.FEW_PEOPLE).exists():
        return 0
    with connection.cursor() as cursor:
        cursor.execute(few_sql.CLOSE, {"now": now})
        cursor.execute(few_sql.OPEN, {"now": now})
        rows = cursor.fetchall()
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
        }
        cursor.execute(few_sql.INSERT, values)
        return int(cursor.rowcount)
