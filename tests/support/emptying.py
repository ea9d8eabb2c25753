"""Emptying the database after a test with real transactions, in milliseconds.

Django truncates all tables and has `migrate` fill some of them again: half a second for each test. Few tables hold anything after a test,
so only those are emptied, and what `migrate` had put into them is put back from a copy.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase

COPY = "as_migrated"  # a schema
MANY = 64  # pages of 8 KiB, of rows that nobody sees
copied: list[str] = []  # the database whose rows are copied, once one is: not all files of tests need one


def keep_what_migrate_made() -> None:
    """Copy the rows of a freshly migrated database, and write the function that `empty` calls."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"drop schema if exists {COPY} cascade; create schema {COPY}")
        tables = _tables()
        filled = _filled(cursor, tables)
        for table in filled:
            cursor.execute(f'create table {COPY}."{table}" as table "{table}"')
        lines = [
            "perform set_config('adtoken.pruning', 'on', true)",  # else append-only tables refuse it
            # A thread that a test left behind may be in the middle of writing: wait for it, as truncating did.
            "lock table " + ", ".join(f'"{table}"' for table in sorted(tables)),
            *(_as_it_was(cursor, table) for table in sorted(filled)),
            *(
                f'if exists (select from "{table}") then delete from "{table}"; end if'
                for table in sorted(tables - filled)
            ),
        ]
        body = "; ".join(lines)
        cursor.execute(
            f"create function {COPY}.empty() returns void language plpgsql as $$ begin {body}; end $$"
        )
    copied[:] = [connection.settings_dict["NAME"]]


def _as_it_was(cursor: Any, table: str) -> str:
    """Return the statement that puts a table's rows back, where they are others now: of most tests they are not."""
    look = f"select count(*) || ' ' || coalesce(sum(hashtextextended(one::text, 0)), 0) from \"{table}\" one"
    cursor.execute(look)
    return (
        f"if ({look}) <> '{cursor.fetchone()[0]}' then"
        f' delete from "{table}"; insert into "{table}" select * from {COPY}."{table}"; end if'
    )


def empty() -> None:
    """Leave the rows that `migrate` made, as it made them, and no others."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"select {COPY}.empty()")


def vacuum() -> None:
    """Free what rows of ended tests take, where that is much: autovacuum is off (tests/support/servers.py). Not within a transaction.

    Each look at a table goes through its dead rows, too: what takes a second at first took a minute at the end of a run.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
            " and pg_relation_size(oid) > %s * 8192",
            [MANY],
        )
        if tables := [name for (name,) in cursor.fetchall()]:
            cursor.execute("vacuum " + ", ".join(f'"{name}"' for name in tables))


def _filled(cursor: Any, tables: set[str]) -> set[str]:
    looks = (f"select '{table}' where exists (select from \"{table}\")" for table in tables)
    cursor.execute(" union all ".join(looks))
    return {name for (name,) in cursor.fetchall()}


def _tables() -> set[str]:
    return set(connection.introspection.django_table_names(only_existing=True, include_views=False))


@contextmanager
def instead_of_truncating() -> Iterator[None]:
    """Have the end of each test with real transactions call `empty`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: empty())
        yield
