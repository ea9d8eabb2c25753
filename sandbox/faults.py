"""Ordered trouble: answers, delays and dropped connections in place of the stand-in channels' own answers."""

import asyncio
import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Fault:
    """One order. It fires for calls that fit, `count` times (none: until it is cleared)."""

    id: int
    channel: str
    path: str = ""  # regular expression, searched in the path below the channel; empty: every path
    method: str = ""
    user: str = ""  # key of the native user whose credential comes with the call
    status: int | None = None  # none: the channel answers itself (after the delay)
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None  # text is sent as it is, anything else as JSON
    delay: float = 0.0
    late: bool = False  # the channel does what was asked first, and keeps its answer back for the delay
    drop: bool = False
    count: int | None = None

    def fits(self, *, channel: str, method: str, path: str, user: str) -> bool:
        """Whether this order is for that call."""
        return (
            self.count != 0
            and channel == self.channel
            and (not self.method or method == self.method)
            and (not self.user or user == self.user)
            and re.search(self.path, path) is not None
        )


@dataclass
class Faults:
    """All orders; the first that fits is taken."""

    faults: list[Fault] = field(default_factory=list)
    next_id: int = 1
    cleared: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, *, channel: str, method: str, path: str, user: str) -> Fault | None:
        """The order for this call, counted down."""
        for fault in self.faults:
            if fault.fits(channel=channel, method=method, path=path, user=user):
                if fault.count is not None:
                    fault.count -= 1
                return fault
        return None

    async def wait(self, fault: Fault) -> None:
        """Let a call wait as it was ordered, until the order is cleared."""
        if fault in self.faults:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.cleared.wait(), fault.delay)

    def clear(self) -> None:
        """Forget all orders. Calls that wait go on."""
        self.faults.clear()
        self.cleared.set()
        self.cleared = asyncio.Event()


def encode(fault: Fault) -> tuple[bytes, str]:
    """Body and content type of an ordered answer."""
    if isinstance(fault.body, str):
        kind = "text/html" if fault.body.lstrip().startswith("<") else "text/plain"
        return fault.body.encode(), f"{kind}; charset=utf-8"
    if fault.body is None:
        return b"", "text/plain; charset=utf-8"
    return json.dumps(fault.body).encode(), "application/json; charset=utf-8"


async def end_connection(send: Any) -> None:
    """End the client's connection, as a server does that dies over an answer.

    ASGI has no word for a connection, so it is taken from uvicorn's request cycle, whose bound method `send` is.
    """
    send.__self__.transport.abort()
    await asyncio.sleep(0.01)  # uvicorn learns of it, and does not miss the rest of the answer
