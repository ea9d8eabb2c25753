"""A database connection of another process, which ends as a killed process's does."""

import time
from typing import Any

import psycopg
from django.db import connection

# Whether another session waits for a lock of the one that asks; other test processes share the server.
WAITS_FOR_US = "select 1 from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))"


def another() -> psycopg.Connection[Any]:
    """Open a connection beside Django's own, to the same database."""
    given = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port")
    return psycopg.connect(**{name: given[name] for name in names if given.get(name)}, autocommit=True)


def end(worker: psycopg.Connection[Any]) -> None:
    """End it, as the kernel does when a process dies, and wait until PostgreSQL has noticed."""
    number = worker.info.backend_pid
    worker.close()
    with connection.cursor() as cursor:
        for _ in range(3_000):
            cursor.execute("select 1 from pg_stat_activity where pid = %s", [number])
            if cursor.fetchone() is None:
                return
            time.sleep(0.02)
    raise AssertionError("PostgreSQL did not notice the end of a connection")
