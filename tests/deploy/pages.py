"""What the web server serves in these tests: a WSGI application of a few addresses."""

import os
from collections.abc import Callable, Iterable
from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
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


def broken(environ: dict[str, Any]) -> Page:
    raise ValueError("broken on purpose")


PAGES: dict[str, Callable[[dict[str, Any]], Page]] = {
    page.__name__: page for page in (index, echo, told, process, broken)
}
