"""A real PgBouncer in transaction mode before the tests' PostgreSQL."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from django.db import connection

from devtools.embedded.processes import LOOPBACK, free_port, wait_until

NONE_FOUND = "no PgBouncer here (apt-get install pgbouncer)"


def find() -> str | None:
    """Return the program. Debian keeps it beside the other servers, where a user's PATH does not lead."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def in_front(*, connections: int) -> Iterator[int]:
    """Run one that shares so many connections to PostgreSQL among all. Yields its port."""
    given = connection.get_connection_params()
    with tempfile.TemporaryDirectory(prefix="adtoken-pgbouncer-") as name:
        folder, port = Path(name), free_port()
        server = {key: given[key] for key in ("host", "port", "user", "password", "dbname") if given.get(key)}
        lines = [
            "[databases]",
            "* = " + " ".join(f"{key}='{value}'" for key, value in server.items()),
            "[pgbouncer]",
            *(f"listen_addr = {LOOPBACK}", f"listen_port = {port}", "unix_socket_dir ="),
            *("auth_type = any", "pool_mode = transaction", f"default_pool_size = {connections}"),
            *("max_prepared_statements = 200", "ignore_startup_parameters = extra_float_digits"),
        ]
        (folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
        command = [str(find()), str(folder / "pgbouncer.ini")]
        if os.geteuid() == 0:  # it refuses to run as root
            folder.chmod(0o755)
            command = [command[0], "--user", "nobody", command[1]]
        with (folder / "log").open("wb") as log:
            bouncer = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            assert wait_until(lambda: _answers(port, server["dbname"]), seconds=60), (
                folder / "log"
            ).read_text()
            yield port
        finally:
            bouncer.terminate()
            bouncer.wait(10)


def _answers(port: int, database: str) -> bool:
    try:
        with closing(psycopg.connect(host=LOOPBACK, port=port, dbname=database, user="anybody")) as one:
            return one.execute("select 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False
