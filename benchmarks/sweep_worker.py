"""`python -m benchmarks.sweep_worker KIND`: one worker process that checks, or renews, what is due for some seconds.

Prints one JSON line: tokens, seconds, CPU seconds of this process, SQL statements.
"""

import argparse
import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.db import connections
from django.db.backends.signals import connection_created
from django.utils import timezone

KINDS = ("probe", "refresh", "all")
TICK = 5  # seconds: as often as beat asks for a sweep


class Statements:
    """Counts the SQL statements of all connections. BEGIN and COMMIT are none of them."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()
        connection_created.connect(self._watch)

    def _watch(self, connection: Any, **_kwargs: Any) -> None:
        if self._counted not in connection.execute_wrappers:
            connection.execute_wrappers.append(self._counted)

    def _counted(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        with self._lock:
            self.count += 1
        return execute(*arguments)


def probe(seconds: float) -> int:
    """Check what is due, as the worker's task does. Returns how many tokens."""
    from accounts.checks import services as channel_sweep

    until = time.monotonic() + seconds
    begun = channel_sweep.run_sweep(channel="facebook", goes_on=lambda: time.monotonic() < until)
    return begun or 0


def check_all(_seconds: float) -> int:
    """Check all that is due, turn by turn, as often as beat asks for one. Returns how many tokens."""
    from accounts.checks import services as channel_sweep

    began, done = time.monotonic(), 0
    while begun := channel_sweep.run_sweep(channel="facebook"):
        done += begun
        if not channel_sweep.channels_waiting(timezone.now()):
            break
        time.sleep(TICK - (time.monotonic() - began) % TICK)
    return done


def refresh(seconds: float) -> int:
    """Renew what is due, as `manage.py worker refreshes` does. Returns how many tokens."""
    from tokens.checks.refresh_lane import RefreshLane
    from tokens.models import Token

    before = Token.objects.filter(renewed_at__isnull=False).count()
    lane = RefreshLane()
    threading.Timer(seconds, lane.stop).start()
    lane.run()
    return Token.objects.filter(renewed_at__isnull=False).count() - before


def bare(kind: str, seconds: float, threads: int) -> int:
    """Make the calls alone, in as many threads, which keep nothing and need no database. Returns how many tokens."""
    from benchmarks.graph_standin import TOKEN
    from tokens.channels.addresses import configured

    address = urlsplit(configured("FACEBOOK_GRAPH_URL"))
    until, numbers = time.monotonic() + seconds, itertools.count()

    def work(_thread: int) -> int:
        connection = http.client.HTTPConnection(str(address.hostname), address.port)
        done = 0
        while time.monotonic() < until:
            number = next(numbers)
            accounts = [f"act_{number}"] * (1 + number % 2)
            for path in ["access_token", "debug_token"] if kind == "refresh" else ["debug_token", *accounts]:
                connection.request("GET", f"/v1/{path}", headers={"Authorization": f"Bearer {TOKEN}"})
                json.loads(connection.getresponse().read())
            done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(work, range(threads)))


def main() -> None:
    """Run once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS, help="all: check until nothing is due, however long it takes")
    parser.add_argument("--graph", required=True, help="address of the stand-in")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--bare", type=int, default=0, metavar="THREADS", help="only the calls")
    options = parser.parse_args()
    django.setup()
    settings.FACEBOOK_GRAPH_URL = options.graph  # a real installation refuses to start with such an address
    statements = Statements()
    connections["default"].ensure_connection()  # nothing of the start is measured
    began, cpu, statements.count = time.monotonic(), time.process_time(), 0
    if options.bare:
        tokens = bare(options.kind, options.seconds, options.bare)
    else:
        tokens = {"probe": probe, "refresh": refresh, "all": check_all}[options.kind](options.seconds)
    found = {
        "tokens": tokens,
        "seconds": time.monotonic() - began,
        "cpu_seconds": time.process_time() - cpu,
        "statements": statements.count,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
