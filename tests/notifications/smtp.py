"""A real SMTP server for tests: takes mails, refuses recipients, cuts the connection after DATA."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP


class MailServer:
    """What the server got and how it behaves. `refuse` maps a recipient to the answer to RCPT."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.senders: list[str] = []  # of the envelopes
        self.refuse: dict[str, str] = {}
        self.data_answers: list[str] = []
        self.drop_after_data = 0
        self.on_data: Callable[[], None] | None = None
        self.connections = 0
        self.open_now = 0
        self.most_connections = 1_000
        self.turned_away = 0  # connections
        self.before_rcpt: dict[str, Callable[[Any], Awaitable[None]]] = {}  # by domain
        self.before_data: Callable[[], Awaitable[None]] | None = None

    async def handle_EHLO(  # noqa: N802  # the library's name
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802  # the library's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if wait := self.before_rcpt.get(address.rpartition("@")[2]):
            await wait(server.transport)
        if answer := self.refuse.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802  # the library's name
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        if self.before_data:
            await self.before_data()
        if self.data_answers:
            return self.data_answers.pop(0)
        message = message_from_bytes(envelope.original_content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        self.senders.append(envelope.mail_from)
        if self.on_data:
            self.on_data()
        if self.drop_after_data:
            self.drop_after_data -= 1
            server.transport.abort()
        return "250 OK"

    @property
    def recipients(self) -> list[str]:
        return [str(mail["To"]) for mail in self.mails]


class _Server(SMTP):
    """A server that takes only so many connections at once, and says so as Postfix does."""

    taken = False

    def connection_made(self, transport: Any) -> None:
        handler = self.event_handler
        handler.open_now += 1
        if handler.open_now > handler.most_connections:
            handler.turned_away += 1
            transport.write(b"421 4.7.0 too many connections\r\n")
            transport.close()
            return
        self.taken = True
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        handler = self.event_handler
        handler.open_now -= 1
        if self.taken:
            super().connection_lost(error)


class _FreePort(Controller):
    """A controller that lets the system choose the port."""

    def factory(self) -> _Server:
        return _Server(self.handler, **self.SMTP_kwargs)

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # the library has no types


@contextmanager
def running_server() -> Iterator[tuple[MailServer, int]]:
    handler = MailServer()
    controller = _FreePort(handler, hostname="127.0.0.1", port=0)
    controller.start()
    try:
        yield handler, controller.port
    finally:
        controller.stop()
