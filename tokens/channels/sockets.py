"""Connections whose every wait ends with the time of the request that waits.

httpx bounds each wait alone: an answer that drips byte by byte, in its headers too, would hold a worker for as long as it likes.
"""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpcore2

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
    """Opens such connections."""

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
