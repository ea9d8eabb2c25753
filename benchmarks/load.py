"""`python -m benchmarks.load`: a small load client in a process of its own. Keep-alive connections, one request after the other on each.

Prints one JSON line: requests, errors, seconds, p50 and p99 in milliseconds, CPU seconds of this process.
"""

import argparse
import asyncio
import json
import random
import time
from dataclasses import dataclass, field

HOST = "127.0.0.1"
PATIENCE = 10.0  # seconds for one answer


@dataclass
class Tally:
    """What the connections saw. Latencies in seconds."""

    latencies: list[float] = field(default_factory=list)
    errors: int = 0


async def connection(options: argparse.Namespace, tally: Tally, until: float) -> None:
    """Send requests on one connection until the time is over. A refused or broken answer is an error."""
    reader, writer = await asyncio.open_connection(HOST, options.port)
    try:
        while (started := time.perf_counter()) < until:
            native_id = random.randrange(options.first, options.first + options.count)
            writer.write(_request(options, native_id))
            status = await asyncio.wait_for(_answer(reader), PATIENCE)
            tally.latencies.append(time.perf_counter() - started)
            tally.errors += status != 200
    finally:
        writer.close()


def _request(options: argparse.Namespace, native_id: int) -> bytes:
    head = (
        f"POST {options.path.format(native_id)} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {options.key}\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )
    return head.encode()


async def _answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, _, rest = head.partition(b"content-length:")
    await reader.readexactly(int(rest.split(b"\r\n", 1)[0]))
    return int(head.split(b" ", 2)[1])


async def run(options: argparse.Namespace) -> Tally:
    """Keep all connections busy for the given seconds."""
    tally = Tally()
    until = time.perf_counter() + options.seconds
    await asyncio.gather(*(connection(options, tally, until) for _ in range(options.connections)))
    return tally


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
    parser.add_argument("--path", required=True, help="with {} for the native id")
    parser.add_argument("--key", default="")
    parser.add_argument("--first", type=int, default=0, help="lowest native id")
    parser.add_argument("--count", type=int, default=1, help="how many native ids")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    started = time.perf_counter()
    tally = asyncio.run(run(options))
    print(json.dumps(summary(tally, time.perf_counter() - started)))


if __name__ == "__main__":
    main()
