"""How the HTTP client reaches the network: our own pool of connections (`sockets`), by the public interfaces of both libraries."""

import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache

import httpcore2
import httpx2

from tokens.channels import sockets

# At most to one channel, more than a process has threads for it; all stay open for a moment, as a new one costs a handshake.
CONNECTIONS = 128
KEPT_FOR = 5.0  # seconds
# The pool's errors and the client's have the same names.
_ERRORS = {
    getattr(httpcore2, name): getattr(httpx2, name)
    for name in (
        "ConnectTimeout", "ReadTimeout", "WriteTimeout", "PoolTimeout", "TimeoutException",
        "ConnectError", "ReadError", "WriteError", "NetworkError",
        "LocalProtocolError", "RemoteProtocolError", "ProtocolError", "UnsupportedProtocol",
    )
}  # fmt: skip


class Transport(httpx2.BaseTransport):
    """Sends requests through a pool whose every wait ends with the time of its request. No proxy, whatever the environment says."""

    def __init__(self) -> None:
        self._connections = httpcore2.ConnectionPool(
            ssl_context=_certificates(),
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=KEPT_FOR,
            network_backend=sockets.Network(),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it and return the answer, whose body is still to be read. Raises the client's own errors."""
        url = httpcore2.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        with _as_the_clients():
            answer = self._connections.handle_request(
                httpcore2.Request(
                    request.method,
                    url,
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx2.Response(
            answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions
        )

    def close(self) -> None:
        """Close all connections."""
        self._connections.close()


@cache
def _certificates() -> ssl.SSLContext:
    """Return whom this process trusts, read once for all channels."""
    return httpx2.create_ssl_context(trust_env=False)


class _Body(httpx2.SyncByteStream):
    """The body of an answer, as it comes."""

    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with _as_the_clients():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


@contextmanager
def _as_the_clients() -> Iterator[None]:
    """Raise the client's error in place of the pool's."""
    try:
        yield
    except Exception as error:
        known = _known(type(error).__mro__)
        if known is None:
            raise
        raise known(str(error)) from error


def _known(kinds: Iterable[type]) -> type[Exception] | None:
    return next((_ERRORS[kind] for kind in kinds if kind in _ERRORS), None)
