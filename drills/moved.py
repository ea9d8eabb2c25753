"""`python -m drills.moved HOST SECONDS (-m MODULE | SCRIPT) ...`: run a program as on a host of this name whose clock is ahead.

Moved are `time.time` and `datetime`, by time-machine, also in threads. Monotonic clocks are right, as those of a real host are, and so are
PostgreSQL, Valkey, the stand-ins and whatever else is a process of its own. The signals `AHEAD` and `BACK` move the clock by an hour while
the program runs, as NTP and machines that are resumed do.

`DRILL_OWN_CLOCK` in the environment: claims go by the host's own clock and not by PostgreSQL's, as a naive worker's do.
"""

import os
import runpy
import signal
import socket
import sys
from datetime import UTC, datetime, timedelta

import time_machine

STEP = timedelta(hours=1)
AHEAD, BACK = signal.SIGRTMIN + 1, signal.SIGRTMIN + 2


def main() -> None:
    """Become the program."""
    _, host, seconds, *program = sys.argv
    socket.gethostname = lambda: host
    moved = time_machine.travel(datetime.now(UTC) + timedelta(seconds=float(seconds)), tick=True).start()
    datetime.now(UTC)  # time-machine's clock begins to tick at the first look
    signal.signal(AHEAD, lambda _number, _frame: moved.shift(STEP))
    signal.signal(BACK, lambda _number, _frame: moved.shift(-STEP))
    if os.environ.get("DRILL_OWN_CLOCK"):
        _go_by_own_clock()
    if program[0] == "-m":
        sys.argv = program[1:]
        runpy.run_module(program[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = program
        runpy.run_path(program[0], run_name="__main__")


def _go_by_own_clock() -> None:
    """Have claims made and compared by this host's clock. Ticks stay as old as they are, else few would be worked on."""
    from django.utils import timezone

    from infra import database_clock

    look = database_clock.now

    def now() -> datetime:
        look()
        return timezone.now()

    database_clock.now = now


if __name__ == "__main__":
    main()
