"""The plans of an evaluation, of what is told at once and of settling do not depend on what the planner knew of the tables."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction

from accounts import pool
from accounts.models import Account, AccountEvent, AccountToken
from macros import few_sql, news_sql, warning_sql
from macros.models import Evaluation, Macro, MacroAction, NewsNotice, Notice, Shortage
from tests.macros.support import TODAY, WATCHER, ending, make_macro, make_person
from tests.support.factories import NOW, make_token
from users.models import Team

pytestmark = pytest.mark.django_db


def values(evaluation: int = 0) -> dict[str, Any]:
    """Return what an evaluation of today hands to its statements."""
    return {
        "now": NOW,
        "first": TODAY,
        "last": TODAY,
        "zone": settings.TIME_ZONE,
        "operators": [],
        "evaluation": evaluation,
    }


def plan_of(text: str) -> dict[str, Any]:
    """Return the plan of an insert, as PostgreSQL draws it up on a table of notices that was analysed while it was empty."""
    with connection.cursor() as cursor:
        cursor.execute("analyze macros_notice")
        cursor.execute(f"explain (format json) {text}", values())
        (found,) = cursor.fetchone()
    drawn: dict[str, Any] = (found if isinstance(found, list) else json.loads(found))[0]["Plan"]
    return drawn


def test_all_notices_are_found_before_the_first_is_written() -> None:
    """Else each row would be compared with what the same statement wrote: 67 of 84 seconds at a million accounts."""
    make_macro(days=[30])
    ending(5)
    assert not Notice.objects.exists()

    plan = plan_of(warning_sql.INSERT)

    assert plan["Node Type"] == "ModifyTable"
    source = next(node for node in plan["Plans"] if node["Parent Relationship"] == "Outer")
    while source["Node Type"] in {"Subquery Scan", "Result", "Unique"}:
        source = source["Plans"][0]
    assert source["Node Type"] in {"Sort", "Incremental Sort"}


def read_in_vain(node: dict[str, Any]) -> int:
    """Return how many rows a plan read and left out, those that its joins compared included."""
    left_out = int(node.get("Rows Removed by Filter", 0) * node.get("Actual Loops", 1))
    left_out += int(node.get("Rows Removed by Join Filter", 0) * node.get("Actual Loops", 1))
    return left_out + sum(read_in_vain(child) for child in node.get("Plans", []))


def joined_in_vain(node: dict[str, Any]) -> int:
    """Return how many pairs of rows the joins of a plan compared and left out."""
    left_out = int(node.get("Rows Removed by Join Filter", 0) * node.get("Actual Loops", 1))
    return left_out + sum(joined_in_vain(child) for child in node.get("Plans", []))


def compared_in_vain() -> int:
    """Carry an evaluation out; return how many pairs of rows it compared in vain."""
    run = Evaluation.objects.create(on_date=TODAY, trigger=Evaluation.Trigger.HAND, started_at=NOW)
    with connection.cursor() as cursor:
        cursor.execute("explain (analyze, format json) " + warning_sql.INSERT, values(run.pk))
        (found,) = cursor.fetchone()
    return joined_in_vain((found if isinstance(found, list) else json.loads(found))[0]["Plan"])


def test_accounts_are_not_compared_with_the_macros_of_others() -> None:
    """PostgreSQL may know nothing yet of a few macros that are new, and take them for one."""
    accounts, macros = [ending(5) for _ in range(60)], 12
    with connection.cursor() as cursor:
        cursor.execute("analyze")
    for _ in range(macros):
        make_macro(days=[30], notify_consenters=True, accounts=accounts)
    with connection.cursor() as cursor:
        cursor.execute("analyze macros_macroaccount")

    in_vain = compared_in_vain()

    assert Notice.objects.count() == 2 * macros * len(accounts)
    assert in_vain < 2 * len(accounts)


def test_the_people_of_a_pool_are_looked_up_and_not_compared_with_every_account() -> None:
    """A macro of all accounts took 15 s for 10,000 of them: the people of all pools were joined as a set that has no index."""
    accounts = 150
    make_macro(days=[30], notify_consenters=True)
    for _ in range(accounts):
        ending(5)
    with connection.cursor() as cursor:
        cursor.execute("analyze")

    in_vain = compared_in_vain()

    assert Notice.objects.count() == 2 * accounts  # the watcher and each person
    assert in_vain < accounts


def test_what_was_told_is_not_compared_with_every_account_that_is_due() -> None:
    """Also where PostgreSQL counted the notices while there were none: on an ordinary day most of what is due was told before."""
    accounts = 150
    make_macro(days=[30], notify_consenters=True)
    for _ in range(accounts):
        ending(5)
    with connection.cursor() as cursor:
        cursor.execute("truncate macros_notice cascade")  # a table that is new has no pages, either
        cursor.execute("analyze")
    compared_in_vain()
    assert Notice.objects.count() == 2 * accounts

    in_vain = compared_in_vain()

    assert Notice.objects.count() == 2 * accounts  # nothing is new
    assert in_vain < accounts


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
    look("told before", few_sql.INSERT, **told, shortages=shortages)
    look("opened before", few_sql.OPEN)
    look("kept open", few_sql.CLOSE_SOME, only=only)
    Account.objects.update(people_count=2)
    AccountToken.objects.update(access="lost")
    look("in days", few_sql.OPEN)
    AccountToken.objects.update(access="ok")
    look("later", few_sql.LATER, only=only)
    Macro.objects.update(enabled=False)
    look("closed", few_sql.CLOSE)

    assert NewsNotice.objects.count() == 2 * number  # the watcher and the person
    assert Shortage.objects.exclude(over_at=None).count() == number
    assert {name: left_out for name, left_out in found.items() if left_out > 4 * number} == {}
