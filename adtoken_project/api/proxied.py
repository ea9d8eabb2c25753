"""The gate's proxy as this installation serves it: each request has an id, a line of the log and its place in the metrics."""

import time
from collections.abc import Mapping, MutableMapping
from typing import Any

from adtoken_project.api.middleware import log_call
from adtoken_project.ops import metrics
from adtoken_project.telemetry import logs
from adtoken_project.telemetry.request_ids import HEADER, of_request
from broker.gate.proxy import asgi as proxy
from broker.gate.proxy.bodies import Receive
from broker.gate.proxy.exchange import Exchange, Send


async def application(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Answer a request below /proxy/."""
    began = time.monotonic()
    wanted = next((value for name, value in scope["headers"] if name.lower() == HEADER.lower().encode()), b"")
    found = of_request(wanted.decode("latin-1"))

    async def tell(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (HEADER.lower().encode(), found.encode())]}
        await send(message)

    before = logs.request_id.set(found)
    try:
        await proxy.application(scope, receive, tell)
    finally:
        exchange: Exchange | None = scope.get(proxy.FACTS)
        if exchange is not None and exchange.status:
            _note(scope, exchange, time.monotonic() - began)
        logs.request_id.reset(before)


def _note(scope: Mapping[str, Any], exchange: Exchange, seconds: float) -> None:
    metrics.count_request(path=proxy.PREFIX, status=exchange.status, seconds=seconds)
    log_call(
        method=exchange.asked.method,
        path=scope["raw_path"].decode("latin-1"),
        status=exchange.status,
        caller=exchange.sending.caller if exchange.sending else None,
        address=exchange.asked.address,
        seconds=seconds,
    )
