"""PostgreSQL and Valkey of a drill's own, which it stops, freezes and starts again under the same addresses."""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devtools.embedded.postgres import Postgres
from devtools.embedded.processes import Child, free_port
from devtools.embedded.valkey import Valkey


@dataclass
class Servers:
    """The two. What is committed is on disk, as in production: tests switch that off."""

    postgres: Postgres
    valkey: Valkey

    def stop_postgres_hard(self) -> None:
        """`pg_ctl stop -m immediate`: no session is ended, nothing is written out; the next start recovers from the log."""
        child = _child(self.postgres)
        os.kill(child.pid, signal.SIGQUIT)
        child.wait(seconds=10)
        child.stop()

    def start_postgres(self) -> float:
        """Start it again. Returns the moment (monotonic) from which it answers."""
        self.postgres.start()
        return time.monotonic()

    def stop_valkey(self) -> None:
        """Kill it with all that it held."""
        child = _child(self.valkey)
        os.kill(child.pid, signal.SIGKILL)
        child.wait(seconds=10)

    def start_valkey(self) -> None:
        """Start it again, empty."""
        _child(self.valkey).start()

    def freeze_valkey(self) -> None:
        """Have it answer nothing, its connections open."""
        os.kill(_child(self.valkey).pid, signal.SIGSTOP)

    def thaw_valkey(self) -> None:
        """Have it go on."""
        os.kill(_child(self.valkey).pid, signal.SIGCONT)


def _child(server: Postgres | Valkey) -> Child:
    assert server.child is not None
    return server.child


@contextmanager
def own_servers() -> Iterator[Servers]:
    """Start both and name them in the environment, for `stage.stage()` to use."""
    with tempfile.TemporaryDirectory(prefix="adtoken-drill-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # nobody, who may have to run PostgreSQL, passes through
        log = folder / "log"
        postgres = Postgres(folder / "postgres", log=log, port=free_port())
        valkey = Valkey(folder / "valkey", log=log, port=free_port(), persistent=False)
        servers = Servers(postgres, valkey)
        try:
            postgres.start()
            valkey.start()
            os.environ |= {"DATABASE_URL": postgres.url, "REDIS_URL": valkey.url}
            yield servers
        finally:
            if valkey.child is not None and valkey.child.is_running():
                servers.thaw_valkey()
            valkey.stop()
            postgres.stop()
