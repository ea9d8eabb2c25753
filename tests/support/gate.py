"""The gate beside a test: its proxy behind a real server, in a thread of this process, with the test's database and settings."""

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from django.utils import timezone

from accounts.models import Account
from broker.gate.credentials import ends_at, make_credential
from broker.gate.proxy.asgi import Proxy


@contextmanager
def served(application: Any, close: Any = None) -> Iterator[str]:
    """Serve an ASGI application; gives its address. `close` is awaited in the end."""
    logging.getLogger("uvicorn.access").disabled = True
    listener = socket.create_server(("127.0.0.1", 0))
    # As gunicorn's; asyncio does so with its own alone. Without it each answer waits 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        application, lifespan="off", log_config=None, access_log=False, http="h11", ws="none"
    )
    server = uvicorn.Server(config)

    async def serve() -> None:
        await server.serve([listener])
        if close is not None:
            await close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def gate() -> Iterator[str]:
    """Serve the proxy; gives what addresses below it begin with."""
    proxy = Proxy()
    with served(proxy, proxy.close) as address:
        yield f"{address}/proxy"


def credential(account: Account, key_id: int, purpose: Any = "publish") -> str:
    """Return a credential for the account, made from a key."""
    end = ends_at(timezone.now())
    return make_credential(key_id=key_id, account_id=account.pk, purpose=purpose, expires_at=end)
