"""The ASGI entry point for gunicorn: machines' calls in the event loop, and everything else by Django in threads."""

from django.conf import settings

from adtoken_project.telemetry import access_log
from adtoken_project.web.bridge import Receive, Scope, Send, Threads

from adtoken_project.wsgi import application as django  # isort: skip  # it sets Django up, which the gate needs
from adtoken_project.api import native, oauth, proxied  # isort: skip
from broker.gate import engines  # isort: skip
from broker.gate.proxy.asgi import PREFIX  # isort: skip


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request. WebSockets are refused: nothing here speaks by them."""
    if scope["type"] != "http":
        await send({"type": "websocket.close"})
    elif scope["path"].startswith(PREFIX) and scope["path"].endswith(oauth.BELOW):
        await _django({**scope, "path": oauth.PATH, "raw_path": oauth.PATH.encode()}, receive, send)
    elif scope["path"].startswith(PREFIX):
        await proxied.application(scope, receive, send)
    elif scope["path"] == engines.PATH:
        await engines.application(scope, receive, send)
    else:
        await _django(scope, receive, send)


_django = Threads(django, count=settings.WEB_THREADS, log=access_log.write, native=native.answer)
