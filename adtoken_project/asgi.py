"""The ASGI entry point for gunicorn: machines' calls of channels in the event loop, and everything else by Django in threads."""

import json
from http import HTTPStatus
from importlib import import_module
from importlib.util import find_spec

from django.conf import settings

from adtoken_project.telemetry import access_log
from adtoken_project.web.bridge import Application, Receive, Scope, Send, Threads
from adtoken_project.wsgi import application as django
from broker.gate import engines

PROXY = "/proxy/"
GATE = "broker.gate.proxy"


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request. WebSockets are refused: nothing here speaks by them."""
    if scope["type"] == "http":
        path = scope["path"]
        ours = _gate if path.startswith(PROXY) else engines.application if path == engines.PATH else _django
        await ours(scope, receive, send)
    else:
        await send({"type": "websocket.close"})


async def _no_gate(_scope: Scope, _receive: Receive, send: Send) -> None:
    problem = {"type": "about:blank", "title": "Not found", "status": HTTPStatus.NOT_FOUND}
    headers = [(b"Content-Type", b"application/problem+json")]
    await send({"type": "http.response.start", "status": HTTPStatus.NOT_FOUND, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(problem).encode()})


_django = Threads(django, count=settings.WEB_THREADS, log=access_log.write)
_gate: Application = import_module(GATE).application if find_spec(GATE) else _no_gate
