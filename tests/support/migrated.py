"""A migrated database to copy. Migrations from nothing take seven seconds of processor time; a copy takes a tenth of one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

ROOT = Path(__file__).resolve().parents[2]
NAME = "MIGRATED_DATABASE"  # in the environment where the server is our own: on another one it could be of an older version
_LOCK = 7_403  # any number: of an advisory lock that holds as long as the connection


def template() -> str:
    """Return its name on the server of DATABASE_URL, "" where there is none. The first process that asks makes it; others wait."""
    name = os.environ.get(NAME, "")
    if name:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute("select pg_advisory_lock(%s)", [_LOCK])
            asked = connection.execute(
                "select 1 from pg_database where datname = %s and datistemplate", [name]
            )
            if asked.fetchone() is None:
                _make(connection, name)
    return name


def begin() -> "subprocess.Popen[bytes]":
    """Have it made in the background: the first process that asks would be waited for by all others."""
    return subprocess.Popen([sys.executable, "-m", "tests.support.migrated"], cwd=ROOT)


@contextmanager
def copied(name: str) -> Iterator[str]:
    """Give the address of a copy with this name, "" where there is nothing to copy."""
    original = template()
    if not original:
        yield ""
        return
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"create database {name} template {original}")
        yield address_of(name)
        connection.execute(f"drop database {name} with (force)")


def address_of(name: str) -> str:
    """Return the address of a database on the server of DATABASE_URL."""
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def _make(connection: psycopg.Connection, name: str) -> None:
    connection.execute(f"create database {name} template template0")
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--no-input", "-v0"],
        cwd=ROOT, env={**os.environ, "DATABASE_URL": address_of(name)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # Nobody may be connected to what is copied.
    connection.execute(f"alter database {name} with is_template true allow_connections false")


if __name__ == "__main__":
    template()
