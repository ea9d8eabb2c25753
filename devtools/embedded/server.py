"""What our servers share: a folder, a log, a port, and a start that is tried again where another program took the port first."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from devtools.embedded.processes import Child, StartError, free_port, wait_until


class Server:
    """One server on loopback. A kind of server says how its process is called, and how to see that it answers."""

    name = ""  # as people know it
    start_seconds = 30.0  # within which it answers
    looks_every = 0.05  # seconds between two checks whether it does
    rests = 0.0  # seconds between two attempts
    passing: tuple[str, ...] = ()  # words of a failure that is over soon, whatever the port

    def __init__(
        self,
        folder: Path,
        *,
        log: Path,
        port: int = 0,
        watcher: Callable[[Child], None] | None = None,
    ) -> None:
        """Keep everything under `folder`. Port 0 takes any free one. `watcher` is told of the process once it answers."""
        self._folder = folder
        self._log = log
        self._wanted_port = port
        self._watcher = watcher
        self._password = ""
        self.port = 0
        self.child: Child | None = None

    def _process(self) -> Child:
        """Describe the process that listens on `self.port`."""
        raise NotImplementedError

    def _answers(self) -> bool:
        """Return whether it answers us. Raises StartError where it never will."""
        raise NotImplementedError

    def _launch(self) -> None:
        """Start the process and wait until it answers. Raises StartError with its last lines."""
        for attempt in (1, 2, 3):
            self.port = self._wanted_port or free_port()
            self.child = self._process()
            self.child.start()
            wait_until(self._is_settled, seconds=self.start_seconds, every=self.looks_every)
            if self.child.is_running() and self._answers():
                if self._watcher is not None:
                    self._watcher(self.child)
                return
            said = self.child.output()
            self.child.stop()
            if attempt == 3 or not self._may_pass(said):
                raise StartError(f"{self.name} did not start. Its last lines:\n{self.child.last_lines()}")
            time.sleep(self.rests)

    def _is_settled(self) -> bool:
        return self.child is None or not self.child.is_running() or self._answers()

    def _may_pass(self, said: str) -> bool:
        port_was_taken = not self._wanted_port and "in use" in said
        return port_was_taken or any(words in said for words in self.passing)

    def stop(self) -> None:
        """Let it write everything out and end."""
        if self.child is not None:
            self.child.stop()


def bare_environment() -> dict[str, str]:
    """Return an environment without the caller's secrets, languages and settings of servers."""
    kept = {name: os.environ[name] for name in ("PATH", "TZ", "ADTOKEN_RUN") if name in os.environ}
    return kept | {"LC_ALL": "C"}
