"""Lanes: queues of their own for work that must not wait for other work, each with worker processes of its own.

`manage.py worker LANE` starts one. Refreshes have no queue: PostgreSQL holds what is wanted, so that they go on without Valkey. Pools are
threads: the work waits for channels, mail servers and PostgreSQL, and a process per thread would cost 100 MB each. A pool of threads knows
no time limits, so the work of a lane watches its own clock.
"""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MANAGE = Path(__file__).resolve().parent.parent / "manage.py"
REFRESHES = "refreshes"
OLD_QUEUE = "celery"  # of versions before there were lanes; what lies there after an upgrade is done


@dataclass(frozen=True)
class Lane:
    """One lane: what it is for, the queues that it takes from, how many tasks a process runs at once, and how long its stop may take."""

    name: str
    does: str
    queues: tuple[str, ...]
    threads: int
    stops_within: (
        int  # seconds that a process needs to end after SIGTERM at most: its longest call and a little
    )


LANES = {
    lane.name: lane
    for lane in (
        Lane("mail", "mails, the daily evaluation, small jobs without a channel", ("mail",), 4, 35),
        Lane(REFRESHES, "renewals of tokens", (), 24, 150),
        Lane("checks", "checks that are due, and tidying at the channels", ("checks",), 10, 60),
        Lane(
            "pushes",
            "what channels push, and checks, exports and deeds on many that a person asked for",
            ("pushes", OLD_QUEUE),
            6,
            60,
        ),
    )
}
DEFAULT_QUEUE = "mail"
QUEUES = tuple(queue for lane in LANES.values() for queue in lane.queues)
# Task -> queue. What is not named here goes to DEFAULT_QUEUE: nothing in it may wait for a channel.
ROUTES = {
    "accounts.tasks.check_due_tokens": {"queue": "checks"},
    "accounts.tasks.check_channel": {"queue": "checks"},
    "accounts.tasks.ask_about_refused_apps": {"queue": "checks"},
    "accounts.tasks.tidy": {"queue": "checks"},
    "accounts.tasks.check_tokens": {"queue": "pushes"},
    "accounts.tasks.make_exports": {"queue": "pushes"},  # it must hold up neither mails nor sweeps
    "accounts.tasks.do_deeds": {"queue": "pushes"},
    "accounts.tasks.run_campaigns": {"queue": "pushes"},
    "accounts.pushes.*": {"queue": "pushes"},
}


def command(lane: Lane, *, threads: int = 0, loglevel: str = "INFO") -> list[str]:
    """Return the command of one worker process of a lane. `threads`: how many tasks it runs at once; 0 means the usual number."""
    at_once = str(threads or lane.threads)
    if lane.name == REFRESHES:
        return [sys.executable, str(MANAGE), "run_refreshes", "--threads", at_once]
    return [
        *(sys.executable, "-m", "celery", "-A", "adtoken_project", "worker"),
        # Two processes of a lane on one host need two names: claims and signs of life go by them.
        *("--queues", ",".join(lane.queues), "--hostname", f"{lane.name}-{os.getpid()}@%h"),
        *("--pool", "threads", "--concurrency", at_once),
        *("--loglevel", loglevel, "--without-mingle", "--without-gossip"),
    ]


def environment(lane: Lane, *, threads: int = 0) -> dict[str, str]:
    """Return what the environment of a worker process needs: each of its threads may hold a connection to PostgreSQL."""
    return {"DATABASE_POOL": str((threads or lane.threads) + 4)}


def served(queues: Iterable[str]) -> list[str]:
    """Return the lanes whose work a worker does that takes from these queues."""
    taken = set(queues)
    return [lane.name for lane in LANES.values() if lane.queues and lane.queues[0] in taken]
