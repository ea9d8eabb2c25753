"""Our web server for tests, and a client that says exactly what it is told to."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from devtools.embedded.processes import LOOPBACK, free_port, wait_until

ROOT = Path(settings.BASE_DIR)
HOST = b"Host: a\r\n"


@dataclass
class Web:
    """One that runs."""

    port: int
    process: "subprocess.Popen[bytes]"
    log: Path

    def connect(self, *, seconds: float = 60) -> socket.socket:
        """Return a connection."""
        return socket.create_connection((LOOPBACK, self.port), timeout=seconds)

    def says(self, *parts: bytes, seconds: float = 60) -> bytes:
        """Send on one connection, and return all that comes until the other side closes it."""
        with self.connect(seconds=seconds) as line:
            for part in parts:
                line.sendall(part)
            return b"".join(iter(lambda: line.recv(65_536), b""))

    def get(self, path: str = "/", *, seconds: float = 60) -> str:
        """Return the body of a page; empty where nobody answers."""
        try:
            said = self.says(
                f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode(), seconds=seconds
            )
        except OSError:
            return ""
        return said.partition(b"\r\n\r\n")[2].decode() if said.startswith(b"HTTP/1.1 200 ") else ""

    def answers(self) -> bool:
        """Whether it serves."""
        return self.get(seconds=2) == "ok"


@contextmanager
def web(folder: Path, *flags: str, application: str = "tests.deploy.pages:application") -> Iterator[Web]:
    """Run gunicorn with our configuration and these flags. It is killed in the end."""
    port, log = free_port(), folder / "web.log"
    command = ["-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", f"--bind={LOOPBACK}:{port}", *flags]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, *command, application], cwd=ROOT, stdout=file, stderr=file
        )
    found = Web(port, process, log)
    try:
        assert wait_until(lambda: found.answers() or process.poll() is not None, seconds=60), log.read_text()
        assert process.poll() is None, log.read_text()
        yield found
    finally:
        process.kill()
        process.wait()
