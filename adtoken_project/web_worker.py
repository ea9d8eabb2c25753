"""gunicorn's worker of threads, which a proxy can restart around. Named by deploy/gunicorn.conf.py."""

import select
import socket

from gunicorn.workers.gthread import ThreadWorker


class WebWorker(ThreadWorker):  # type: ignore[misc]  # the library is untyped
    """Told to stop, it takes what has connected and then closes the listening sockets at once.

    gunicorn keeps them open until the last request is answered. What connected meanwhile was taken by the kernel and by nobody else, and
    was cut off in the end: a proxy must not send such a request elsewhere unless it is a GET. Refused connections it may.
    """

    sockets: list[socket.socket]

    def set_accept_enabled(self, enabled: bool) -> None:  # the library's own
        """Begin or end to accept."""
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            self._leave()

    def _leave(self) -> None:
        for listener in self.sockets:
            while select.select([listener], [], [], 0)[0]:
                self.accept(listener)
            listener.close()
        self.sockets = []
