"""Requests of jobs on their way to a channel: streamed both ways, by an event loop, through a pool of connections of the channel's own.

The rules of the network are those of `transport`: no redirects, no cookies, no proxy of the environment, nobody trusted but whom this
process trusts; and an answer whose head drips byte by byte ends with the request's time. A channel that is dark holds its own connections
and nobody else's: who finds none free is sent away at once.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpcore2
from django.conf import settings

from tokens.channels import gate, transport

MOST = 256  # requests of one channel at once, in each process; as many connections
OF_ONE_KEY = MOST * 7 // 8
Body = bytes | AsyncIterator[bytes] | None


class NoRoom(Exception):  # noqa: N818  # an answer
    """As many requests wait for this channel as may. Nothing was sent."""


class NoAnswer(Exception):  # noqa: N818  # an outcome
    """The channel gave no answer that can be used. The text is one of `gate`'s, and holds nothing of the request."""


class Streams:
    """A channel's connections, of one event loop."""

    def __init__(self) -> None:
        self._under_way: Counter[int] = Counter()  # requests, by key
        self._network, self._certificates = _Network(), transport.certificates()
        self._idle: list[httpcore2.AsyncHTTPConnection] = []  # who has rested longest comes first

    @asynccontextmanager
    async def sent(
        self, method: str, url: str, headers: Mapping[str, str], body: Body, *, seconds: float, key: int
    ) -> AsyncIterator[httpcore2.Response]:
        """Send a request and give the answer, whose body is still to be read (`chunks`). Raises NoRoom, NoAnswer.

        `seconds`: for the head of the answer, counted from the last piece of the body on, and for each further piece of the answer.
        One key leaves room for others, however many of its requests drip.
        """
        if self._under_way.total() >= MOST or self._under_way[key] >= OF_ONE_KEY:
            raise NoRoom
        self._under_way[key] += 1
        try:
            connection, answer = await self._head(method, url, headers, body, seconds)
            try:
                yield answer
            finally:
                await answer.aclose()
                if len(self._idle) < MOST and _is_good(connection):
                    self._idle.append(connection)
                else:
                    await connection.aclose()
        finally:
            self._under_way[key] -= 1
            if not self._under_way[key]:
                del self._under_way[key]

    async def _connection(self, origin: httpcore2.Origin) -> httpcore2.AsyncHTTPConnection:
        """Take the connection that rests since the shortest time, else make one."""
        while self._idle and self._idle[0].has_expired():
            await self._idle.pop(0).aclose()
        for one in self._idle[::-1]:
            if one.can_handle_request(origin):
                self._idle.remove(one)
                if not one.has_expired():
                    return one
                await one.aclose()
        return httpcore2.AsyncHTTPConnection(
            origin, self._certificates, keepalive_expiry=transport.KEPT_FOR, network_backend=self._network
        )

    async def _head(
        self, method: str, url: str, headers: Mapping[str, str], body: Body, seconds: float
    ) -> tuple[httpcore2.AsyncHTTPConnection, httpcore2.Response]:
        """Send a request; the library closes a connection on which that fails."""
        waits = {"connect": min(seconds, settings.CHANNEL_TIMEOUT), "read": seconds}
        try:
            async with asyncio.timeout(seconds) as patience:
                address, named = httpcore2.URL(url), url.split("/", 3)[2]
                sent = [("host", named), *headers.items()]
                if body is not None and not isinstance(body, bytes):
                    body = _patient(body, patience, seconds)
                    if "content-length" not in headers:
                        sent.append(("transfer-encoding", "chunked"))
                request = httpcore2.Request(
                    method, address, headers=sent, content=body, extensions={"timeout": waits}
                )
                connection = await self._connection(address.origin)
                return connection, await connection.handle_async_request(request)
        except httpcore2.ConnectTimeout as error:
            raise NoAnswer(f"{gate.NO_CONNECTION} in time") from error
        except httpcore2.ConnectError as error:
            raise NoAnswer(gate.NO_CONNECTION) from error
        except (TimeoutError, httpcore2.TimeoutException) as error:
            raise NoAnswer("no answer in time") from error
        except (httpcore2.NetworkError, httpcore2.RemoteProtocolError) as error:
            raise NoAnswer(f"no answer: {type(error).__name__}") from error
        except (httpcore2.LocalProtocolError, LookupError, ValueError) as error:
            raise NoAnswer(f"{gate.UNSENT}: {type(error).__name__}") from error

    async def close(self) -> None:
        """Close the connections that rest."""
        while self._idle:
            await self._idle.pop().aclose()


def _is_good(connection: Any) -> bool:
    """Return whether the next request may be sent: a channel that said more at once would have that taken for the next answer."""
    return connection.is_available() and not connection._connection._h11_state.trailing_data[0]  # noqa: SLF001


async def chunks(answer: httpcore2.Response) -> AsyncGenerator[bytes]:
    """Give the body of an answer as it comes, compressed where it is. Raises NoAnswer where it breaks off."""
    try:
        async for chunk in answer.aiter_stream():
            yield chunk
    except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise NoAnswer(f"no answer: {type(error).__name__}") from error


async def _patient(
    body: AsyncIterator[bytes], patience: asyncio.Timeout, seconds: float
) -> AsyncIterator[bytes]:
    """Give a body, and let the time for the answer begin with each piece of it."""
    loop = asyncio.get_running_loop()
    async for chunk in body:
        patience.reschedule(loop.time() + seconds)
        yield chunk


class _Network(httpcore2.AsyncNetworkBackend):
    """Opens connections as asyncio has them.

    With the library's own, of `anyio`, one that the channel has ended, or said more on than was asked, is taken for the next request.
    """

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *_rest: Any, **_more: Any
    ) -> httpcore2.AsyncNetworkStream:
        with _connecting():
            async with asyncio.timeout(timeout):
                return _Connection(*await asyncio.open_connection(host, port, happy_eyeballs_delay=0.25))


class _Connection(httpcore2.AsyncNetworkStream):
    """A connection. The head of a request waits for what the library writes next, its body or nothing, and goes out with that."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._head: bytes | None = None  # None: nothing of the request was written yet

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._head = None
        try:
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)
        except TimeoutError as error:
            raise httpcore2.ReadTimeout from error
        except OSError as error:
            raise httpcore2.ReadError from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._head is None:
            self._head = buffer
            return
        self._writer.write(self._head + buffer)
        self._head = b""
        try:
            await self._writer.drain()
        except OSError as error:
            raise httpcore2.WriteError from error

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        with _connecting():
            async with asyncio.timeout(timeout):
                await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        return self

    async def aclose(self) -> None:
        self._writer.transport.abort()  # nothing is waited for: what is under way is given up

    def get_extra_info(self, info: str) -> Any:
        # Asked while nothing is expected: it has ended, or what came answers nothing.
        if info == "is_readable":
            return self._reader.at_eof() or bool(self._reader._buffer)  # type: ignore[attr-defined]  # noqa: SLF001
        return self._writer.get_extra_info(info)


@contextmanager
def _connecting() -> Iterator[None]:
    """Give errors the library's names."""
    try:
        yield
    except TimeoutError as error:
        raise httpcore2.ConnectTimeout from error
    except OSError as error:
        raise httpcore2.ConnectError from error
