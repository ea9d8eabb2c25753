"""gunicorn's worker for ASGI, with an end to connections that say nothing, and without losing requests at its own. See gunicorn.conf.py."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers.gasgi import ASGIWorker

from adtoken_project.web.bridge import Application, Receive, Scope, Send

STANDS_BACK, AT_MOST = 0.000_2, 0.002  # seconds, for each connection that a process has; and in all
SPEAKS = 10  # seconds until a new connection must have sent the head of a request
LINGERS = 1  # seconds that kept connections have at a stop, for a request that is under way
NO_ROOM = 1.0  # seconds until a process that may open no more files tries again


class WebWorker(ASGIWorker):  # type: ignore[misc]  # the library is untyped
    """A process. Three things are otherwise than in gunicorn (docs/decisions/0058-web-server-and-leases.md).

    - Told to stop, it takes what has connected and closes the listening sockets at once.
    - It then says "Connection: close" with each answer, and soon ends connections on which nothing runs. gunicorn's keeps these for as
      long as those on which something does, and ends others just after it has promised to keep them.
    - It leaves a new connection to other processes for a moment, the longer the more it has: whoever wakes first would take all of
      several that come together, and keep them.
    """

    asgi: Application
    max_requests: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connections: set[WebConnection] = set()
        self._most, self.max_requests = (
            self.max_requests,
            float("inf"),
        )  # gunicorn would end connections there
        self._begun: set[asyncio.Task[Any]] = set()  # connections that are not quite there
        self._told = asyncio.Event()  # to stop

    def load_wsgi(self) -> None:  # the library's own
        """Load the application."""
        super().load_wsgi()
        self._application, self.asgi = self.asgi, self._answer

    def handle_exit_signal(self) -> None:  # the library's own
        """Stop, once what runs has been answered."""
        self._told.set()

    def handle_quit_signal(self) -> None:  # the library's own
        """Stop at once."""
        super().handle_quit_signal()
        self._told.set()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._most -= 1
        if self._most <= 0:
            self._told.set()
        await self._application(scope, receive, _closing(send) if self._told.is_set() else send)

    async def _serve(self) -> None:
        for listener in self.sockets:
            self._listen(listener)
        while not self._told.is_set() and self.ppid == os.getppid():
            self.notify()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), 1)
        self._told.set()
        for listener in self.sockets:
            self.loop.remove_reader(listener.fileno())
            with suppress(OSError):
                while self._take(listener):
                    pass
            listener.close()
        await self._until_empty(LINGERS)
        self.alive = False
        for one in tuple(self.connections):
            one.close_if_idle()
        await self._until_empty(self.cfg.graceful_timeout)

    async def _until_empty(self, seconds: float) -> None:
        ends = self.loop.time() + seconds
        while (self.connections or self._begun) and not self._quick_shutdown and self.loop.time() < ends:
            self.notify()
            await asyncio.sleep(0.05)

    def _listen(self, listener: Any) -> None:
        if not self._told.is_set():
            self.loop.add_reader(listener.fileno(), self._accept, listener)

    def _accept(self, listener: Any) -> None:
        """Leave a connection that has come to a process with fewer for a moment, then take it, if nobody did."""
        self.loop.remove_reader(listener.fileno())
        present = len(self.connections) + len(self._begun)
        waits = min(present * STANDS_BACK, AT_MOST) if self.cfg.workers > 1 else 0
        self.loop.call_later(waits, self._take_one, listener)

    def _take_one(self, listener: Any) -> None:
        rests = 0.0
        try:
            self._take(listener)
        except OSError as error:
            self.log.warning("no connection can be taken: %s", error)
            rests = NO_ROOM
        self.loop.call_later(rests, self._listen, listener)

    def _take(self, listener: Any) -> bool:
        """Take a connection, where there is one. Raises OSError where there is no room for it."""
        try:
            taken, _address = listener.sock.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False
        taken.setblocking(False)  # noqa: FBT003  # the library's own
        task = self.loop.create_task(self.loop.connect_accepted_socket(lambda: WebConnection(self), taken))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        return True


class WebConnection(ASGIProtocol):  # type: ignore[misc]
    """A connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # the library's own
        """Begin. gunicorn waits for the first request without end, and for each further one as long as its `keepalive` says."""
        super().connection_made(transport)
        self.worker.connections.add(self)
        self._keepalive_handle = self.worker.loop.call_later(SPEAKS, self._keepalive_timeout)

    def connection_lost(self, exc: Exception | None) -> None:  # the library's own
        """End."""
        super().connection_lost(exc)
        self.worker.connections.discard(self)

    def close_if_idle(self) -> None:
        """End where no request runs."""
        if self._awaiting_request and not self._finishing_calls:
            self._keepalive_timeout()


def _closing(send: Send) -> Send:
    async def say(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"Connection", b"close")]}
        await send(message)

    return say
