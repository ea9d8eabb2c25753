"""`python -m benchmarks.graph_standin`: a stand-in for Graph API that answers everybody well, each after the same time.

In a process of its own, and cheap: it must not be what is measured. Prints its port; each line on its input is answered by the calls since
the last one, by kind, as JSON.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from urllib.parse import urlsplit

APP = "benchmark"
TOKEN = "EAA" + "b" * 197  # of an access token's usual length
LIFE = 60 * 86_400  # seconds, of what an exchange gives
SCOPES = ["ads_management", "ads_read", "business_management"]


class Graph(asyncio.Protocol):
    """One keep-alive connection."""

    delay = 0.2  # seconds
    ends = 0  # when all log-ins end, in seconds since 1970
    calls: Counter[str] = Counter()

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer a request once it is whole."""
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end or len(rest) < _length(head):
            return
        self._buffer = b""
        path = urlsplit(head.split(b" ", 2)[1].decode()).path
        asyncio.get_running_loop().call_later(self.delay, self._answer, path.rsplit("/", 1)[1])

    def _answer(self, name: str) -> None:
        kind, found = _found(name, self.ends)
        Graph.calls[kind] += 1
        body = json.dumps(found).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(head.encode() + body)


def _length(head: bytes) -> int:
    _, _, value = head.lower().partition(b"content-length:")
    return int(value.split(b"\r\n", 1)[0] or 0)


def _found(name: str, ends: int) -> tuple[str, dict[str, object]]:
    """Return what kind of call the last part of a path is, and its answer."""
    if name == "debug_token":
        report = {
            "app_id": APP, "type": "USER", "is_valid": True, "user_id": "1", "scopes": SCOPES,
            "expires_at": ends, "data_access_expires_at": ends,
        }  # fmt: skip
        return name, {"data": report}
    if name == "access_token":
        return name, {"access_token": TOKEN, "token_type": "bearer", "expires_in": LIFE}
    return "ad account", account(name.removeprefix("act_"))


def account(native_id: str) -> dict[str, object]:
    """Return an ad account as Graph API shows it."""
    return {
        "account_id": native_id,
        "name": f"Account {native_id}",
        "account_status": 1,
        "currency": "EUR",
        "timezone_name": "Europe/Berlin",
        "user_tasks": ["MANAGE", "ADVERTISE", "ANALYZE"],
    }


async def serve(delay: float, ends: int) -> None:
    """Serve until the input ends."""
    Graph.delay, Graph.ends = delay, ends
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Graph, "127.0.0.1", 0, backlog=1_000)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(Graph.calls), flush=True)
        Graph.calls.clear()
    server.close()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=Graph.delay, help="seconds before each answer")
    parser.add_argument("--ends", type=int, required=True, help="when all log-ins end, seconds since 1970")
    options = parser.parse_args()
    asyncio.run(serve(options.delay, options.ends))


if __name__ == "__main__":
    main()
