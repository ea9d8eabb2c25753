"""Lanes: work that must not wait for other work, each with threads of its own.

`manage.py worker all` runs them in one process, `manage.py worker LANE` one of them: the same code, on as many hosts and in as many
processes as there is work for. Refreshes have no queue: PostgreSQL holds what is wanted, so that they go on without Valkey. Whoever runs
the lane for mails runs the clock, too. Pools of threads know no time limits, so the work of a lane watches its own clock.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
MAIL = "mail"
REFRESHES = "refreshes"
ALL = "all"
STOPS_WITHIN = (
    150  # seconds that a process needs to end after SIGTERM at most: a refresh that was sent, and a little
)
SPARE = 4  # connections to PostgreSQL beside one for each thread: the clock, signs of life, claims, the look for refreshes


@dataclass(frozen=True)
class Lane:
    """One lane: what it is for, and how many tasks a process runs at once. Its queue has its name."""

    name: str
    does: str
    threads: int


LANES = {
    lane.name: lane
    for lane in (
        Lane(MAIL, "mails, the daily evaluation, small jobs without a channel", 4),
        Lane(REFRESHES, "renewals of tokens", 24),
        Lane("checks", "checks that are due, and tidying at the channels", 10),
        Lane("pushes", "what channels push, and checks and jobs on many that a person asked for", 6),
    )
}
QUEUES = tuple(name for name in LANES if name != REFRESHES)
# Task -> queue. What is not named here goes to MAIL: nothing in it may wait for a channel.
ROUTES = {
    "accounts.tasks.check_due_tokens": {"queue": "checks"},
    "accounts.tasks.check_channel": {"queue": "checks"},
    "accounts.tasks.ask_about_refused_apps": {"queue": "checks"},
    "accounts.tasks.tidy": {"queue": "checks"},
    "accounts.tasks.check_tokens": {"queue": "pushes"},
    "accounts.tasks.run_jobs": {"queue": "pushes"},  # it must hold up neither mails nor sweeps
    "accounts.tasks.run_asks": {"queue": "pushes"},
    "macros.send_webhooks": {"queue": "pushes"},  # a receiver may be slow
    "accounts.pushes.*": {"queue": "pushes"},
}


def lanes_of(name: str) -> list[str]:
    """Return the lanes that a worker of this name serves."""
    return list(LANES) if name == ALL else [name]


def command(name: str = ALL) -> list[str]:
    """Return the command of one worker process."""
    return [sys.executable, str(MANAGE), "worker", name]


def connections(name: str) -> int:
    """Return how many connections to PostgreSQL a worker of this name may hold: one for each thread, and a few."""
    return sum(LANES[lane].threads for lane in lanes_of(name)) + SPARE
