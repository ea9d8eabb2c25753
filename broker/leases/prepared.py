"""Statements of the hot path, which PostgreSQL plans once per connection."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

Facts = Sequence[Any] | Mapping[str, Any]
Row = tuple[Any, ...]


def read(sql: str, facts: Facts) -> list[Row]:
    """Return the rows of a statement. Raises DatabaseError, as `write` does."""
    return _run(sql, facts).fetchall()


def write(sql: str, facts: Facts) -> None:
    """Run a statement that gives no rows."""
    _run(sql, facts)


class _Kept(threading.local):
    """The cursors of a thread's connection, by statement: one that is used again knows already how its values are written and read."""

    connection: Any = None
    cursors: dict[str, "psycopg.Cursor[Row]"]


_kept = _Kept()


def _run(sql: str, facts: Facts) -> "psycopg.Cursor[Row]":
    """Run a statement that PostgreSQL plans once per connection (OPTIONS "prepare_threshold"), not at every call.

    Django's own cursor writes the values into the text, so that each call is a new statement; planning it was most of what a lease's read
    cost. Its layers are gone through only where somebody watches: traces, and tests that count statements.
    """
    wrapper: Any = connections[DEFAULT_DB_ALIAS]
    wrapper.ensure_connection()
    wrapper.validate_no_broken_transaction()
    cursor = _cursor(wrapper.connection, sql)
    if wrapper.queries_logged:
        wrapper.make_debug_cursor(cursor).execute(sql, facts)
    elif wrapper.execute_wrappers:
        wrapper.make_cursor(cursor).execute(sql, facts)
    else:
        with wrapper.wrap_database_errors:
            cursor.execute(sql, facts, binary=True)
    return cursor


def _cursor(connection: Any, sql: str) -> "psycopg.Cursor[Row]":
    if _kept.connection is not connection:
        _kept.connection, _kept.cursors = connection, {}
    if sql not in _kept.cursors:
        _kept.cursors[sql] = psycopg.Cursor(connection)
    return _kept.cursors[sql]
