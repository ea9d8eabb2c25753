"""The SMTP side of the mailbox: takes mails, late when told to."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from weakref import WeakSet

from aiosmtpd.smtp import SMTP

from sandbox.mailbox.mails import read_mail
from sandbox.store import Store


@dataclass
class SmtpRules:
    """How the mail server behaves now."""

    delay: float = 0.0  # seconds before each answer to DATA
    late: bool = False  # the mail is kept first, and only the answer waits
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def clear(self) -> None:
        """Be quick again."""
        self.delay, self.late = 0.0, False


class Handler:
    """What aiosmtpd calls; the names and arguments are its own."""

    def __init__(self, *, store: Store, rules: SmtpRules) -> None:
        self.store, self.rules = store, rules

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any
    ) -> str:
        """Keep the mail, and answer, late when told so."""
        if not self.rules.late:
            await self._wait()
        number = self.store.next_mail_id
        self.store.next_mail_id += 1
        mail = read_mail(
            mail_id=number,
            received_at=datetime.fromtimestamp(self.store.now(), UTC).isoformat(),
            sender=envelope.mail_from or "",
            to=list(envelope.rcpt_tos),
            content=envelope.original_content or b"",
        )
        self.store.mails.append(mail)
        self.store.changed()
        if self.rules.late:
            await self._wait()
        return f"250 2.0.0 OK: queued as {number}"

    async def _wait(self) -> None:
        if self.rules.delay:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.rules.stopping.wait(), self.rules.delay)


@contextlib.asynccontextmanager
async def serve_smtp(*, store: Store, rules: SmtpRules, listener: socket.socket) -> AsyncIterator[None]:
    """Serve SMTP on a bound socket while the block runs."""
    connections: WeakSet[SMTP] = WeakSet()

    def connect() -> SMTP:
        handler = Handler(store=store, rules=rules)
        protocol = SMTP(
            handler, hostname="mailbox.sandbox.invalid", enable_SMTPUTF8=True, ident="AdToken sandbox"
        )
        connections.add(protocol)
        return protocol

    server = await asyncio.get_running_loop().create_server(connect, sock=listener)
    try:
        yield
    finally:
        server.close()
        for protocol in connections:
            if isinstance(protocol.transport, asyncio.Transport):
                protocol.transport.abort()
        await server.wait_closed()
