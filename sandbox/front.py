"""The door of the stand-in channels: every call is logged here, and ordered faults fire here."""

import time
from urllib.parse import unquote_plus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.calls import Call, CallLog, credentials, items, json_items, redact, scheme_of
from sandbox.faults import Fault, Faults, encode, end_connection
from sandbox.store import Store
from sandbox.world import CHANNELS


class Front:
    """ASGI wrapper around the application; calls to the control API pass by unseen."""

    def __init__(self, app: ASGIApp, *, store: Store, log: CallLog, faults: Faults) -> None:
        self.app, self.store, self.log, self.faults = app, store, log, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        channel, _, rest = scope.get("path", "").lstrip("/").partition("/")
        if scope["type"] != "http" or channel not in CHANNELS:
            await self.app(scope, receive, send)
            return
        body = await _read(receive)
        call = self._note(scope, channel=channel, path="/" + rest, body=body)
        started = time.perf_counter()
        try:
            await self._answer(call, scope, _replay(body, receive), send)
        finally:
            call.milliseconds = round((time.perf_counter() - started) * 1000, 1)

    def _note(self, scope: Scope, *, channel: str, path: str, body: bytes) -> Call:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = items(scope["query_string"].decode("latin-1"))
        is_form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        form = items(body.decode("utf-8", "replace")) if is_form else json_items(body)
        authorization = headers.get("authorization", "")
        sent = [*credentials(query + form, authorization), headers.get("access-token", "")]
        owners = (self.store.owner_of(value) for value in sent if value)
        owner = next((user for user in owners if user is not None), None)
        call = Call(
            id=0,
            at=time.time() + self.store.clock_offset,
            channel=channel,
            method=scope["method"],
            path=unquote_plus(path),
            query=redact(query),
            form=redact(form),
            authorization=scheme_of(authorization),
            native_user=owner.key if owner else "",
        )
        self.log.add(call)
        return call

    async def _answer(self, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self.faults.take(
            channel=call.channel, method=call.method, path=call.path, user=call.native_user
        )
        if fault is not None:
            call.fault = fault.id
            if fault.delay and not fault.late:
                await self.faults.wait(fault)
            if fault.drop:
                await end_connection(send)
                return
            if fault.status is not None:
                call.status = fault.status
                await _send_fault(fault, fault.status, send)
                return

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                call.status = message["status"]
                if fault is not None and fault.late:
                    await self.faults.wait(fault)
            await send(message)

        await self.app(scope, receive, noting)


async def _read(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        part: bytes = message.get("body", b"")
        body += part
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return body


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _send_fault(fault: Fault, status: int, send: Send) -> None:
    body, kind = encode(fault)
    headers = {"content-type": kind, "content-length": str(len(body))}
    headers.update({name.lower(): value for name, value in fault.headers.items()})
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
