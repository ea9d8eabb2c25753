"""What the web server serves in these tests: a WSGI application of a few addresses, by as many threads as WEB_THREADS says."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from adtoken_project.web.bridge import Threads


def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer."""
    name = environ["PATH_INFO"].strip("/") or "index"
    status, headers, body = PAGES[name](environ)
    start_response(status, [("Content-Type", "text/plain"), *headers])
    return body


Page = tuple[str, list[tuple[str, str]], Iterable[bytes]]


def _text(text: str, status: str = "200 OK") -> Page:
    return status, [("Content-Length", str(len(text)))], [text.encode()]


def index(environ: dict[str, Any]) -> Page:
    return _text("ok")


def echo(environ: dict[str, Any]) -> Page:
    return _text(environ["wsgi.input"].read().decode())


def told(environ: dict[str, Any]) -> Page:
    """What the application is told of a request."""
    names = sorted(name for name in environ if name.startswith(("HTTP_", "CONTENT_")))
    asked = " ".join(
        str(environ[name]) for name in ("REQUEST_METHOD", "QUERY_STRING", "REMOTE_ADDR", "wsgi.url_scheme")
    )
    return _text("\n".join([asked, *(f"{name}={environ[name]}" for name in names)]))


def process(environ: dict[str, Any]) -> Page:
    return _text(str(os.getpid()))


class Stream:
    """An answer that comes in pieces: the second once `/go` was asked, and the last one never."""

    streaming = True
    told, ended = threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        yield b""
        yield b"one"
        self.told.wait(60)
        while True:
            yield b"more" * 25_000

    def close(self) -> None:
        self.ended.set()


def stream(environ: dict[str, Any]) -> Page:
    return "200 OK", [], Stream()


def go(environ: dict[str, Any]) -> Page:
    Stream.told.set()
    return _text("ok")


def ended(environ: dict[str, Any]) -> Page:
    return _text(str(Stream.ended.is_set()))


def large(environ: dict[str, Any]) -> Page:
    return "200 OK", [("Content-Length", "900000")], [b"x" * 900_000]


def broken(environ: dict[str, Any]) -> Page:
    raise ValueError("broken on purpose")


PAGES: dict[str, Callable[[dict[str, Any]], Page]] = {
    page.__name__: page for page in (index, echo, told, process, stream, go, ended, large, broken)
}
application = Threads(answer, count=int(os.environ.get("WEB_THREADS", "2")))
