"""gunicorn's worker of threads, made fit for jobs that keep their connections. Named by deploy/gunicorn.conf.py."""

import select
import socket
import time
from collections import deque
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from adtoken_project.web.connection import WebConnection

STAYS = 2  # milliseconds that a thread waits for the next request of the connection that it has just answered
SPEAKS = 5  # seconds until a new connection must have said something, besides the five that gunicorn's thread waits for it
STANDS_BACK, AT_MOST = 0.000_2, 0.002  # seconds, for each connection that a process has; and in all


class WebWorker(ThreadWorker):  # type: ignore[misc]  # the library is untyped
    """Four things are otherwise than in gunicorn (docs/decisions/0058-web-server-and-leases.md).

    - New connections go to the process that has fewest.
    - A thread stays with its connection while the next request comes at once and nobody else waits.
    - A connection is kept long between two requests, but not so long before the first.
    - Told to stop, it takes what has connected and then closes the listening sockets at once. gunicorn keeps them open until the last
      request is answered. What connected meanwhile was taken by the kernel and by nobody else, and was cut off in the end: a proxy must
      not send such a request elsewhere unless it is a GET. Refused connections it may.
    """

    sockets: list[socket.socket]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: deque[Any] = deque()  # connections that wait for a thread

    def accept(self, listener: socket.socket) -> None:  # the library's own
        """Take a connection, unless a process with fewer of them does so first.

        Whoever wakes first would take all of several that come together, and keep them: one process works then, and the others look on.
        """
        if self.alive:
            time.sleep(min(self.nr_conns * STANDS_BACK, AT_MOST))
        super().accept(listener)

    def enqueue_req(self, conn: Any) -> None:  # the library's own
        """Give a connection to a thread."""
        if not isinstance(conn.sock, WebConnection):  # a new one
            conn.sock = WebConnection(conn.sock)
        self._waiting.append(conn)
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:  # the library's own
        """Answer, in a thread, what comes on a connection. gunicorn hands it back to the main thread after each request."""
        self._waiting.popleft()  # one of them; which one does not matter
        while True:
            kept = super().handle(conn)
            if kept is not True or not self.alive or self._waiting or not _is_readable(conn.sock, STAYS):
                return kept

    def handle_request(self, req: Any, conn: Any) -> Any:  # the library's own
        """Answer one request, also where the answer has no body."""
        kept = super().handle_request(req, conn)
        if isinstance(conn.sock, WebConnection):  # with a certificate of its own it is another
            conn.sock.flush()
        return kept

    def finish_request(self, conn: Any, fs: Any) -> None:  # the library's own
        """Keep or close a connection that a thread is done with. gunicorn keeps one that has said nothing as long as any other."""
        super().finish_request(conn, fs)
        if self.pending_conns and self.pending_conns[-1] is conn:
            conn.timeout = time.monotonic() + SPEAKS

    def set_accept_enabled(self, enabled: bool) -> None:  # the library's own
        """Begin or end to accept."""
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            self._leave()

    def _leave(self) -> None:
        for listener in self.sockets:
            while _is_readable(listener, 0):
                self.accept(listener)
            listener.close()
        self.sockets = []


def _is_readable(one: socket.socket, milliseconds: int) -> bool:
    waiting = select.poll()
    waiting.register(one, select.POLLIN)
    return bool(waiting.poll(milliseconds))
