"""Drill: Valkey is emptied, stopped, frozen and full while mails wait, checks are due, jobs lease and people log in.

    python -m drills.valkey

PostgreSQL holds every fact, so nothing may be lost or doubled, no lease fails and people go on logging in; when Valkey is well again mails
and checks go on. The naive control keeps its mails in the queue alone.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import redis

from drills.load import (
    Checks,
    Load,
    Mails,
    Said,
    issue_key,
    mails_wait,
    own_pool,
    received,
    send_at_once,
    still_running,
    workers,
)
from drills.servers import Servers, own_servers
from drills.stage import Tally, people, stage, until
from tests.support.sandbox import Sandbox

CHANNELS = ("facebook", "snapchat", "linkedin", "pinterest", "tiktok", "x")
PEOPLE = ("ada", "ben")
AT_LEAST = 12  # mails and due checks that wait when the harm begins
RECOVERY = 90  # seconds
NAIVE = "naive-mails"


@contextmanager
def emptied(servers: Servers) -> Iterator[None]:
    """FLUSHALL."""
    client(servers).flushall()
    yield


@contextmanager
def stopped(servers: Servers) -> Iterator[None]:
    """Killed, and started again with nothing in it."""
    servers.stop_valkey()
    yield
    servers.start_valkey()


@contextmanager
def frozen(servers: Servers) -> Iterator[None]:
    """Its connections stay open, and it answers nothing."""
    servers.freeze_valkey()
    yield
    servers.thaw_valkey()


@contextmanager
def full(servers: Servers) -> Iterator[None]:
    """It refuses every write (`noeviction`)."""
    valkey = client(servers)
    valkey.config_set("maxmemory", "1")
    yield
    valkey.config_set("maxmemory", "0")


HARMS: dict[str, Callable[[Servers], Any]] = {
    "emptied": emptied,
    "stopped": stopped,
    "frozen": frozen,
    "full": full,
}


def client(servers: Servers) -> redis.Redis:
    """Return a client that waits two seconds at most."""
    return redis.Redis.from_url(servers.valkey.url, socket_timeout=2, socket_connect_timeout=2)


def main() -> int:
    """Do each harm, count, and run the control beside it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--harms", nargs="*", default=list(HARMS), choices=list(HARMS))
    parser.add_argument("--seconds", type=float, default=10, help="for which each lasts")
    options = parser.parse_args()
    tally = Tally(f"Valkey {', '.join(options.harms)}, {options.seconds:g} s each, under load")
    with own_servers() as servers:
        own_pool(30)
        with stage() as world:
            _run(world, servers, tally, options)
    return tally.tell()


def _run(world: Sandbox, servers: Servers, tally: Tally, options: argparse.Namespace) -> None:
    from tests.support import processes

    for channel in CHANNELS:
        people(channel, *PEOPLE)
    world.clear_calls()
    with ExitStack() as stack:
        address = stack.enter_context(processes.web(world, workers=2, threads=4))
        running = stack.enter_context(workers(world, "all"))
        life = Life(world, Load(address, issue_key()))
        control = _Control(servers)
        life.begin()
        life.load.every(1, control.write)
        for name in options.harms:
            _harm(name, servers, life, control, tally, options.seconds)
        life.load.stop()
        until(lambda: not mails_wait() and not life.checks.waiting(), seconds=RECOVERY)
        still_running(running, tally)
    life.count(tally)
    control.count(world, tally)


def _harm(
    name: str, servers: Servers, life: "Life", control: "_Control", tally: Tally, seconds: float
) -> None:
    """Let mails and checks wait, do the harm for so long, and see how soon both are done afterwards."""
    began = time.monotonic()
    life.checks.make_due()
    for _ in range(AT_LEAST):
        life.mails.write()
        control.write()
    with HARMS[name](servers):
        time.sleep(seconds if name != "emptied" else 0)
        life.checks.make_due()
    back = time.monotonic()
    marked = life.mails.written[:]
    took = until(lambda: not life.checks.waiting() and life.have_come(marked), seconds=RECOVERY)
    tally.seconds = max(tally.seconds, round(took, 1))
    if took >= RECOVERY:
        tally.broken.append(f"{name}: mails or checks still wait {RECOVERY} s after it was well again")
    said = [one for one in life.load.said if began <= one.began <= back]
    slowest = max((one.ended - one.began for one in said), default=0)
    tally.note(
        f"{name}: done {took:.1f} s after it was well again; {len(said)} answers meanwhile, the slowest {slowest:.1f} s"
    )
    control.drain(life.world)


@dataclass
class Life:
    """What goes on, and what it was told."""

    world: Sandbox
    load: Load
    mails: Mails = field(default_factory=Mails)
    checks: Checks = field(default_factory=Checks)

    def begin(self) -> None:
        """Start all jobs."""
        from accounts.models import Account

        self.accounts = list(Account.objects.values_list("channel", "native_id"))
        self.number = 0
        for _ in range(2):
            self.load.every(0.1, self.lease)
        self.load.every(1, self.mails.write)
        self.load.every(4, self.log_in)

    def lease(self) -> None:
        """Lease some account."""
        self.number += 1
        channel, native_id = self.accounts[self.number % len(self.accounts)]
        self.load.ask("lease", "POST", f"/api/v1/accounts/{channel}/{native_id}/lease", json={})

    def log_in(self) -> None:
        """Log in as Ada with a browser of her own."""
        from django.urls import reverse

        from tests.support.factories import PASSWORD

        path, began = f"{self.load.web}{reverse('account_login')}", time.monotonic()
        with httpx2.Client(timeout=30, trust_env=False) as browser:
            browser.get(path)
            form = {
                "login": "ada@example.com",
                "password": PASSWORD,
                "csrfmiddlewaretoken": browser.cookies["csrftoken"],
            }
            answer = browser.post(path, data=form, headers={"Referer": path})
        in_is = answer.status_code == 302 and "sessionid" in browser.cookies
        status = 200 if in_is else answer.status_code if answer.status_code != 200 else 401
        self.load.said.append(Said("log-in", status, began, time.monotonic()))

    def have_come(self, addresses: list[str]) -> bool:
        """Return whether all these mails are in the mailbox."""
        found = received(self.world)
        return all(found[address] for address in addresses)

    def count(self, tally: Tally) -> None:
        """Count at the mailbox, the stand-ins and the jobs."""
        from tokens.models import Token

        self.mails.count(self.world, tally)
        self.checks.count(self.world, tally)
        leases, log_ins = self.load.statuses("lease"), self.load.statuses("log-in")
        tally.tries += sum(leases.values()) + sum(log_ins.values())
        failed = sum(count for said in (leases, log_ins) for status, count in said.items() if status != 200)
        tally.lost += failed
        if failed:
            tally.broken.append(f"leases {leases}, log-ins {log_ins}")
        tally.note(f"leases {leases}, log-ins {log_ins}")
        if ill := Token.objects.exclude(state=Token.State.VALID).count():
            tally.broken.append(f"{ill} log-ins are not valid")
        tally.notes += [f"load: {fault}" for fault in self.load.faults[:10]]


class _Control:
    """Mails that lie in Valkey's queue alone until they are sent."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self.written: list[str] = []
        self.refused = 0

    def write(self) -> None:
        """Put one into the queue."""
        address = f"naive{len(self.written) + self.refused}@example.com"
        try:
            client(self.servers).lpush(NAIVE, address)
        except redis.RedisError:
            self.refused += 1
        else:
            self.written.append(address)

    def drain(self, world: Sandbox) -> None:
        """Send what is in the queue."""
        valkey = client(self.servers)
        while address := valkey.rpop(NAIVE):
            assert isinstance(address, bytes)
            send_at_once(world, address.decode())

    def count(self, world: Sandbox, tally: Tally) -> None:
        """Count at the mailbox."""
        self.drain(world)
        found = received(world)
        lost = sum(not found[address] for address in self.written)
        tally.control = (
            f"mails that lie in the queue alone: {lost} of {len(self.written)} lost, {self.refused} not taken"
        )
        tally.control_failed = lost > 0


if __name__ == "__main__":
    sys.exit(main())
