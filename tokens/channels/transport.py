"""How HTTP clients reach the network: through a pool of connections of our own.

Every wait of a connection ends with the time of the request that waits. httpx bounds each wait alone: an answer that drips byte by byte, in
its headers too, would hold a worker for as long as it likes.
"""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import httpcore2
import httpx2

from infra import private_parts

_request = threading.local()  # `end`: when the request that this thread waits for must be over


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let every wait of this thread's request end so many seconds from now."""
    _request.end = time.monotonic() + seconds
    try:
        yield
    finally:
        _request.end = None


def _left(timeout: float | None) -> float | None:
    """Return how long this thread may wait now. Raises ReadTimeout where its request's time is over."""
    end = getattr(_request, "end", None)
    if end is None:
        return timeout
    left: float = end - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout
    return left if timeout is None else min(timeout, left)


class Network(httpcore2.SyncBackend):
    """Opens such connections, to whatever host it is told."""

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *rest: Any, **more: Any
    ) -> httpcore2.NetworkStream:
        """Connect as the library does. `timeout` in seconds."""
        return _Stream(super().connect_tcp(host, port, _left(timeout), *rest, **more))


class _Stream(httpcore2.NetworkStream):
    """A connection of the library's, with our patience."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


# At most to one channel, more than a process has threads for it; all stay open for a moment, as a new one costs a handshake.
CONNECTIONS = 128
KEPT_FOR = 5.0  # seconds


def transport_over(network: Network) -> httpx2.BaseTransport:
    """Return what sends a client's requests over connections that `network` opens. No proxy, whatever the environment says."""
    pool = httpcore2.ConnectionPool(
        ssl_context=certificates(),
        max_connections=CONNECTIONS,
        max_keepalive_connections=CONNECTIONS,
        keepalive_expiry=KEPT_FOR,
        network_backend=network,
    )
    return private_parts.transport_through(pool, certificates())


@cache
def certificates() -> ssl.SSLContext:
    """Return whom this process trusts, read once."""
    return httpx2.create_ssl_context(trust_env=False)
