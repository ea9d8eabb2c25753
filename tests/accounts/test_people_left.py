"""How many people are left to carry accounts by a day to come: the table, the accounts behind each number, and what plain reading says."""

import random
from collections import Counter
from datetime import UTC, timedelta
from typing import Any

import pytest
from django.db import transaction

from accounts import deadline_weeks, people_left, pool, summary
from accounts.models import Account
from tests.support.factories import NOW, link, make_account, make_app, make_token, make_user
from tokens import renewal
from tokens.models import Token
from ui.calendar_days import end_of_window

pytestmark = pytest.mark.django_db


def fleet(seed: int, *, accounts: int = 40) -> None:
    """Log-ins of people with two native users, of one native user under two apps, imported, dead, without access, without a date."""
    dice = random.Random(seed)
    apps = [make_app("facebook"), make_app("facebook", client_id="second", is_default=False)]
    pinterest = make_app("pinterest")
    people = [make_user() for _ in range(6)]
    tokens = []
    for number in range(30):
        kind = dice.choice(["date", "date", "date", "never", "unknown"])
        dates = {"deadline": NOW + timedelta(days=dice.choice([3, 7, 8, 29, 31, 59, 88, 200]))}
        tokens.append(
            make_token(
                apps[number % 2],
                native_user_id=str(number // 3),
                consented_by=dice.choice([*people, None]),
                state=dice.choice(["valid", "valid", "valid", "cooling", "dead"]),
                deadline_kind=kind,
                **(dates if kind == "date" else {}),
            )
            if number % 3 != 2
            else make_token(apps[0], consented_by=dice.choice(people), deadline_kind="never")
        )
    for number in range(6):  # what renews itself lasts, unless renewals are late or refused
        ends = NOW + timedelta(days=dice.choice([20, 45, 50, 59]))
        tokens.append(
            make_token(
                pinterest,
                native_user_id=f"p{number}",
                consented_by=dice.choice(people),
                state=dice.choice(["valid", "valid", "cooling"]),
                deadline_kind="date",
                deadline=ends,
                has_refresh_token=True,
                refresh_refused_at=dice.choice([None, None, NOW]),
            )
        )
    made = [make_account(paused_at=NOW if number % 9 == 8 else None) for number in range(accounts)]
    for account in made:
        for token in dice.sample(tokens, dice.randint(0, 5)):
            link(
                account,
                token,
                access=dice.choice(["ok", "ok", "ok", "lost"]),
                can_publish=dice.choice(["yes", "unknown", "no"]),
            )
    with transaction.atomic():
        pool.settle(account_ids=[one.pk for one in made], cause="linked", now=NOW)


def read_one_by_one() -> Counter[tuple[int, int]]:
    found: Counter[tuple[int, int]] = Counter()
    for account in summary.with_pools(Account.objects.filter(paused_at=None)):
        if account.deadline_kind == "unknown":
            continue
        living = [entry.token for entry in account.pool.all() if entry.is_living]
        for days in people_left.DAYS:
            day = end_of_window(days, now=NOW, zone=UTC)
            lasting = [
                one
                for one in living
                if not days
                or one.deadline_kind == "never"
                or renewal.renews_itself(one, NOW)
                or (one.deadline is not None and one.deadline >= day)
            ]
            found[min(summary.count_people(lasting), people_left.MOST), days] += 1
    return found


def test_rows_say_of_each_token_what_one_token_says_and_the_chart_of_weeks_leaves_those_out() -> None:
    pinterest, facebook = make_app("pinterest"), make_app("facebook")
    year, soon = NOW - timedelta(days=315), NOW + timedelta(hours=1)
    whole = {"deadline_kind": "date", "deadline": NOW + timedelta(days=50), "has_refresh_token": True}
    kinds: list[dict[str, Any]] = [
        {},
        {"refresh_refused_at": NOW},
        {"has_refresh_token": False},
        {"state": "cooling"},
        {"deadline": NOW + timedelta(days=46)},
        {"linked_at": year, "refresh_expires_at": year + timedelta(days=365)},
        {"linked_at": year, "refresh_expires_at": year + timedelta(days=375)},
        {"refresh_unanswered_at": NOW, "access_expires_at": soon + timedelta(days=20)},
        {"refresh_unanswered_at": NOW, "access_expires_at": NOW},
        {"app": facebook},
    ]
    tokens = [make_token(facts.pop("app", pinterest), **(whole | facts)) for facts in kinds]
    accounts = [make_account() for _ in tokens]
    for account, token in zip(accounts, tokens, strict=True):
        link(account, token)
    with transaction.atomic():
        pool.settle(account_ids=[one.pk for one in accounts], cause="linked", now=NOW)
    everything = Account.objects.all()

    by_rows = set(Token.objects.filter(renewal.renewing(now=NOW)))
    charted = deadline_weeks.count(everything, now=NOW, zone=UTC)
    renews = {one.pk for one in summary.with_pools(everything) if summary.summarise(one, NOW).deadline.renews}

    assert by_rows == {one for one in tokens if renewal.renews_itself(one, NOW)}
    assert 2 <= len(by_rows) < len(tokens)
    assert set(deadline_weeks.renewing(everything, now=NOW).values_list("pk", flat=True)) == renews
    assert sum(charted.values()) == len(tokens) - len(renews)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_table_the_lists_and_reading_every_pool_say_the_same(seed: int) -> None:
    fleet(seed)
    everything = Account.objects.all()

    table = people_left.count(everything, now=NOW, zone=UTC)

    listed = {
        (people, days): people_left.left(everything, people=people, days=days, now=NOW, zone=UTC).count()
        for people in range(people_left.MOST + 1)
        for days in people_left.DAYS
    }

    assert {key: n for key, n in table.items() if n} == +read_one_by_one()
    assert {key: n for key, n in listed.items() if n} == +read_one_by_one()
    assert all(
        sum(table[people, days] for people in range(4)) == sum(table[people, 0] for people in range(4))
        for days in people_left.DAYS
    )
