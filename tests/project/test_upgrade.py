"""Migrations keep what is in use: rows of every kind at the schema of the last release are migrated, and every value is there as before.

`make release` writes these rows anew (WRITE_FILLED=1), to be committed next. Before the first release they are made for the test alone.
"""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from psycopg import sql

from benchmarks import page_data
from tests.support import migrated
from tests.support.factories import NOW

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
FILE = Path(__file__).parent / "data/filled.json.gz"
# "table.column" that a migration since the last release changes or takes away, and why; emptied when the rows are written anew.
CHANGED: dict[str, str] = {}
TO_THERE = """
import django, json, sys
django.setup()
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
MigrationExecutor(connection).migrate([tuple(one) for one in json.load(sys.stdin)])
"""


class Filled(NamedTuple):
    """A filled schema: its migrations, and of each table the columns and the rows as COPY writes them."""

    migrations: list[tuple[str, str]]
    tables: dict[str, tuple[list[str], str]]


def test_the_migrations_since_the_last_release_keep_every_value() -> None:
    if os.environ.get("WRITE_FILLED") or not FILE.exists():
        page_data.fill(accounts=page_data.LEAST, now=NOW)
        filled = read(connection.connection)
        if os.environ.get("WRITE_FILLED"):
            FILE.write_bytes(gzip.compress(json.dumps(filled).encode(), mtime=0))
    else:
        filled = Filled(*json.loads(gzip.decompress(FILE.read_bytes())))

    with empty_database() as address:
        manage(address, "-c", TO_THERE, said=json.dumps(filled.migrations))
        with psycopg.connect(address) as older:
            write(older, filled)
            before = values(older)
        manage(address, "manage.py", "migrate", "--no-input", "-v0")
        with psycopg.connect(address) as newer:
            after = values(newer)

    assert before["accounts_account.name"]
    assert {name for name, value in before.items() if after.get(name) != value} == CHANGED.keys()


def read(database: Any) -> Filled:
    """Return what a database holds."""
    cursor = database.cursor()
    rows = cursor.execute("select app, name from django_migrations order by id").fetchall()
    tables = {}
    for table, columns in sorted(columns_of(cursor).items()):
        with cursor.copy(of(table, columns, "copy {} ({}) to stdout")) as copy:
            tables[table] = (columns, b"".join(copy).decode())
    return Filled([(app, name) for app, name in rows], tables)


def write(database: psycopg.Connection, filled: Filled) -> None:
    """Put the rows where migrations wrote some; nothing checks or refuses them, they were once there."""
    cursor = database.cursor()
    cursor.execute("set session_replication_role = replica")
    cursor.execute(sql.SQL("truncate {}").format(sql.SQL(", ").join(map(sql.Identifier, filled.tables))))
    for table, (columns, rows) in filled.tables.items():
        with cursor.copy(of(table, columns, "copy {} ({}) from stdin")) as copy:
            copy.write(rows)
        counts = (
            "id" in columns and cursor.execute("select pg_get_serial_sequence(%s, 'id')", [table]).fetchone()
        )
        if counts and counts[0]:
            last = "select setval(%s, coalesce(max(id), 1)) from {}"
            cursor.execute(of(table, [], last), [counts[0]])


def values(database: psycopg.Connection) -> dict[str, str]:
    """Return of each column of our own tables what it holds in which row, as one number."""
    found: dict[str, str] = {}
    cursor = database.cursor()
    ours = {one.db_table for one in (model._meta for model in apps.get_models(include_auto_created=True))}
    for table, columns in columns_of(cursor).items():
        if table in ours and not table.startswith(("auth_", "django_")):  # these `migrate` itself fills
            one = "md5(string_agg(concat({}, '=', {}), ',' order by {}))"
            hashes = [
                sql.SQL(one).format(*map(sql.Identifier, (columns[0], name, columns[0]))) for name in columns
            ]
            whole = sql.SQL("select {} from {}").format(sql.SQL(", ").join(hashes), sql.Identifier(table))
            row = cursor.execute(whole).fetchone() or ()
            found |= {f"{table}.{name}": value for name, value in zip(columns, row, strict=True)}
    return found


def columns_of(cursor: Any) -> dict[str, list[str]]:
    """Return the columns by table that are written, not worked out."""
    found: dict[str, list[str]] = {}
    asked = cursor.execute(
        "select table_name, column_name from information_schema.columns join information_schema.tables using (table_schema, table_name)"
        " where table_schema = 'public' and table_type = 'BASE TABLE' and is_generated = 'NEVER' and table_name <> 'django_migrations'"
        " order by table_name, ordinal_position"
    )
    for table, column in asked:
        found.setdefault(table, []).append(column)
    return found


def of(table: str, columns: Iterable[str], statement: Any) -> sql.Composed:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL(statement).format(sql.Identifier(table), names)


@contextmanager
def empty_database() -> Iterator[str]:
    """Give the address of an empty database beside that of the tests."""
    name = f"upgrade_{os.getpid()}"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as admin:
        admin.execute(f"create database {name} template template0")
        yield migrated.address_of(name)
        admin.execute(f"drop database {name} with (force)")


def manage(address: str, *words: str, said: str = "") -> None:
    done = subprocess.run(
        [sys.executable, *words], cwd=settings.BASE_DIR, env={**os.environ, "DATABASE_URL": address}, input=said,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
