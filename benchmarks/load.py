"""`python -m benchmarks.load`: a small load client in a process of its own. Keep-alive connections, one request after the other on each.

The requests come from a file, one per line as JSON: [path, body]; each is a POST, picked at random. Prints one JSON line: requests, errors
(answers other than 200), seconds, p50 and p99 in milliseconds, CPU seconds of this process.
"""

import argparse
import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

HOST = "127.0.0.1"
APART = (
    0.02  # seconds between two connections: of those that come together, one process of a server may take all
)
PATIENCE = 10.0  # seconds for the last answers after the time is over


@dataclass
class Tally:
    """What the connections saw. Latencies in seconds."""

    latencies: list[float] = field(default_factory=list)
    errors: int = 0


class Connection(asyncio.Protocol):
    """One keep-alive connection: the next request goes out as soon as the answer to the last one is whole."""

    def __init__(self, requests: list[bytes], tally: Tally, until: float) -> None:
        self._requests, self._tally, self._until = requests, tally, until
        self._answer = b""
        self._started = 0.0
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer."""
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        now = time.perf_counter()
        self._tally.latencies.append(now - self._started)
        self._tally.errors += head.split(b" ", 2)[1] != b"200"
        self._answer = b""
        if now < self._until and b"\r\nconnection: close" not in head.lower():
            self._ask()
        else:
            self._end()

    def connection_lost(self, error: Exception | None) -> None:
        """Count a connection that was cut off."""
        if not self.over.done():
            self._tally.errors += 1
            self._end()

    def _ask(self) -> None:
        self._started = time.perf_counter()
        self._transport.write(random.choice(self._requests))  # type: ignore[attr-defined]  # a transport of TCP writes

    def _end(self) -> None:
        self.over.set_result(None)
        self._transport.close()


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0])


def requests_of(file: Path, key: str) -> list[bytes]:
    """Return the requests of a file as they go over the wire."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [_request(path, body, key) for path, body in map(json.loads, lines)]


def _request(path: str, body: str, key: str) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n\r\n"
    )
    return (head + body).encode()


async def run(options: argparse.Namespace) -> Tally:
    """Keep all connections busy for the given seconds."""
    tally, requests = Tally(), requests_of(options.requests, options.key)
    until = time.perf_counter() + options.seconds
    busy = [
        _keep_asking(requests, tally, until, options.port, place * APART)
        for place in range(options.connections)
    ]
    await asyncio.wait_for(asyncio.gather(*busy), options.seconds + PATIENCE)
    return tally


async def _keep_asking(requests: list[bytes], tally: Tally, until: float, port: int, later: float) -> None:
    """Ask on one connection, `later` seconds from now; on another where the server closes it, as it does when a process is replaced."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(later)
    while time.perf_counter() < until:
        _, connection = await loop.create_connection(lambda: Connection(requests, tally, until), HOST, port)
        await connection.over


def summary(tally: Tally, seconds: float) -> dict[str, float]:
    """Return the figures of one run."""
    ordered = sorted(tally.latencies)
    return {
        "requests": len(ordered),
        "errors": tally.errors,
        "seconds": seconds,
        "p50_ms": 1000 * ordered[len(ordered) // 2],
        "p99_ms": 1000 * ordered[len(ordered) * 99 // 100],
        "cpu_seconds": time.process_time(),
    }


def main() -> None:
    """Run once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--requests", type=Path, required=True, help="a file of them, as described above")
    parser.add_argument("--key", default="")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        started = time.perf_counter()
        tally = runner.run(run(options))
        print(json.dumps(summary(tally, time.perf_counter() - started)))


if __name__ == "__main__":
    main()
