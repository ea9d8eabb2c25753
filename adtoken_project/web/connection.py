"""A connection of the web server that asks the kernel for less than gunicorn does.

Each call of the kernel lets go of Python's lock, and where other threads answer requests, too, it has to be waited for afterwards.
That was a good part of what a short answer cost.
"""

import socket
from contextlib import suppress
from typing import Any

_HEAD = b"HTTP/1."  # how an answer begins
_GOES_ON = b"1"  # the first figure of a status such as "100 Continue", which comes before the answer
_LARGE = 65_536  # bytes of a body that is not copied behind its head


class WebConnection(socket.socket):
    """How long to wait is told to the kernel when something is waited for; the head of an answer leaves with what follows it.

    gunicorn changes the first four times a request, and sends the second by itself.
    """

    def __init__(self, taken: socket.socket) -> None:
        super().__init__(fileno=taken.detach())
        super().settimeout(0)
        self._waits: float | None = 0
        self._told: float | None = 0
        self._head = b""

    def setblocking(self, flag: bool) -> None:  # the library's own
        """Wait without end, or not at all."""
        self._waits = None if flag else 0

    def settimeout(self, value: float | None) -> None:
        """Wait for so many seconds; None: without end."""
        self._waits = value

    def gettimeout(self) -> float | None:
        """Return how long is waited."""
        return self._waits

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return what comes, `size` bytes at most."""
        self._tell()
        return super().recv(size, flags)

    def send(self, data: Any, flags: int = 0) -> int:
        """Send what goes at once."""
        self._tell()
        return super().send(data, flags)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send; the head of an answer is kept for what comes next, or for `flush`. Where nothing is waited for, it all goes at once."""
        if self._waits != 0 and not self._head and data.startswith(_HEAD) and data[9:10] != _GOES_ON:
            self._head = data
            return
        head, self._head = self._head, b""
        self._tell()
        if head and len(data) > _LARGE:
            super().sendall(head)
            head = b""
        super().sendall(head + data, flags)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send a file."""
        self.flush()
        return super().sendfile(file, offset, count)

    def shutdown(self, how: int) -> None:
        """Say that nothing follows, after the head that was kept."""
        with suppress(OSError):
            self.flush()
        super().shutdown(how)

    def flush(self) -> None:
        """Send a head that nothing follows. Raises OSError where the other side has gone."""
        if self._head:
            self.sendall(b"")

    def _tell(self) -> None:
        if self._waits != self._told:
            super().settimeout(self._waits)
            self._told = self._waits
