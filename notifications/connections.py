"""A few connections to the mail server at once, each in a thread of its own. Knows no database and no message.

As long as no mail came through, one tries, and another every few seconds, in case it is that one that hangs. A server that takes no further
connection beside those there are gets no more mails at once than it takes.
"""

import logging
import smtplib
import socket
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Self

from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from notifications import refusals

logger = logging.getLogger(__name__)

SLOW = 10.0  # seconds; a mail that took longer may be one of many that wait for the same domain
CUT_AFTER = 120.0  # seconds for one mail: a server that sends an answer letter by letter never times out
ANOTHER_TRIES = 5.0  # seconds between the first connections, while none has come through
IDLE = 5.0  # seconds after which an unused connection is opened anew: its server may have given it up


class Outcome(Enum):
    """What became of one mail at the server."""

    TAKEN = "taken"
    REFUSED = "refused"  # this mail, now or for good
    TURNED_AWAY = "turned away"  # by the end of a connection that has carried mails; it can take another one
    NO_ROOM = "no room"  # for another connection beside those there are
    UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class Answer[K]:
    """What became of the mail that was handed over as `key`."""

    key: K
    outcome: Outcome
    error: Exception | None = None


class _Connection:
    """One connection, used by one thread at a time."""

    def __init__(self) -> None:
        self._backend: BaseEmailBackend = get_connection()
        self.carried = 0  # mails since it was opened
        self.used_at = 0.0  # monotonic seconds

    def send(self, email: EmailMessage) -> tuple[Outcome, Exception | None]:
        """Hand one mail over."""
        if self.carried and time.monotonic() - self.used_at > IDLE:
            self.close()
        try:
            self._backend.open()
        except (smtplib.SMTPException, OSError) as error:
            # Whatever the digits, this is about our own access to the server, not about the mail.
            self.close()
            return Outcome.UNREACHABLE, error
        try:
            self._backend.send_messages([email])
            refusals.raise_for_service(email)
        except Exception as error:  # noqa: BLE001  # one bad mail never stops the others
            was_fresh = not self.carried
            self.close()
            return _outcome(error, was_fresh=was_fresh), error
        self.carried += 1
        self.used_at = time.monotonic()
        return Outcome.TAKEN, None

    def cut(self) -> None:
        """Have whoever waits in another thread for an answer of SMTP get none."""
        sock = getattr(getattr(self._backend, "connection", None), "sock", None)
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it, whatever its state."""
        self.carried = 0
        try:
            self._backend.close()
        except (smtplib.SMTPException, OSError) as error:
            logger.info("The connection to the mail server did not close well: %s", type(error).__name__)


def _outcome(error: Exception, *, was_fresh: bool) -> Outcome:
    """Tell what is about a connection from what is about a mail: 421 is both, see RFC 5321 3.8."""
    if refusals.is_of_access(error):
        return Outcome.UNREACHABLE
    if not refusals.is_of_connection(error):
        return Outcome.REFUSED
    if not was_fresh:
        return Outcome.TURNED_AWAY
    of_recipient = isinstance(
        error, smtplib.SMTPRecipientsRefused
    )  # who answers so of him to a new connection means him
    return Outcome.REFUSED if of_recipient else Outcome.UNREACHABLE


@dataclass
class _Call[K]:
    key: K
    domain: str
    connection: _Connection
    began: float  # monotonic seconds


class Connections[K]:
    """The connections of one run. A context manager: what is on its way at the end is waited for."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="mail")
        self._free: list[_Connection] = []  # the one that was used last is taken first
        self._calls: dict[Future[tuple[Outcome, Exception | None]], _Call[K]] = {}
        self._quick: set[str] = set()  # domains
        self._reached = False
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._free:
            self._threads.submit(connection.close)
        self._threads.shutdown()

    @property
    def busy(self) -> int:
        """How many mails are on their way."""
        return len(self._calls)

    @property
    def allowed(self) -> int:
        """How many may be on their way at once."""
        tries = 1 + int((time.monotonic() - self._began) // ANOTHER_TRIES)
        return self._most if self._reached else min(tries, self._most)

    @property
    def slow(self) -> bool:
        """Whether a mail has been on its way for long."""
        since = time.monotonic() - SLOW
        return any(call.began < since for call in self._calls.values())

    def full_domains(self) -> set[str]:
        """Return the domains that hold half of the connections, and whose last mail did not get through quickly: others get the rest.

        A mail server may keep us waiting because the recipient's keeps it waiting.
        """
        held = Counter(call.domain for call in self._calls.values())
        half = max(1, self._most // 2)
        return {domain for domain, count in held.items() if count >= half and domain not in self._quick}

    def hand_over(self, key: K, email: EmailMessage, *, domain: str) -> None:
        """Begin to send one mail. There must be room."""
        connection = self._free.pop() if self._free else _Connection()
        call = _Call(key, domain, connection, time.monotonic())
        self._calls[self._threads.submit(connection.send, email)] = call

    def answers(self, *, seconds: float) -> list[Answer[K]]:
        """Return what became of mails, once there is something or so many seconds have passed."""
        done, _ = wait(self._calls, timeout=seconds, return_when=FIRST_COMPLETED)
        return [self._answer(self._calls.pop(future), *future.result()) for future in done]

    def cut(self, *, after: float = CUT_AFTER) -> None:
        """Give up what takes longer than so many seconds. The server may have such a mail: it is sent again, as after any lost answer."""
        before = time.monotonic() - after
        for call in self._calls.values():
            if call.began < before:
                call.connection.cut()

    def _answer(self, call: _Call[K], outcome: Outcome, error: Exception | None) -> Answer[K]:
        others = self.busy + len(self._free)
        if outcome == Outcome.TAKEN and time.monotonic() - call.began < SLOW:
            self._quick.add(call.domain)
        elif outcome in {Outcome.TAKEN, Outcome.REFUSED}:
            self._quick.discard(call.domain)
        if outcome == Outcome.UNREACHABLE and self._reached and others:
            self._most, outcome = others, Outcome.NO_ROOM
            logger.warning("The mail server takes no more than %d connections at once: %s", others, error)
        if outcome in {Outcome.TAKEN, Outcome.REFUSED}:
            self._reached = True
        if outcome == Outcome.TAKEN:
            self._free.append(call.connection)
        return Answer(call.key, outcome, error)
