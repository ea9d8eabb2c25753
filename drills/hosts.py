"""`python -m drills.hosts`: two worker hosts, and one of them is cut off for a minute in the middle of refreshes and of a check.

Each host is a network namespace with the lanes refreshes and checks, joined to PostgreSQL, Valkey and the channels by a wire of its own
(root only). The wire is pulled while the channel, which has replaced the refresh tokens already, keeps its answers back. Nobody closes the
host's connections, so PostgreSQL goes on taking it for alive. The other host may ask once more with the old refresh token, as documented;
more calls count as doubled. An answer that comes through after all, within 120 seconds of the call, brings its log-in back. A log-in that
is neither well in the end nor marked as one whose answer was lost counts as lost. The naive control is a claim that lasts as long as its
connection: nobody would have taken over.
"""

import argparse
import os
import subprocess
import time
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from socketserver import ThreadingTCPServer
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from adtoken_project import lanes
from drills.stage import Tally, people, refreshes, stage, until
from tests.project.test_redis_by_tls import Relay
from tests.support import processes
from tests.support.sandbox import Sandbox

if TYPE_CHECKING:
    from tokens.token_model import TokenQuerySet

ROTATES, CHECKED = "snapchat", "facebook"
PEOPLE = ("ada", "ben", "chiara", "emil")
TAKEN_OVER_WITHIN = 30.0  # seconds; the claim of a process that does not renew it ends after 20
BACK_WITHIN = 120.0  # a packet that was lost is sent again with growing pauses


class _Carrier(ThreadingTCPServer):
    """Carries a host's connections on to a server."""

    daemon_threads = True

    def __init__(self, address: str, behind: tuple[str, int]) -> None:
        super().__init__((address, 0), Relay)
        self.behind = behind
        Thread(target=self.serve_forever, daemon=True).start()


class Host:
    """One worker host."""

    def __init__(self, number: int) -> None:
        self.name, self.wire = f"adtoken{os.getpid()}-{number}", f"at{os.getpid() % 10_000}-{number}"
        self.ours, self.theirs = f"10.77.{number}.1", f"10.77.{number}.2"
        self.stack = ExitStack()

    def __enter__(self) -> "Host":
        _ip("netns", "add", self.name)
        self.stack.callback(_ip, "netns", "del", self.name)
        _ip("link", "add", self.wire, "type", "veth", "peer", "name", f"{self.wire}x", "netns", self.name)
        _ip("addr", "add", f"{self.ours}/24", "dev", self.wire)
        _ip("-n", self.name, "addr", "add", f"{self.theirs}/24", "dev", f"{self.wire}x")
        _ip("-n", self.name, "link", "set", f"{self.wire}x", "up")
        _ip("-n", self.name, "link", "set", "lo", "up")
        self.plug()
        return self

    def __exit__(self, *_: object) -> None:
        self.plug()
        self.stack.close()

    def plug(self) -> None:
        """Put the wire in."""
        _ip("link", "set", self.wire, "up")

    def unplug(self) -> None:
        """Pull the wire: packets are lost, and nobody is told."""
        _ip("link", "set", self.wire, "down")

    def start(self, world: Sandbox) -> None:
        """Start its workers and wait until they are ready."""
        env = processes.environment(world, PGAPPNAME=self.name)
        for name in ("DATABASE_URL", "REDIS_URL"):
            env[name] = self._carried(env[name])
        sandbox = self._carried(world.base)
        env |= {
            name: value.replace(world.base, sandbox) for name, value in env.items() if name.endswith("_URL")
        }
        for name in ("refreshes", "checks"):
            within = ("ip", "netns", "exec", self.name)
            process = processes.Process(lanes.command(name)[1:], env, within=within).start()
            self.stack.callback(process.end)
            process.wait_for(lambda process=process: any(" ready." in line for line in process.said))  # type: ignore[misc]

    def _carried(self, address: str) -> str:
        """Return the address by which this host reaches a server that listens on loopback only."""
        parts = urlsplit(address)
        assert parts.hostname is not None
        assert parts.port is not None
        carrier = _Carrier(self.ours, (parts.hostname, parts.port))
        self.stack.callback(carrier.server_close)
        self.stack.callback(carrier.shutdown)
        who, at, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{who}{at}{self.ours}:{carrier.server_address[1]}").geturl()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def main() -> int:
    """Cut one off and count."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60, help="how long it is cut off")
    seconds = parser.parse_args().seconds
    tally = Tally(f"a worker host cut off for {seconds:.0f} s in the middle of refreshes and a check")
    with stage() as world, Host(1) as one, Host(2) as other:
        world.put_app(ROTATES, settings={"rotate": True})
        people(ROTATES, *PEOPLE, account=False)
        people(CHECKED, "ada")
        one.start(world)
        with processes.worker(world, "mail"):
            _cut_off(world, one, other, seconds, tally)
    return tally.tell()


def _cut_off(world: Sandbox, one: Host, other: Host, seconds: float, tally: Tally) -> None:
    from tokens.models import Token

    wanted, checked = _begin_all(world)
    began = time.monotonic()
    one.unplug()
    world.clear_faults()
    other.start(world)
    open_ = wanted.exclude(refresh_wanted_at=None, refresh_began_at=None)
    until(lambda: not open_.all().exists(), seconds=seconds)
    refreshed = time.monotonic() - began
    until(lambda: _checks(world) > 1, seconds=max(0.0, seconds - refreshed))
    looked = f"after {time.monotonic() - began:.1f} s" if _checks(world) > 1 else "not meanwhile"
    time.sleep(max(0.0, seconds - (time.monotonic() - began)))
    tally.control = (
        f"claims by connection: {_alive(one)} connections of that host counted as alive when it was back"
    )
    tally.control_failed = _alive(one) > 0
    meanwhile = dict(Counter(wanted.values_list("state", "reason")))
    one.plug()
    well = wanted.filter(state=Token.State.VALID)
    back = until(lambda: well.count() == len(PEOPLE), seconds=BACK_WITHIN)
    calls = Counter(call["native_user"] for call in refreshes(world, ROTATES))
    tally.note(
        f"refreshes taken over after {refreshed:.1f} s, the check {looked}; log-ins meanwhile: {meanwhile}"
    )
    tally.note(
        f"{back:.1f} s after the wire was back: {well.count()} of {len(PEOPLE)} well; calls: {dict(calls)}"
    )
    tally.tries, tally.seconds = len(PEOPLE) + 1, round(refreshed, 1)
    _count(world, wanted, checked, tally)
    tally.doubled += sum(max(0, count - 2) for count in calls.values())
    tally.lost += refreshed > TAKEN_OVER_WITHIN


def _begin_all(world: Sandbox) -> "tuple[TokenQuerySet, TokenQuerySet]":
    """Have log-ins refreshed and one checked by the host that runs, and return them when the channels have all the calls."""
    from django.utils import timezone

    from tokens.models import Token

    now = timezone.now()
    world.add_fault(ROTATES, path="access_token", delay=8, late=True)
    world.add_fault(CHECKED, path="debug_token", delay=8, late=True)
    world.clear_calls()
    wanted, checked = (Token.objects.filter(app__channel=channel) for channel in (ROTATES, CHECKED))
    wish = {"refresh_wanted_at": now, "refresh_wanted": {"source": "lease"}}
    wanted.update(access_expires_at=now - timedelta(hours=1), due_at=None, **wish)
    checked.make_due(now)
    until(lambda: len(refreshes(world, ROTATES)) == len(PEOPLE) and _checks(world) > 0, seconds=40)
    return wanted, checked


def _count(world: Sandbox, wanted: "TokenQuerySet", checked: "TokenQuerySet", tally: Tally) -> None:
    from django.utils import timezone

    from accounts import pool
    from tokens.models import Token

    until(lambda: not checked.due(timezone.now()).exists(), seconds=BACK_WITHIN)
    marked = wanted.filter(state=Token.State.DEAD, reason="answer_lost")
    tally.lost += wanted.exclude(state=Token.State.VALID).exclude(pk__in=marked).count()
    tally.lost += checked.exclude(state=Token.State.VALID).count() + checked.due(timezone.now()).count()
    tally.lost += len(pool.differences())
    mails = Counter((mail["to"][0], mail["subject"]) for mail in world.mails())
    tally.doubled += sum(count - 1 for count in mails.values())
    tally.note(f"{marked.count()} log-ins ended because their answer was lost; {mails.total()} mails")


def _alive(host: Host) -> int:
    """Return how many connections PostgreSQL takes for alive that the host's processes hold."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_stat_activity where application_name = %s", [host.name])
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def _checks(world: Sandbox) -> int:
    return len(world.calls(channel=CHECKED, path="debug_token"))


if __name__ == "__main__":
    raise SystemExit(main())
