"""Requests of jobs on their way to a channel: streamed both ways, by an event loop, through a pool of connections of the channel's own.

The rules of the network are those of `transport`: no redirects, no cookies, no proxy of the environment, nobody trusted but whom this
process trusts; and an answer whose head drips byte by byte ends with the request's time. A channel that is dark holds its own connections
and nobody else's: who finds none free is sent away at once.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpcore2
from django.conf import settings

from tokens.channels import gate, transport

MOST = 256  # requests of one channel at once, in each process; as many connections
Body = bytes | AsyncIterator[bytes] | None


class NoRoom(Exception):  # noqa: N818  # an answer
    """As many requests wait for this channel as may. Nothing was sent."""


class NoAnswer(Exception):  # noqa: N818  # an outcome
    """The channel gave no answer that can be used. The text is one of `gate`'s, and holds nothing of the request."""


class Streams:
    """A channel's connections, of one event loop."""

    def __init__(self) -> None:
        self.under_way = 0
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=transport.certificates(),
            max_connections=MOST,
            max_keepalive_connections=MOST,
            keepalive_expiry=transport.KEPT_FOR,
        )

    @asynccontextmanager
    async def sent(
        self, method: str, url: str, headers: Mapping[str, str], body: Body, *, seconds: float
    ) -> AsyncIterator[httpcore2.Response]:
        """Send a request and give the answer, whose body is still to be read (`chunks`). Raises NoRoom, NoAnswer.

        `seconds`: for the head of the answer, counted from the last piece of the body on, and for each further piece of the answer.
        """
        if self.under_way >= MOST:
            raise NoRoom
        self.under_way += 1
        try:
            answer = await self._head(method, url, headers, body, seconds)
            try:
                yield answer
            finally:
                await answer.aclose()
        finally:
            self.under_way -= 1

    async def _head(
        self, method: str, url: str, headers: Mapping[str, str], body: Body, seconds: float
    ) -> httpcore2.Response:
        connect = min(seconds, settings.CHANNEL_TIMEOUT)
        waits = {"connect": connect, "pool": connect, "read": seconds, "write": seconds}
        try:
            async with asyncio.timeout(seconds) as patience:
                streams = isinstance(body, AsyncIterator)
                more = {"transfer-encoding": "chunked"} if streams and "content-length" not in headers else {}
                request = httpcore2.Request(
                    method,
                    url,
                    headers=[("host", urlsplit(url).netloc), *headers.items(), *more.items()],
                    content=_patient(body, patience, seconds) if isinstance(body, AsyncIterator) else body,
                    extensions={"timeout": waits},
                )
                return await self._pool.handle_async_request(request)
        except (httpcore2.ConnectTimeout, httpcore2.PoolTimeout) as error:
            raise NoAnswer(f"{gate.NO_CONNECTION} in time") from error
        except httpcore2.ConnectError as error:
            raise NoAnswer(gate.NO_CONNECTION) from error
        except (TimeoutError, httpcore2.TimeoutException) as error:
            raise NoAnswer("no answer in time") from error
        except (httpcore2.NetworkError, httpcore2.RemoteProtocolError) as error:
            raise NoAnswer(f"no answer: {type(error).__name__}") from error
        except (httpcore2.LocalProtocolError, httpcore2.UnsupportedProtocol, ValueError) as error:
            raise NoAnswer(f"{gate.UNSENT}: {type(error).__name__}") from error

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


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
