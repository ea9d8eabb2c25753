"""The product's own processes beside a test: on the test's database and broker, with the stand-ins as channels."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from adtoken_project.workers import lanes
from devtools.embedded.processes import LOOPBACK, free_port
from devtools.launcher import channel_addresses, fetch
from tests.support.sandbox import ROOT, Sandbox

START_SECONDS = 120  # it takes three; a busy machine is no failure


def of_this_database() -> dict[str, str]:
    """Return the environment of processes that work on the present database with the present keys."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    return {
        **os.environ,
        "DATABASE_URL": database.geturl(),
        "FERNET_KEYS": ",".join(settings.FERNET_KEYS),
    }


def environment(world: Sandbox, **more: str) -> dict[str, str]:
    """Return the environment of processes that work beside this test."""
    return {
        **of_this_database(),
        "BASE_URL": f"http://{LOOPBACK}:8000",  # all of them: a database belongs to one host
        "DEMO": "1",  # else the stand-ins would be refused
        **channel_addresses(world.base),
        "EMAIL_URL": f"smtp://{world.smtp_host}:{world.smtp_port}",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


@dataclass
class Process:
    """One of our processes. Its output is read all the time, so that no full pipe stops it."""

    command: list[str]
    env: Mapping[str, str]
    said: list[str] = field(default_factory=list)
    popen: "subprocess.Popen[str] | None" = None
    within: tuple[str, ...] = ()  # what it is started by, such as `ip netns exec NAME`

    def start(self) -> "Process":
        self.popen = subprocess.Popen(
            [*self.within, sys.executable, *self.command], cwd=ROOT, env=dict(self.env), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def _read(self) -> None:
        assert self.popen is not None
        assert self.popen.stdout is not None
        with self.popen.stdout as lines:
            self.said.extend(lines)

    @property
    def pid(self) -> int:
        """Its number."""
        assert self.popen is not None
        return self.popen.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.popen is not None and self.popen.poll() is None

    def wait_for(self, ready: Callable[[], bool]) -> None:
        """Wait until it is ready. Raises AssertionError with its last lines where it ends before."""
        wait(lambda: ready() or not self.is_running, seconds=START_SECONDS)
        assert self.is_running, "".join(self.said[-30:])

    def kill(self) -> None:
        """kill -9, it and its children."""
        assert self.popen is not None
        os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(10)

    def tell_to_stop(self) -> None:
        """SIGTERM."""
        assert self.popen is not None
        self.popen.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """Stop it whatever its state, and wait."""
        if self.is_running:
            self.tell_to_stop()
            assert self.popen is not None
            try:
                self.popen.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()


def wait(done: Callable[[], bool], *, seconds: float, every: float = 0.05) -> float:
    """Wait until something holds; returns the seconds that it took. It may not hold after that many."""
    began = time.monotonic()
    while not done() and time.monotonic() - began < seconds:
        time.sleep(every)
    return time.monotonic() - began


@contextmanager
def refresh_lane(world: Sandbox, **more: str) -> Iterator[Process]:
    """A refresh lane that is ready."""
    with worker(world, lanes.REFRESHES, **more) as process:
        yield process


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that run now."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(number) for number in listed.split()]


@contextmanager
def worker(world: Sandbox, lane: str = lanes.ALL, **more: str) -> Iterator[Process]:
    """A worker that is ready: of all lanes, or of one. That of all and of mails runs the clock."""
    process = Process(lanes.command(lane)[1:], environment(world, **more)).start()
    try:
        process.wait_for(lambda: any(line.rstrip().endswith(" ready.") for line in process.said))
        yield process
    finally:
        process.end()


@contextmanager
def web(world: Sandbox, *, workers: int, threads: int, **more: str) -> Iterator[str]:
    """A gunicorn with so many processes; gives its address."""
    with gunicorn(world, port=free_port(), workers=workers, threads=threads, **more) as (address, _):
        yield address


@contextmanager
def gunicorn(
    world: Sandbox, *, port: int, workers: int, threads: int, **more: str
) -> Iterator[tuple[str, Process]]:
    """A gunicorn on this port that is ready; gives its address and its process."""
    address = f"http://{LOOPBACK}:{port}"
    flags = [
        f"--bind={LOOPBACK}:{port}",
        f"--workers={workers}",
        "--graceful-timeout=3",
    ]
    command = ["-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", *flags]
    process = Process(
        command, environment(world, **{"BASE_URL": address, "WEB_THREADS": str(threads), **more})
    ).start()
    try:
        process.wait_for(lambda: fetch(f"{address}/readyz")[0] == 200)
        yield address, process
    finally:
        process.end()
