"""The web server's processes: who dies is replaced, and no request is lost when one is replaced."""

import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from devtools.embedded.processes import wait_until
from tests.deploy.running import HOST, Web, web

pytestmark = pytest.mark.slow


def test_requests_of_one_packet_are_answered_one_by_one_and_a_process_that_is_killed_is_replaced(
    tmp_path: Path,
) -> None:
    ask = b"GET / HTTP/1.1\r\n" + HOST
    with web(tmp_path, "--workers=1") as server:
        said = server.says((ask + b"\r\n") * 5 + ask + b"Connection: close\r\n\r\n")
        assert said.count(b"HTTP/1.1 200 OK") == 6

        killed = int(server.get("/process"))
        os.kill(killed, signal.SIGKILL)

        assert wait_until(lambda: server.get("/process", seconds=2) not in ("", str(killed)), seconds=90)


def test_connections_that_come_together_are_shared_out_among_the_processes(tmp_path: Path) -> None:
    def largest_share() -> int:
        with ExitStack() as stack:
            lines = [stack.enter_context(server.connect()) for _ in range(8)]
            for line in lines:
                line.sendall(b"GET /process HTTP/1.1\r\n" + HOST + b"\r\n")
            return max(Counter(line.recv(1_000).split()[-1] for line in lines).values())

    with web(tmp_path, "--workers=2") as server:
        assert wait_until(lambda: largest_share() < 8, seconds=60), "there is one process"
        shares = sorted(largest_share() for _ in range(15))

    assert shares[7] <= 6, (
        shares,
        "of eight, where the process that wakes first took seven or all; 4 on a quiet machine",
    )


def test_a_thread_leaves_its_connection_where_others_wait(tmp_path: Path) -> None:
    """One thread, and a client that asks without a pause."""
    with web(tmp_path, "--workers=1") as server, ExitStack() as stack:
        over = threading.Event()
        busy = stack.enter_context(server.connect())

        def keep_asking() -> None:
            while not over.is_set():
                busy.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
                if not _until_body(busy):
                    return

        asking = threading.Thread(target=keep_asking)
        asking.start()
        try:
            assert [server.get(seconds=60) for _ in range(20)] == ["ok"] * 20
        finally:
            over.set()
            asking.join()


@contextmanager
def asked(server: Web) -> Iterator[Counter[str]]:
    """Ask all the time: each request on a connection of its own, and many on kept ones. Gives what was answered."""
    found: Counter[str] = Counter()
    over = threading.Event()

    def single() -> None:
        while not over.is_set():
            found[server.get() or "lost"] += 1

    def kept() -> None:
        while not over.is_set():
            with server.connect() as line:
                for _ in range(20):
                    line.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
                    head = _until_body(line)
                    found["ok" if head else "lost"] += 1
                    if b"Connection: close" in head or not head:
                        break

    threads = [threading.Thread(target=ask) for ask in (single, single, kept, kept)]
    for one in threads:
        one.start()
    try:
        yield found
    finally:
        over.set()
        for one in threads:
            one.join()


def _until_body(line: socket.socket) -> bytes:
    said = b""
    try:
        while not said.endswith(b"\r\n\r\nok"):
            data = line.recv(1_000)
            if not data:
                return b""
            said += data
    except OSError:
        return b""
    return said


def test_no_request_is_lost_while_processes_are_replaced_for_their_age(tmp_path: Path) -> None:
    with web(tmp_path, "--workers=2", "--max-requests=100", "--max-requests-jitter=20") as server:
        with asked(server) as found:
            replaced = wait_until(lambda: server.log.read_text().count("Booting worker") >= 6, seconds=90)

        assert replaced, "two times each"
        assert set(found) == {"ok"}
