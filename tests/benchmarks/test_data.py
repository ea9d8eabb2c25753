"""The benchmark's writer: what it makes is an installation that the product itself finds in order."""

from collections import Counter
from typing import Any

import pytest
from django.db import connection

from accounts.models import Account, AccountEvent, AccountToken
from accounts.pool import services as pool
from benchmarks import data, further_visits, page_data, page_visits
from benchmarks.parts import PARTS
from macros.models import MacroAccount
from tests.support.factories import NOW
from tokens.models import Token
from tokens.vault import services as vault

pytestmark = pytest.mark.django_db(transaction=True)
ACCOUNTS = 300


def keys_and_indexes() -> list[Any]:
    """Every foreign key and index of the database.

    Of an index its columns, and whether it has a condition: the text of one changes as it is read and written down again.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated from pg_constraint where contype = 'f'"
            " union select indrelid::regclass::text, indexrelid::regclass::text,"
            " concat_ws(' ', indkey, indisunique, indisvalid, indpred is not null, indexprs is not null), true"
            " from pg_index where indrelid::regclass::text ~ '^(accounts|tokens|macros)_' order by 1, 2"
        )
        found: list[Any] = cursor.fetchall()
    return found


def test_what_it_makes_is_an_installation_in_order_and_leaves_the_database_as_it_was() -> None:
    before = keys_and_indexes()

    data.fill(accounts=ACCOUNTS, now=NOW)

    assert keys_and_indexes() == before
    assert any("active_token_in_pool" in line for line in before)
    assert pool.differences() == []
    assert Account.objects.filter(state="connected", active_token__isnull=False).count() == ACCOUNTS
    assert AccountEvent.objects.filter(kind="connected", cause="imported").count() == ACCOUNTS
    pools = Counter(AccountToken.objects.values_list("account", flat=True))
    assert set(pools.values()) == {2, 3}
    assert len(pools) == ACCOUNTS == AccountToken.objects.filter(token=1).count()  # the agency is in each
    assert not Account.objects.filter(active_token=1).exists()
    applied = Counter(MacroAccount.objects.values_list("account", flat=True))
    assert set(applied.values()) == {data.APPLICATIONS}
    tokens = list(Token.objects.select_related("app"))
    opened = [
        vault.unseal(one.app.token_owner(one.native_user_id), one.credentials)["access_token"]
        for one in tokens
        if one.credentials is not None
    ]
    assert len(set(opened)) == len(tokens) == ACCOUNTS * 6 // 10
    assert {len(text) for text in opened} == {data.TOKEN_LETTERS}


def test_every_part_of_the_benchmark_has_a_module_that_measures() -> None:
    assert all(callable(part.load()) for part in PARTS)


def test_the_pages_that_are_measured_by_name_are_there(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    page_data.fill(accounts=page_data.LEAST, now=NOW)
    browsers = {who: page_visits.browser(who) for who in (page_data.BOSS, page_data.STAFF, page_data.MEMBER)}
    named = {one.group: one for one in further_visits.all_of_them(browsers[page_data.BOSS])}.values()

    lost = [one.name for one in named if not page_visits.is_page(one.ask(browsers[one.who]))]
    assert lost == []
