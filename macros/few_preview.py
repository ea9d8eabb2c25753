"""Of how many accounts a draft of a macro would say that too few people could carry them; and how many people an action counts of one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from accounts.models import Account
from macros import few_sql
from macros.models import Macro, MacroAction
from macros.preview import DAYS, Draft


@dataclass(frozen=True)
class FewCount:
    """Accounts that are short of people: `now`, of which some were `told` of already, and `later`, in DAYS days if nobody acts."""

    now: int
    told: int
    later: int


def count(draft: Draft, *, now: datetime) -> FewCount | None:
    """Return how many accounts fall short for a draft; None where it does not ask."""
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
    }
    statement, more = few_sql.whole(few_sql.COUNT, now=now)
    with connection.cursor() as cursor:
        cursor.execute(statement, values | more)
        row = cursor.fetchone()
    return FewCount(*row) if row else None


def people_of(account: Account, action: MacroAction, *, now: datetime) -> int:
    """Return how many people an action counts of an account that it watches: on the day that it looks ahead to, or now where few are.

    One query. 0 for an account that is paused.
    """
    statement, more = few_sql.whole(few_sql.COUNT_ONE, now=now)
    values: dict[str, Any] = {
        "people": action.people or 0,
        "within": action.within or 0,
        "later": DAYS,
        "scope": Macro.AppliesTo.CHOSEN,
        "channels": [],
        "team": None,
        "excluded": [],
        "accounts": [account.pk],
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values | more)
        row = cursor.fetchone()
    return row[0] if row else 0
