"""The application is loaded once and its processes are forked, and HUP takes up new code all the same.

gunicorn alone does one or the other. So a main process that is told to reload becomes a new one by exec: same number, same listening
sockets. It loads, forks, and its first process tells those of before to stop. They serve until then.
"""

import gc
import os
import signal
import sys
from typing import Any, NoReturn

REPLACED = "ADTOKEN_REPLACED_PROCESSES"  # a variable: numbers of the processes of before
FIRST_SOCKET = 3  # where gunicorn looks for sockets that it is handed, as systemd hands them over
# Signals that would end a main process which does not know yet what to do about them.
NOT_YET = (
    signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGTTIN, signal.SIGTTOU,
)  # fmt: skip

_replaced: list[int] = []


def share_memory() -> None:
    """Keep what is loaded where it is, so that the processes share it: the collector would write to each page. Call it before they fork."""
    _replaced[:] = [int(number) for number in os.environ.pop(REPLACED, "").split(",") if number]
    gc.freeze()


def start_anew(server: Any) -> NoReturn:
    """Become a new main process. `server`: gunicorn's arbiter."""
    for one in NOT_YET:
        signal.signal(one, signal.SIG_IGN)
    count = len(server.LISTENERS)
    # Aside first: one of them may lie where another has to go.
    aside = [
        os.dup2(one.fileno(), FIRST_SOCKET + 1_000 + number) for number, one in enumerate(server.LISTENERS)
    ]
    for number, fd in enumerate(aside):
        os.dup2(fd, FIRST_SOCKET + number)
        os.close(fd)
    os.environ |= {
        REPLACED: ",".join(str(number) for number in server.WORKERS),
        "LISTEN_FDS": str(count),
        "LISTEN_PID": str(os.getpid()),
    }
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606  # our own command line


def end_replaced(worker: Any) -> None:
    """Tell the processes of before to stop; the first of the new ones does it, once it has loaded."""
    if worker.age == 1:
        for number in _replaced:
            try:
                os.kill(number, signal.SIGTERM)
            except ProcessLookupError:
                continue
