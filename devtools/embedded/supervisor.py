"""The folder and the children of one launcher: whoever dies ends all of them, and all are stopped in reverse order."""

import fcntl
import os
from pathlib import Path
from typing import IO

from devtools.embedded.processes import Child, StartError


class Supervisor:
    """The children, in the order of their start."""

    def __init__(self) -> None:
        self._servers: list[Child] = []
        self._clients: list[Child] = []

    def add(self, child: Child, *, serves: bool) -> None:
        """Look after a child. One that `serves` others ends after them."""
        (self._servers if serves else self._clients).append(child)

    def run_once(self, child: Child, *, seconds: float, advice: str) -> str:
        """Run a command to its end and return what it wrote. Raises StartError when it fails."""
        self._clients.append(child)  # so that an interrupt ends it too
        child.start()
        status = child.wait(seconds=seconds)
        child.stop()
        self._clients.remove(child)
        if status != 0:
            how = f"ended with status {status}" if status is not None else f"took more than {seconds:.0f} s"
            raise StartError(f"{child.name} {how}. {advice}\n{child.last_lines()}\n  Whole log: {child.log}")
        return child.output()

    def require_running(self) -> None:
        """Raise StartError when a child died."""
        for child in (*self._servers, *self._clients):
            if (status := child.exit_code) is not None:
                said = f"{child.name} ended with status {status}. Its last lines:\n{child.last_lines()}"
                raise StartError(f"{said}\n  Whole log: {child.log}")

    def stop_all(self) -> None:
        """Stop those that serve nobody side by side, which saves time, then the servers."""
        for child in self._clients:
            child.ask_to_stop()
        for child in (*reversed(self._clients), *reversed(self._servers)):
            child.stop()


def take_lock(var: Path) -> IO[str]:
    """Make the folder ours alone, for as long as the returned file stays open. Raises StartError when it is taken."""
    if not var.exists():
        var.mkdir(parents=True)
        var.chmod(
            0o711 if os.geteuid() == 0 else 0o700
        )  # nobody, who may have to run PostgreSQL, passes through
    file = (var / "lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise StartError(
            f"AdToken already runs on {var} (process {holder}). Stop it, or start a second copy with a folder "
            "and ports of its own: VAR=var2 WEB_PORT=8001 SANDBOX_PORT=8101 make run"
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
