"""Rights of the application's database role, where the tables belong to another one (DATABASE_APP_ROLE).

`migrate` runs as the owner; web, worker and beat run as this role. It gets what they need and no more: records of tokens handed
out and of log-ins it may read and add to, not change.
"""

from typing import Any

from django.conf import settings
from django.db import connection
from psycopg import sql

from infra import append_only

_RIGHTS = (
    "grant usage on schema {schema} to {role}",
    "grant select, insert, update, delete on all tables in schema {schema} to {role}",
    "grant usage, select on all sequences in schema {schema} to {role}",
    "grant execute on function adtoken_prune(regclass, timestamptz, integer) to {role}",
)


def grant_rights(sender: Any = None, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    """Give the rights, after every `migrate`. Nothing to do where DATABASE_APP_ROLE is not set."""
    if not settings.DATABASE_APP_ROLE:
        return
    role = sql.Identifier(settings.DATABASE_APP_ROLE)
    with connection.cursor() as cursor:
        cursor.execute("select current_schema()")
        schema = sql.Identifier(cursor.fetchone()[0])
        for right in _RIGHTS:
            cursor.execute(sql.SQL(right).format(schema=schema, role=role))
        for table in append_only.protected_tables():
            text = "revoke update, delete, truncate on {table} from {role}"
            cursor.execute(sql.SQL(text).format(table=sql.Identifier(table), role=role))
