"""SMTP as this project speaks it: MAIL, RCPT and DATA in one go where the server takes them so, and a connection that can be cut.

Pipelining (RFC 2920) saves two of the four waits of a mail; smtplib has none. Where the server does not announce it, smtplib does as ever.
"""

import smtplib
import socket
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from django.core.mail.backends.smtp import EmailBackend

Reply = tuple[int, bytes]


class _Client(smtplib.SMTP):
    """A client that its backend knows before it is connected, so that it can be cut while it connects."""

    def __init__(self, *args: Any, opened_by: "Backend", **options: Any) -> None:
        opened_by.client = self
        super().__init__(*args, **options)

    def sendmail(
        self,
        from_addr: str,
        to_addrs: str | Sequence[str],
        msg: Any,
        mail_options: Sequence[str] = (),
        rcpt_options: Sequence[str] = (),
    ) -> dict[str, Reply]:
        """Send one mail. Returns and raises what smtplib does."""
        self.ehlo_or_helo_if_needed()
        one = [to_addrs] if isinstance(to_addrs, str) else list(to_addrs)
        if len(one) > 1 or mail_options or rcpt_options or not self.has_extn("pipelining"):
            return super().sendmail(from_addr, one, msg, mail_options, rcpt_options)
        self._begin(from_addr, one[0], msg)
        self._check_begin(from_addr, one[0])
        code, said = self._send_body(msg)
        if code != 250:
            raise smtplib.SMTPDataError(code, said)
        return {}

    def data(self, msg: Any) -> Reply:
        """Send the body of a mail as bytes with the line ends of SMTP. Returns and raises what smtplib does."""
        self.putcmd("data")
        code, said = self.getreply()
        if code != 354:
            raise smtplib.SMTPDataError(code, said)
        return self._send_body(msg)

    def _send_body(self, msg: bytes) -> Reply:
        """Send it, each dot that begins a line doubled (RFC 5321 4.5.2), and return the answer."""
        body = msg.replace(b"\n.", b"\n..")
        self.send(
            (b"." if body.startswith(b".") else b"")
            + body
            + (b"" if body.endswith(b"\r\n") else b"\r\n")
            + b".\r\n"
        )
        return self.getreply()

    def _begin(self, sender: str, recipient: str, msg: bytes) -> None:
        size = f" size={len(msg)}" if self.has_extn("size") else ""
        commands = (
            f"mail FROM:{smtplib.quoteaddr(sender)}{size}",
            f"rcpt TO:{smtplib.quoteaddr(recipient)}",
            "data",
        )
        if any(letter in command for command in commands for letter in "\r\n"):
            raise ValueError("An address has a line break in it.")
        self.send("".join(f"{command}\r\n" for command in commands))

    def _check_begin(self, sender: str, recipient: str) -> None:
        """Read the three answers. Raises what smtplib does where one refuses, and leaves a server that waits for the body none."""
        of_sender = self.getreply()
        if of_sender[0] == 421:
            raise smtplib.SMTPSenderRefused(*of_sender, sender)
        of_recipient = self.getreply()
        if of_recipient[0] == 421:
            raise smtplib.SMTPRecipientsRefused({recipient: of_recipient})
        of_data = self.getreply()
        refused = of_sender[0] != 250 or of_recipient[0] not in {250, 251}
        if refused and of_data[0] == 354:
            with suppress(smtplib.SMTPServerDisconnected):
                self.send(b".\r\n")  # no recipient was taken, so this is a mail to nobody
                self.getreply()
        if of_sender[0] != 250:
            raise smtplib.SMTPSenderRefused(*of_sender, sender)
        if refused:
            raise smtplib.SMTPRecipientsRefused({recipient: of_recipient})
        if of_data[0] != 354:
            raise smtplib.SMTPDataError(*of_data)


class _TLSClient(_Client, smtplib.SMTP_SSL):
    """The same by TLS from the first byte."""


class Backend(EmailBackend):
    """Django's backend with that client."""

    client: smtplib.SMTP | None = None

    @property
    def connection_class(self) -> Any:
        """What makes a client."""
        return partial(_TLSClient if self.use_ssl else _Client, opened_by=self)

    def cut(self) -> None:
        """End the connection from another thread: whoever waits there for an answer gets none."""
        client, waits_on = self.client, None if self.client is None else self.client.sock
        if client is not None and waits_on is not None:
            with suppress(OSError):
                waits_on.shutdown(socket.SHUT_RDWR)
