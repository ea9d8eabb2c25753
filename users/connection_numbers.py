"""By which number a claim names the database connection of whoever holds it."""

from django.db.backends.base.base import BaseDatabaseWrapper

# SQL: the number of the connection that asks. Its parameters come from `parameters`.
OWN = "(case when pg_backend_pid() = %(told)s then %(told)s else %(pooled)s end)"


def parameters(connection: BaseDatabaseWrapper) -> dict[str, int]:
    """Return the parameters of OWN.

    A direct connection is named by its process at PostgreSQL, so that it can be seen there whether its holder lives. A pooler such as
    PgBouncer lends that process to others, too, and closes it when it likes: it says nothing about a holder. It tells its clients a number
    of its own making; a negative number is made of that one, which nobody looks for at PostgreSQL. Such a claim ends when it is given back,
    or when it runs out.
    """
    connection.ensure_connection()
    told = int(connection.connection.info.backend_pid)
    return {"told": told, "pooled": -(abs(told) % 2**31) or -1}
