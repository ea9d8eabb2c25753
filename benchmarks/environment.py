"""Throw-away servers, keys and an own database, and the facts of the machine."""

import logging
import os
import platform
import secrets
import shutil
import signal
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import redis
from cryptography.fernet import Fernet
from psycopg import sql

from devtools.embedded.postgres import Postgres
from devtools.embedded.processes import StartError
from devtools.embedded.valkey import Valkey

DATABASE = "adtoken_benchmark"  # on a server that DATABASE_URL names; made at the start, dropped at the end
# What a developer's shell may hold, and a measurement must not depend on.
FOREIGN = (
    "DEMO",
    "DEBUG",
    "DATABASE_POOL",
    "DATABASE_APP_ROLE",
    "ALLOWED_HOSTS",
    "TIME_ZONE",
    "MACROS_HOUR",
)


@dataclass(frozen=True)
class Environment:
    """Where the servers are. `postgres_pid` is None for a server that we did not start."""

    folder: Path
    postgres_pid: int | None


def prepare(stack: ExitStack) -> Environment:
    """Start what the environment does not name and set the variables that settings need; the stack undoes it.

    A server of yours keeps what it has: the benchmark makes a database of its own and demands an empty Redis.
    """
    for name in FOREIGN:
        os.environ.pop(name, None)
    os.environ |= {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FERNET_KEYS": Fernet.generate_key().decode(),
        "BASE_URL": "http://127.0.0.1",
        "API_CALLS_A_MINUTE": str(10**9),  # counted, never refused
        "EMAIL_URL": "smtp://127.0.0.1:1",
        "DJANGO_SETTINGS_MODULE": "adtoken_project.settings",
    }
    folder = Path(tempfile.mkdtemp(prefix="adtoken-bench-"))
    folder.chmod(0o711)  # nobody, who may have to run PostgreSQL, passes through; its content is private
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    _redis(stack, folder)
    return Environment(folder, _postgres(stack, folder))


def _redis(stack: ExitStack, folder: Path) -> None:
    if "REDIS_URL" in os.environ:
        with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
            if client.dbsize():
                raise StartError(
                    "REDIS_URL names a database with data in it. Name an empty one, or unset REDIS_URL."
                )
        stack.callback(_empty_redis, os.environ["REDIS_URL"])
        return
    valkey = Valkey(folder / "valkey", log=folder / "valkey.log", persistent=False)
    stack.callback(valkey.stop)
    valkey.start()
    os.environ["REDIS_URL"] = valkey.url


def _empty_redis(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.flushdb()


def _postgres(stack: ExitStack, folder: Path) -> int | None:
    if "DATABASE_URL" in os.environ:
        url = os.environ["DATABASE_URL"]
        _own_database(url)
        stack.callback(_drop_database, url)
        base, _, query = url.partition("?")
        os.environ["DATABASE_URL"] = f"{base.rpartition('/')[0]}/{DATABASE}" + (f"?{query}" if query else "")
        return None
    postgres = Postgres(folder / "postgres", log=folder / "postgres.log")
    stack.callback(postgres.stop)
    postgres.start()
    os.environ["DATABASE_URL"] = postgres.url
    assert postgres.child is not None  # started above
    return postgres.child.pid


def _own_database(url: str) -> None:
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
    except psycopg.errors.DuplicateDatabase:
        raise StartError(
            f"The database {DATABASE} is there already. If no other benchmark runs: drop database {DATABASE};"
        ) from None
    except psycopg.Error as error:
        raise StartError(
            f"Cannot make the database {DATABASE} on the server of DATABASE_URL: {error}"
        ) from None


def _drop_database(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(DATABASE)))


def start_django() -> None:
    """Load the project and make its tables."""
    import django
    from django.core.management import call_command

    django.setup()
    warnings.filterwarnings("ignore", "No directory at", UserWarning)  # collectstatic is for production
    logging.disable(logging.INFO)  # a run's own line would appear between ours
    call_command("migrate", verbosity=0, interactive=False)


def machine(sizes: Sequence[int]) -> dict[str, Any]:
    """Return what the figures depend on."""
    import django
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "select current_setting('server_version'), current_setting('shared_buffers'), current_setting('fsync')"
        )
        version, buffers, fsync = cursor.fetchone()
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": platform.platform(),
        "python": platform.python_version(),
        "django": django.get_version(),
        "postgresql": f"{version}, shared_buffers {buffers}, fsync {fsync}",
        "accounts": list(sizes),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def stop_on_signals() -> None:
    """Turn SIGTERM into an orderly end, so that the servers do not outlive us."""

    def end(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
