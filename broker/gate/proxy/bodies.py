"""The body of a job's request: kept where it is small, so that it can be looked at and sent again; else passed on as it comes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from broker.gate.proxy.refusals import AGAIN_AFTER, Refused

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

KEPT = 1024 * 1024  # bytes of a body that is kept whole
OF_ANYBODY = 256 * 1024  # bytes where the credential may be in the form
BEGINNING = 64 * 1024  # bytes of one that is longer, as its head says, that are looked at
ROOM = 128 * 1024 * 1024  # bytes that a process keeps for all requests
OF_ONE_KEY = ROOM * 7 // 8  # of these; and of all requests together whose key is not known yet
PATIENCE = 60  # seconds for what is kept


class Gone(Exception):  # noqa: N818  # an end
    """The job has left."""


_held: Counter[int] = Counter()  # bytes, by the key


class RequestBody:
    """A body: `whole`, or None where it is longer than what is kept; then `beginning` is what was read of it. Close it in the end."""

    def __init__(self, receive: Receive, length: int | None) -> None:
        self.length = length  # as the job named it
        self.whole: bytes | None = None
        self.beginning = b""
        self._receive, self._more, self._held, self._key_id = receive, True, 0, 0

    async def read(self, key_id: int, kept: int) -> None:
        """Read what is kept, for a key (0: none is known). Raises Gone, Refused."""
        self._key_id = key_id
        most = BEGINNING if self.length is not None and self.length > kept else kept
        parts: list[bytes] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while self._more and self._held <= most:
                    parts.append(await self._next())
                    self._hold(len(parts[-1]))
        except TimeoutError as error:
            raise Refused(408, "gate_too_slow") from error
        self.beginning = b"".join(parts)
        if not self._more and len(self.beginning) <= kept:
            self.whole = self.beginning

    async def stream(self) -> AsyncIterator[bytes]:
        """Give a body that is not kept, once. Raises Gone."""
        part, self.beginning = self.beginning, b""
        yield part
        del part
        self.close()
        while self._more:
            if part := await self._next():
                yield part

    async def _next(self) -> bytes:
        said = await self._receive()
        if said["type"] == "http.disconnect":
            raise Gone
        self._more = bool(said.get("more_body"))
        found: bytes = said.get("body", b"")
        return found

    def _hold(self, count: int) -> None:
        self._held += count
        _held[self._key_id] += count
        if _held[self._key_id] > OF_ONE_KEY or _held.total() > ROOM:
            raise Refused(503, "gate_full", AGAIN_AFTER)

    def close(self) -> None:
        """Count what was kept no more."""
        _held[self._key_id] -= self._held
        self._held = 0
        if not _held[self._key_id]:
            del _held[self._key_id]


def named_length(headers: Mapping[str, str]) -> int | None:
    """Return how long a body is by its head."""
    with suppress(ValueError):
        return int(headers.get("content-length", ""))
    return None
