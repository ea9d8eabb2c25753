"""The bounce mailbox by IMAP: each unread mail is given to a reader, who says whether it may go.

Nothing that the server does holds AdToken up: a call waits for `WAITS` seconds, a reading ends by itself after `ENDS_AFTER` and is cut
after `CUT_AFTER`, one that answers letter by letter included, and no answer is taken that is larger than a mail may be. A mail that the
server cannot give holds up no other.
"""

import imaplib
import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Timer
from typing import Any

from notifications import clean

logger = logging.getLogger(__name__)

WAITS = 20.0  # seconds for one answer
ENDS_AFTER = 45.0  # seconds after which no further mail is begun; the next reading goes on
CUT_AFTER = 60.0  # seconds for one reading
LARGEST = 262_144  # bytes of a mail that are read; a report's own parts come first
MOST = 200  # mails of one reading; the next one goes on
_ANSWER = 1_048_576  # bytes, of the largest answer


class MailboxError(Exception):
    """The mailbox could not be read. As text it says why, for staff."""


@dataclass(frozen=True)
class Mailbox:
    """Where it is. `tls`: from the first byte, after STARTTLS, or none."""

    host: str
    port: int
    user: str
    password: str
    folder: str
    tls: str = "tls"

    def __repr__(self) -> str:
        return f"Mailbox({self.host}:{self.port}/{self.folder})"


class _Client(imaplib.IMAP4):
    """Takes no answer larger than a mail may be, and is known to its watch before it is connected."""

    def __init__(self, mailbox: Mailbox, watch: "_Watch") -> None:
        self._mailbox = mailbox
        watch.client = self
        super().__init__(mailbox.host, mailbox.port, WAITS)

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        super().open(host, port, timeout)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        sock: socket.socket = super()._create_socket(timeout)  # type: ignore[misc]  # the stubs do not know it
        if self._mailbox.tls != "tls":
            return sock
        return ssl.create_default_context().wrap_socket(sock, server_hostname=self._mailbox.host)

    def read(self, size: int) -> bytes:
        if size > _ANSWER:
            raise imaplib.IMAP4.abort("literal too large")
        return super().read(size)


class _Watch:
    """Cuts a connection that takes too long."""

    client: imaplib.IMAP4 | None = None

    def cut(self) -> None:
        """End the connection from another thread: whoever waits there gets no answer."""
        sock = getattr(self.client, "sock", None)
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def read(mailbox: Mailbox, handle: Callable[[bytes], bool]) -> int:
    """Give each unread mail to `handle`, which returns whether it was for us. Those are deleted; others are marked as read and stay.

    So does one that the server cannot give, where it gave another one. Returns how many were handled. Raises MailboxError where the server
    cannot be read, or gives none of them; what was handled before that is not undone.
    """
    ends = time.monotonic() + ENDS_AFTER
    with _opened(mailbox) as server:
        found = _checked(server.uid("search", "UNSEEN", "UNDELETED"))
        ids = (found[0] or b"").split()[:MOST] if isinstance(found[0], bytes) else []
        done, refused = 0, dict[str, imaplib.IMAP4.error]()
        for uid in (one.decode("ascii", "replace") for one in ids if one.isdigit()):
            if time.monotonic() > ends:
                break
            try:
                done += _read_one(server, uid, handle)
            except imaplib.IMAP4.abort:
                raise  # the connection is gone
            except imaplib.IMAP4.error as error:
                refused[uid] = error
        _leave(server, refused, gave_others=bool(done))
        if done:
            _checked(server.expunge())
        return done


def _read_one(server: imaplib.IMAP4, uid: str, handle: Callable[[bytes], bool]) -> bool:
    """Give one mail to `handle`, and mark it. False where somebody deleted it meanwhile. Raises IMAP4.error where it is not given."""
    raw = _body(server.uid("fetch", uid, f"(BODY.PEEK[]<0.{LARGEST}>)"))
    if raw is None:
        return False
    _checked(server.uid("store", uid, "+FLAGS.SILENT", r"(\Seen \Deleted)" if handle(raw) else r"(\Seen)"))
    return True


def _leave(server: imaplib.IMAP4, refused: Mapping[str, imaplib.IMAP4.error], *, gave_others: bool) -> None:
    """Mark as read what the server could not give, for people to look at. Raises IMAP4.error where it gave none: then it is the server."""
    for uid, error in refused.items():
        if not gave_others:
            raise error
        logger.warning("the bounce mailbox: mail %s cannot be read, and is left there: %s", uid, error)
        server.uid("store", uid, "+FLAGS.SILENT", r"(\Seen)")


@contextmanager
def _opened(mailbox: Mailbox) -> Iterator[imaplib.IMAP4]:
    watch = _Watch()
    timer = Timer(CUT_AFTER, watch.cut)
    timer.daemon = True
    timer.start()
    server: imaplib.IMAP4 | None = None
    try:
        server = _Client(mailbox, watch)
        if mailbox.tls == "starttls":
            server.starttls(ssl.create_default_context())
        server.login(mailbox.user, mailbox.password)
        _checked(server.select(_quoted(mailbox.folder)))
        yield server
    except (imaplib.IMAP4.error, OSError, ValueError, EOFError) as error:
        raise MailboxError(_words(error, mailbox)) from error
    finally:
        timer.cancel()
        if server is not None:
            with suppress(imaplib.IMAP4.error, OSError, ValueError, AttributeError):
                server.shutdown()


def _checked(answer: tuple[str, Any]) -> list[Any]:
    """Return the data of an answer. Raises IMAP4.error where the server says no."""
    state, data = answer
    if state != "OK":
        words = [one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in data or []]
        raise imaplib.IMAP4.error(f"{state} {' '.join(words)}"[:200])
    return list(data or [None])


def _body(answer: tuple[str, Any]) -> bytes | None:
    """Return the mail in an answer to FETCH; None where there is none."""
    for part in _checked(answer):
        if isinstance(part, tuple) and len(part) > 1 and isinstance(part[1], bytes):
            return part[1]
    return None


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _words(error: Exception, mailbox: Mailbox) -> str:
    """Return what went wrong, without the password, which a server may repeat; of a server's own words these alone."""
    given = error.args[0] if isinstance(error, imaplib.IMAP4.error) and error.args else None
    told = given.decode("utf-8", "replace") if isinstance(given, bytes) else given
    said = clean.line(told, 300) if isinstance(told, str) and told else f"{type(error).__name__}: {error}"
    return said.replace(mailbox.password, "***")[:300] if mailbox.password else said[:300]
