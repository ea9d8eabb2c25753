"""Statements of the hot path, which PostgreSQL plans once per connection."""

from typing import Any

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper


def prepared_cursor() -> CursorWrapper:
    """Return a cursor whose statement PostgreSQL plans once per connection (OPTIONS "prepare_threshold"), not at every call.

    Django's own cursor writes the values into the text, so that each call is a new statement. Planning it was most of what a lease's
    read cost.
    """
    connection.ensure_connection()
    wrap: Any = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    wrapped: CursorWrapper = wrap(psycopg.Cursor(connection.connection))
    return wrapped
