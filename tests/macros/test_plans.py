"""The plans of an evaluation, of what is told at once and of settling do not depend on what the planner knew of the tables."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from accounts import pool
from accounts.models import Account, AccountEvent, AccountToken
from macros import few_sql, news_sql
from macros.models import Evaluation, Macro, MacroAction, NewsNotice, Notice, Shortage
from tests.macros.support import TODAY, WATCHER, make_macro, make_person
from tests.support.factories import NOW, make_token
from users.models import Team

pytestmark = pytest.mark.django_db


def read_in_vain(node: dict[str, Any]) -> int:
    """Return how many rows a plan read and left out, those that its joins compared included."""
    left_out = int(node.get("Rows Removed by Filter", 0) * node.get("Actual Loops", 1))
    left_out += int(node.get("Rows Removed by Join Filter", 0) * node.get("Actual Loops", 1))
    return left_out + sum(read_in_vain(child) for child in node.get("Plans", []))


def joined_in_vain(node: dict[str, Any]) -> int:
    """Return how many pairs of rows the joins of a plan compared and left out."""
    left_out = int(node.get("Rows Removed by Join Filter", 0) * node.get("Actual Loops", 1))
    return left_out + sum(joined_in_vain(child) for child in node.get("Plans", []))


def fleet(number: int) -> list[int]:
    """So many accounts that one log-in carries, each with an event that it is deactivated. Returns the ids of the events."""
    team, token = Team.default(), make_token(consented_by=make_person())
    accounts = Account.objects.bulk_create(
        Account(channel="facebook", native_id=f"{one}", name=f"A {one}", team=team) for one in range(number)
    )
    AccountToken.objects.bulk_create(AccountToken(account=one, token=token) for one in accounts)
    events = AccountEvent.objects.bulk_create(
        AccountEvent(account=one, kind="deactivated", at=NOW) for one in accounts
    )
    return [one.pk for one in events]


class _UndoneError(Exception):
    """What was written is to be undone."""


@pytest.fixture
def taken_for_empty() -> Iterator[list[int]]:
    """A fleet in tables that PostgreSQL takes for empty: when it looked, they had pages, and what lay there was undone."""
    try:
        with transaction.atomic():
            fleet(100)
            raise _UndoneError
    except _UndoneError:
        pass
    with connection.cursor() as cursor:
        cursor.execute("analyze")
    yield fleet(100)
    with connection.cursor() as cursor:
        cursor.execute("analyze")  # what it knows of tables outlives a test


def run(text: str, values: dict[str, Any]) -> dict[str, Any]:
    """Carry a statement out, and return its plan with what it read."""
    with connection.cursor() as cursor:
        cursor.execute("explain (analyze, format json) " + text, values)
        (found,) = cursor.fetchone()
    drawn: dict[str, Any] = (found if isinstance(found, list) else json.loads(found))[0]["Plan"]
    return drawn


def test_walls_are_compared_with_the_log_ins_of_their_own_accounts(taken_for_empty: list[int]) -> None:
    """Each entry was compared with each account and each other entry: 12 s for 300 accounts, in whatever changed a pool."""
    accounts = list(Account.objects.values_list("pk", flat=True))

    plan = run(pool._WALL, {"accounts": accounts})

    assert len(accounts) == len(taken_for_empty) == 100
    assert joined_in_vain(plan) < len(accounts)


def test_what_is_told_at_once_is_not_compared_with_all_accounts_and_events(
    taken_for_empty: list[int],
) -> None:
    action = make_macro(notify_consenters=True)
    run_of_today = Evaluation.objects.create(on_date=TODAY, trigger=Evaluation.Trigger.EVENT, started_at=NOW)
    told = {"actions": [action.pk] * 100, "events": taken_for_empty, "operators": [], "now": NOW}

    plan = run(news_sql.INSERT_DARK, told | {"evaluation": run_of_today.pk, "mailed_since": NOW})

    assert Notice.objects.count() == 200  # the watcher and the person, of each
    assert joined_in_vain(plan) < 100


def test_too_few_people_is_found_and_told_by_looking_up_each_account_and_no_other() -> None:
    """It grew by the square: each account that fell short was compared with all that had."""
    number, run_of_today = 1_500, Evaluation.objects.create(on_date=TODAY, trigger="hand", started_at=NOW)
    fleet(number)
    Account.objects.update(state="connected", people_count=1)
    action = MacroAction.objects.create(
        macro=make_macro(days=[1]).macro, kind="few_people", emails=[WATCHER], people=2, within=30
    )
    only = list(Account.objects.values_list("pk", flat=True))
    told = {"accounts": only, "actions": [action.pk] * number, "evaluation": run_of_today.pk, "operators": []}
    told["mailed_since"] = NOW - timedelta(hours=2)
    found: dict[str, int] = {}

    def look(name: str, text: str, **values: Any) -> None:
        statement, more = few_sql.whole(text, now=NOW)
        found[name] = read_in_vain(run(statement, values | more))

    look("opened", few_sql.OPEN_SOME, only=only)
    shortages = list(Shortage.objects.order_by("account").values_list("pk", flat=True))
    look("to tell", few_sql.TO_TELL, shortages=[], only=only)
    look("told", few_sql.INSERT_AT_ONCE, **told, shortages=shortages)
    look("kept open", few_sql.CLOSE_SOME, only=only)
    Account.objects.update(people_count=2)
    look("later", few_sql.LATER, only=only)
    Macro.objects.update(enabled=False)
    look("closed", few_sql.CLOSE_SOME, only=only)

    assert NewsNotice.objects.count() == 2 * number  # the watcher and the person
    assert Shortage.objects.exclude(over_at=None).count() == number
    assert {name: left_out for name, left_out in found.items() if left_out > 4 * number} == {}
