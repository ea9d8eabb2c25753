"""Statements of the hot path, which PostgreSQL plans once per connection."""

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


def _run(sql: str, facts: Facts) -> "psycopg.Cursor[Row]":
    """Run a statement that PostgreSQL plans once per connection (OPTIONS "prepare_threshold"), not at every call.

    Django's own cursor writes the values into the text, so that each call is a new statement; planning it was most of what a lease's read
    cost. Its layers are gone through only where somebody watches: traces, and tests that count statements.
    """
    wrapper: Any = connections[DEFAULT_DB_ALIAS]
    wrapper.ensure_connection()
    wrapper.validate_no_broken_transaction()
    cursor: psycopg.Cursor[Row] = psycopg.Cursor(wrapper.connection)
    if wrapper.queries_logged:
        wrapper.make_debug_cursor(cursor).execute(sql, facts)
    elif wrapper.execute_wrappers:
        wrapper.make_cursor(cursor).execute(sql, facts)
    else:
        with wrapper.wrap_database_errors:
            cursor.execute(sql, facts, binary=True)
    return cursor
