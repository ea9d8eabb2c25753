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
    """Copy the rows of a freshly migrated database."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"drop schema if exists {COPY} cascade; create schema {COPY}")
        for table in _filled(cursor):
            cursor.execute(f'create table {COPY}."{table}" as table "{table}"')
    copied[:] = [connection.settings_dict["NAME"]]


def empty() -> None:
    """Leave the rows that `migrate` made, as it made them, and no others."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("set local adtoken.pruning = 'on'")  # else append-only tables refuse it
        # A thread that a test left behind may be in the middle of writing: wait for it, as truncating did.
        cursor.execute("lock table " + ", ".join(f'"{table}"' for table in _tables()))
        for table in _filled(cursor):
            cursor.execute(f'delete from "{table}"')
        cursor.execute("select tablename from pg_tables where schemaname = %s", [COPY])
        for (table,) in cursor.fetchall():
            cursor.execute(f'insert into "{table}" select * from {COPY}."{table}"')


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


def _filled(cursor: Any) -> list[str]:
    looks = (f"select '{table}' where exists (select from \"{table}\")" for table in _tables())
    cursor.execute(" union all ".join(looks))
    return [name for (name,) in cursor.fetchall()]


def _tables() -> list[str]:
    return connection.introspection.django_table_names(only_existing=True, include_views=False)


@contextmanager
def instead_of_truncating() -> Iterator[None]:
    """Have the end of each test with real transactions call `empty`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: empty())
        yield
