"""What the gate is measured with: a channel that answers at once, the barest pass-through on the same HTTP client, and the proxy by itself.

Each is an ASGI application for uvicorn, so that server and loop are the same for all.
"""

import gc
import os
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any

import httpx2

MEGABYTE = 1024 * 1024
FILM = 50 * MEGABYTE
PIECE = bytes(64 * 1024)
SMALL = (
    b'{"data":[' + b",".join([b'{"id":"120210000000000001","name":"Autumn","status":"PAUSED"}'] * 10) + b"]}"
)
# Of one connection: what httpx2 and uvicorn write themselves.
LEFT_OUT = frozenset({b"host", b"connection", b"transfer-encoding", b"content-length", b"date", b"server"})


async def channel(scope: Any, receive: Any, send: Any) -> None:
    """Answer with a small list, or with a film; take whatever comes."""
    if await _of_the_server(scope, receive, send):
        return
    while (await receive()).get("more_body"):
        pass
    is_film = scope["path"].endswith("/films")
    kind, length = (b"video/mp4", FILM) if is_film else (b"application/json", len(SMALL))
    headers = [(b"content-type", kind), (b"content-length", str(length).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if is_film:
        for _ in range(FILM // len(PIECE)):
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    await send({"type": "http.response.body", "body": b"" if is_film else SMALL})


_clients: dict[str, httpx2.AsyncClient] = {}


async def pass_through(scope: Any, receive: Any, send: Any) -> None:
    """Hand the request on to the channel and its answer back, looking at neither."""
    if await _of_the_server(scope, receive, send):
        return
    if not _clients:
        limits = httpx2.Limits(max_connections=256, max_keepalive_connections=256)
        _clients["one"] = httpx2.AsyncClient(trust_env=False, limits=limits, timeout=60)
    url = os.environ["CHANNEL_ADDRESS"] + scope["path"].removeprefix("/proxy/facebook")
    sent = [pair for pair in scope["headers"] if pair[0] not in LEFT_OUT or pair[0] == b"content-length"]

    async def body() -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            yield message.get("body", b"")

    has_body = scope["method"] not in ("GET", "HEAD")
    request = _clients["one"].build_request(
        scope["method"], url, headers=sent, content=body() if has_body else None
    )
    answer = await _clients["one"].send(request, stream=True)
    headers = [pair for pair in answer.headers.raw if pair[0].lower() not in LEFT_OUT - {b"content-length"}]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    async for piece in answer.aiter_raw():
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
    await answer.aclose()


async def proxy(scope: Any, receive: Any, send: Any) -> None:
    """Serve AdToken's proxy, with its line of the log and its metrics."""
    if await _of_the_server(scope, receive, send):
        return
    from adtoken_project.api.proxied import application

    await application(scope, receive, send)


def _load() -> None:
    """Load it before the first request, and keep what is loaded from the collector, as a process of gunicorn does."""
    import django

    django.setup()
    import_module("adtoken_project.api.proxied")
    gc.freeze()


async def _of_the_server(scope: Any, receive: Any, send: Any) -> bool:
    """Answer what is asked about the server itself: whether it is there, and its beginning and end."""
    if scope["type"] != "lifespan":
        if scope["path"] != "/readyz":
            return False
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return True
    await receive()
    if "CHANNEL_ADDRESS" in os.environ and os.environ.get("IS_PROXY"):
        _load()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
    return True
