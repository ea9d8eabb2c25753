"""Child processes that leave nothing behind: own session, own log, tied to the life of their parent."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LOOPBACK = "127.0.0.1"
LOG_BYTES = 5_000_000  # a log larger than this is put aside at the next start
_PARENT_DEATH = Path(__file__).with_name("parent_death.py")


class StartError(Exception):
    """Something did not start. The text tells the person at the terminal what to do."""


def free_port() -> int:
    """Return a loopback TCP port that nobody listens on now, out of those that systems do not give to outgoing connections.

    One of these could take it before its server listens: Linux gives them ports from 32768 on.
    """
    while not port_is_free(port := 20_000 + secrets.randbelow(12_000)):
        pass
    return port


def port_is_free(port: int) -> bool:
    """Return whether a server could listen on this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def wait_until(condition: Callable[[], bool], *, seconds: float, every: float = 0.05) -> bool:
    """Return True as soon as the condition holds, False when the seconds have passed."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
    draft.replace(path)


class Child:
    """One process with its log. Start it from a thread that lives as long as the child shall (the main one)."""

    def __init__(
        self,
        *,
        name: str,
        command: Sequence[str],
        log: Path,
        env: Mapping[str, str],
        cwd: Path | None = None,
        stops: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 5),),
        orphan_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        """Describe the child.

        `stops` are the signals that end it, each with the seconds to wait before the next; SIGKILL comes last.
        `orphan_signal` is what it gets when we die without stopping it.
        """
        self.name = name
        self.log = log
        self._command = list(command)
        self._env = dict(env)
        self._cwd = cwd
        self._stops = list(stops)
        self._orphan_signal = orphan_signal
        self._is_asked = False
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def start(self) -> None:
        """Start the process with its output added to the log."""
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_name(self.log.name + ".1"))
        dying_with_us = [
            sys.executable,
            "-I",
            "-S",
            str(_PARENT_DEATH),
            str(os.getpid()),
            self._orphan_signal.name,
        ]
        self._is_asked = False
        with self.log.open("ab") as output:
            self._log_start = output.tell()
            self._process = subprocess.Popen(  # noqa: S603 - commands are ours
                [*dying_with_us, *self._command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,  # Ctrl-C reaches only the parent, which stops its children in order
            )

    @property
    def pid(self) -> int:
        """Number of the running process; raises when it was never started."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs or before it was started."""
        return None if self._process is None else self._process.poll()

    def is_running(self) -> bool:
        """Return whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def wait(self, *, seconds: float) -> int | None:
        """Return the exit status, or None when it still runs after the seconds."""
        if self._process is None:
            return None
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout=seconds)
        return None

    def ask_to_stop(self) -> None:
        """Send the first stop signal, once, without waiting."""
        if self._process is not None and not self._is_asked:
            self._is_asked = True
            self._process.send_signal(self._stops[0][0])

    def stop(self) -> None:
        """Ask it to end, wait, ask harder, then end whatever is left of its process group."""
        if self._process is None:
            return
        self.ask_to_stop()
        for position, (number, seconds) in enumerate(self._stops):
            if position:
                self._process.send_signal(number)
            if self.wait(seconds=seconds) is not None:
                break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def output(self) -> str:
        """What it wrote since its last start."""
        with contextlib.suppress(FileNotFoundError), self.log.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")
        return ""

    def last_lines(self, count: int = 15) -> str:
        """Return the end of its output, indented, for an error message."""
        lines = self.output().rstrip().splitlines()[-count:]
        return "\n".join(f"    {line}" for line in lines) or "    (it wrote nothing)"
