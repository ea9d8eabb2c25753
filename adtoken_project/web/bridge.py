"""Django in threads, behind an event loop that waits for clients: neither who sends slowly nor who reads slowly holds a thread.

Django's own ASGI handler makes a context for each request, whose connections to PostgreSQL nobody gives back, and writes large bodies to
a disk. a2wsgi has a thread wait for each piece of a body and of an answer (docs/decisions/0058-web-server-and-leases.md).
"""

import asyncio
import io
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

from django.http import HttpResponse

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Native = Callable[[dict[str, Any]], Awaitable[HttpResponse | None]]  # of a request as WSGI has it
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# What people upload may hold log-ins: bodies stay in memory. So many bytes of any; of larger ones a few at a time.
SMALL, LARGEST = 300_000, 10_000_000
PATIENCE = 50  # seconds for a whole body; gunicorn waits 60 for each piece
AHEAD = 1_000_000  # bytes of an answer that a thread makes before it waits for the client
BODILESS = ("GET", "HEAD")  # what comes with these is not read


class Gone(Exception):  # noqa: N818  # an end
    """The client has left."""


class Refused(Exception):  # noqa: N818  # an answer
    """The body of a request is too large or too slow. Its argument is the status."""


class Threads:
    """Serves a WSGI application by threads that stay the same. `native` is asked first, in the event loop; None: it leaves it to these."""

    def __init__(
        self,
        application: Callable[..., Iterable[bytes]],
        *,
        count: int,
        log: Callable[..., None] = lambda _environ, **_facts: None,
        native: Native | None = None,
    ) -> None:
        self._application, self._log, self._native = application, log, native
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="web")
        self._large = asyncio.Semaphore(count)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and have it logged."""
        began = time.monotonic()
        async with AsyncExitStack() as places:
            try:
                body = b"" if scope["method"] in BODILESS else await self._body(receive, places)
            except Refused as error:
                await _refuse(error.args[0], send)
                return
            except Gone:
                return
            environ = environ_of(scope, body) | {"adtoken.began": began}
            if self._native and (said := await self._native(environ)) is not None:
                headers = [(name.encode(), value.encode("latin-1")) for name, value in said.items()]
                await send({"type": "http.response.start", "status": said.status_code, "headers": headers})
                await send({"type": "http.response.body", "body": said.content})
                return
            answer = Answer()
            try:
                await self._answer(environ, answer, send)
            finally:
                answer.leave()
                if answer.status:
                    seconds = time.monotonic() - began
                    self._log(environ, status=answer.status, sent=answer.sent, seconds=seconds)

    async def _body(self, receive: Receive, places: AsyncExitStack) -> bytes:
        parts: list[bytes] = []
        size, is_large = 0, False
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    said = await receive()
                    if said["type"] == "http.disconnect":
                        raise Gone
                    parts.append(said.get("body", b""))
                    size += len(parts[-1])
                    if size > LARGEST:
                        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                    if not said.get("more_body"):
                        return b"".join(parts)
                    if size > SMALL and not is_large:
                        is_large = True
                        await places.enter_async_context(self._large)
        except TimeoutError as error:
            raise Refused(HTTPStatus.REQUEST_TIMEOUT) from error

    async def _answer(self, environ: dict[str, Any], answer: "Answer", send: Send) -> None:
        """Have a thread answer, and send what it says when it says it. Raises what the application raised."""
        running = asyncio.get_running_loop().run_in_executor(
            self._pool, answer.make, self._application, environ
        )
        running.add_done_callback(lambda _done: answer.news.set())
        begun = over = False
        while not over:
            try:
                await answer.news.wait()
            except asyncio.CancelledError:
                running.cancel()  # one that waits for a thread gets none
                raise
            answer.news.clear()
            over = running.done()
            if over:
                running.result()
            body = answer.take()
            if not (body or over):
                continue
            if not begun:
                begun = True
                await send(
                    {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
                )
            if environ["REQUEST_METHOD"] == "HEAD":
                body = b""
            await send({"type": "http.response.body", "body": body, "more_body": not over})


class Answer:
    """What a thread says, and the event loop sends."""

    def __init__(self) -> None:
        self.news = asyncio.Event()  # of the event loop
        self.status, self.sent = 0, 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._loop = asyncio.get_running_loop()
        self._room = threading.Condition()
        self._parts: list[bytes] = []
        self._waiting = 0  # bytes
        self._is_gone = False

    def make(self, application: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> None:
        """Run the application, in a thread. What it gives all at once is sent when it is done, the rest as it comes."""
        made = application(environ, self._start)
        streams = getattr(made, "streaming", False)
        try:
            for part in made:
                self._add(part, told=streams)
        except Gone:
            pass
        finally:
            if hasattr(made, "close"):
                made.close()

    def _start(self, status: str, headers: list[tuple[str, str]], _error: Any = None) -> None:
        self.status = int(status[:3])
        self.headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]

    def _add(self, part: bytes, *, told: bool) -> None:
        with self._room:
            self._room.wait_for(lambda: not told or self._waiting < AHEAD or self._is_gone)
            if self._is_gone:
                raise Gone
            self._parts.append(part)
            self._waiting += len(part)
        if told:
            self._loop.call_soon_threadsafe(self.news.set)

    def take(self) -> bytes:
        """Return what has come since the last call."""
        with self._room:
            parts, self._parts, self._waiting = self._parts, [], 0
            self._room.notify_all()
        body = b"".join(parts)
        self.sent += len(body)
        return body

    def leave(self) -> None:
        """Say that nobody listens."""
        with self._room:
            self._is_gone = True
            self._room.notify_all()


async def _refuse(status: HTTPStatus, send: Send) -> None:
    body = f"{status.phrase}\n".encode()
    headers = [(b"Content-Type", b"text/plain"), (b"Content-Length", str(len(body)).encode())]
    await send(
        {
            "type": "http.response.start",
            "status": status.value,
            "headers": [*headers, (b"Connection", b"close")],
        }
    )
    await send({"type": "http.response.body", "body": body})


def environ_of(scope: Scope, body: bytes) -> dict[str, Any]:
    """Return a request as WSGI has it. A header with "_" is left out: it would stand in for one with "-", that of a proxy's word."""
    host, port = scope.get("server") or ("", "")
    caller = scope.get("client") or ("", "")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "RAW_URI": scope["raw_path"].decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": caller[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        if b"_" in name:
            continue
        key = f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}"
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if f"HTTP_{key}" in environ:
            environ[key] = environ.pop(f"HTTP_{key}")
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))  # also of one that came in chunks
    return environ
