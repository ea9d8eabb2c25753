"""Drill: one of six channels answers nothing, while its jobs go on asking, twelve times a second.

    python -m drills.dark_channel                    # 10 minutes with 2 and with 16 web threads, then the naive control
    python -m drills.dark_channel --seconds 60       # shorter

It counts, around it and meanwhile: leases of the other channels and calls through the gate, and how long each took, mails and how long
they waited, how late the other channels' checks were, what /healthz said, and the calls that reached the dark channel. The naive control
is the same without breaker and shares: leases of the others must suffer.
"""

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2

from adtoken_project.workers import lanes
from devtools.embedded.processes import free_port, wait_until
from drills.stage import Tally
from tests.support.sandbox import ROOT, Sandbox

DARK = "pinterest"
HEALTHY = ("facebook", "x", "linkedin", "tiktok", "snapchat")
DARK_JOBS, LEASES, CALLS = 12.0, 10.0, 10.0  # a second
PATIENCE = 60.0  # seconds after which a job gives up
LONGEST_AROUND = 240  # seconds before, and again afterwards: a p99 of fewer leases than some thousands is that of three of them
NOISE = 10  # milliseconds that a p99 differs by from one minute to the next where nothing is dark


@dataclass
class Phase:
    """What was counted in one stretch of time."""

    leases: int = 0
    failed: int = 0
    p50: float = 0.0  # milliseconds
    p99: float = 0.0
    slowest: float = 0.0
    call_p99: float = 0.0  # of calls through the gate
    mails: int = 0
    mail_seconds: float = 0.0  # the longest that one waited
    check_seconds: float = 0.0  # the longest that a check was late
    unwell: list[str] = field(default_factory=list)  # of /healthz
    took: list[float] = field(default_factory=list, repr=False)  # milliseconds, of each lease
    calls: list[float] = field(default_factory=list, repr=False)  # and of each call through the gate


@dataclass
class Result:
    """A drill's stretches, and what the dark channel got."""

    threads: int
    naive: bool
    around: Phase  # before and afterwards
    dark: Phase
    dark_answers: dict[str, int] = field(default_factory=dict)  # status -> how often its jobs heard it
    dark_slowest: float = 0.0  # milliseconds until a job of the dark channel was answered
    dark_calls: int = 0


class BlackHole:
    """Takes connections and says nothing."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.server.getsockname()[1]
        self.taken: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self.taken.append(self.server.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self.server.close()
        for one in self.taken:
            one.close()


def drill(
    *,
    env: dict[str, str],
    sandbox: Sandbox,
    threads: int,
    seconds: float,
    naive: bool = False,
) -> Result:
    """Run it in Django's present database, which `env` names for the processes. `threads`: of the web server, in all."""
    hole = BlackHole()
    with ExitStack() as stack:
        stack.callback(hole.close)
        env = {**env, "PINTEREST_URL": f"http://127.0.0.1:{hole.port}", "DEMO": "1"}
        key, dark = _fill(sandbox)
        web = stack.enter_context(_processes(env, threads=threads, naive=naive))
        load = _Load(web, key, dark)
        around, meanwhile, began_dark = Phase(), Phase(), len(hole.taken)
        quiet = min(seconds / 2, 10 if naive else LONGEST_AROUND)
        _measure(load, around, quiet, with_dark=False)
        _measure(load, meanwhile, seconds, with_dark=True)
        calls = len(hole.taken) - began_dark
        if not naive:
            _measure(load, around, quiet, with_dark=False)
        return Result(threads, naive, around, meanwhile, load.dark_answers, round(load.dark_slowest), calls)


def _fill(sandbox: Sandbox) -> tuple[str, list[tuple[str, str]]]:
    """Link an account at each healthy channel, and make twenty at the dark one whose access has run out. Returns an API key and these."""
    from django.db import transaction
    from django.utils import timezone

    from accounts.api_keys import services as api_keys
    from accounts.models import ApiKey
    from accounts.pool import services as pool
    from tests.support import native
    from tests.support.factories import link, make_account, make_token
    from tokens.models import ChannelApp
    from users.models import Team

    native.set_up_apps(sandbox)
    for channel in HEALTHY:
        native.linked(channel, "ada") if channel == HEALTHY[0] else _also(channel)
    now, app = timezone.now(), ChannelApp.objects.get(channel=DARK)
    accounts = []
    for _ in range(20):
        token = make_token(
            app,
            has_refresh_token=True,
            access_expires_at=now - timedelta(minutes=5),
            dates_source={"access": "provider"},
        )
        account = make_account(DARK)
        link(account, token)
        with transaction.atomic():
            pool.settle(account_ids=[account.pk], cause="linked", now=now)
        accounts.append((DARK, account.native_id))
    return api_keys.issue_key(name="drill", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[
        1
    ], accounts


def _also(channel: str) -> None:
    """Ada links this channel, too."""
    from django.test import Client

    from tests.support import native
    from users.models import User

    client = Client()
    client.force_login(User.objects.get(email="ada@example.com"))
    native.link(client, channel, "ada")


@contextmanager
def _processes(env: dict[str, str], *, threads: int, naive: bool) -> Iterator[str]:
    """Run a web server and a worker. Gives the web server's address."""
    port, web = free_port(), "http://127.0.0.1:{}"
    address = web.format(port)
    workers = 1 if threads <= 2 else 2
    each = str(threads // workers)
    env = {**os.environ, **env, "WEB_THREADS": each}
    application = "drills.naive_web" if naive else "adtoken_project.asgi"
    commands = [
        [
            *(
                sys.executable,
                "-m",
                "gunicorn",
                "-c",
                "deploy/gunicorn.conf.py",
                application,
                f"--bind=127.0.0.1:{port}",
                f"--workers={workers}",
            ),
            *(
                "--timeout=120",
                "--graceful-timeout=3",
            ),
        ]
    ]
    commands += [lanes.command()]
    with Path(env.get("DRILL_LOG", os.devnull)).open("ab") as log:
        running = [subprocess.Popen(one, cwd=ROOT, env=env, stdout=log, stderr=log) for one in commands]
    try:
        ready = wait_until(lambda: _get(f"{address}/healthz")[0] == 200, seconds=120, every=0.5)
        if not ready:
            raise RuntimeError(f"not ready: {_get(f'{address}/healthz')}")
        yield address
    finally:
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _get(address: str) -> tuple[int, str]:
    try:
        answer = httpx2.get(address, timeout=10, trust_env=False)
        return answer.status_code, answer.text
    except httpx2.HTTPError as error:
        return 0, type(error).__name__


class _Load:
    """Jobs that lease: of healthy channels, and of the dark one."""

    def __init__(self, web: str, key: str, dark: list[tuple[str, str]]) -> None:
        from accounts.models import Account

        self.web, self.dark = web, dark
        self.client = httpx2.Client(
            timeout=PATIENCE, trust_env=False, headers={"Authorization": f"Bearer {key}"},
            limits=httpx2.Limits(max_connections=2000, max_keepalive_connections=0),
        )  # fmt: skip
        self.healthy = list(Account.objects.filter(channel__in=HEALTHY).values_list("channel", "native_id"))
        self.took: list[float] = []
        self.calls: list[float] = []
        self.gate, self.credential = self._gate(web, key)
        self.failed = 0
        self.dark_answers: dict[str, int] = {}
        self.dark_slowest = 0.0

    def run(self, rate: float, job: Any, over: threading.Event) -> threading.Thread:
        """Do a job so many times a second, each in a thread of its own, however long the others take.

        At random moments, as jobs come: at even ones, two kinds of jobs would meet always, or never, by how they began.
        """
        chance = random.Random(rate)

        def send() -> None:
            next_at, jobs = time.monotonic(), []
            while not over.wait(max(0.0, next_at - time.monotonic())):
                next_at += chance.expovariate(rate)
                jobs.append(threading.Thread(target=job, daemon=True))
                jobs[-1].start()
            for one in jobs:
                one.join(PATIENCE)

        thread = threading.Thread(target=send)
        thread.start()
        return thread

    def _gate(self, web: str, key: str) -> tuple[str, dict[str, str]]:
        """Return the address of a read through the gate, and the header that permits it."""
        channel, native_id = next(one for one in self.healthy if one[0] == HEALTHY[0])
        asked = f"{web}/api/v1/accounts/{channel}/{native_id}/credential"
        made = self.client.post(asked, json={"purpose": "read"}).raise_for_status().json()
        address = f"{web}/proxy/{channel}/v26.0/act_{native_id.removeprefix('act_')}/campaigns"
        return address, {"Authorization": f"Bearer {made['credential']}"}

    def call(self) -> None:
        """Read a healthy account's campaigns through the gate."""
        began = time.monotonic()
        try:
            status = self.client.get(self.gate, headers=self.credential).status_code
        except httpx2.HTTPError:
            status = 0
        self.calls.append((time.monotonic() - began) * 1000)
        self.failed += status != 200

    def lease(self) -> None:
        """Lease a healthy account."""
        status, took = self._lease(*random.choice(self.healthy))
        self.took.append(took)
        self.failed += status != 200

    def other_lease(self) -> None:
        """Lease a healthy account, without counting it."""
        self._lease(*random.choice(self.healthy))

    def dark_lease(self) -> None:
        """Lease one of the dark channel."""
        status, took = self._lease(*random.choice(self.dark))
        self.dark_answers[str(status)] = self.dark_answers.get(str(status), 0) + 1
        self.dark_slowest = max(self.dark_slowest, took)

    def _lease(self, channel: str, native_id: str) -> tuple[int, float]:
        began = time.monotonic()
        try:
            url = f"{self.web}/api/v1/accounts/{channel}/{native_id}/lease"
            status = self.client.post(url, json={}).status_code
        except httpx2.HTTPError:
            status = 0
        return status, (time.monotonic() - began) * 1000


def _measure(load: _Load, phase: Phase, seconds: float, *, with_dark: bool) -> None:
    load.took, load.calls, load.failed, over = phase.took, phase.calls, 0, threading.Event()
    senders = [load.run(LEASES, load.lease, over), load.run(CALLS + 0.1, load.call, over)]
    if with_dark:
        _have_checked([DARK])
    # Around it, these jobs lease what works: the web server has the same number of requests to answer.
    senders.append(load.run(DARK_JOBS, load.dark_lease if with_dark else load.other_lease, over))
    ends, turn = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        if turn % 5 == 0:
            _ask_for_mail_and_checks()
        _look(load, phase)
        turn += 1
        time.sleep(1)
    over.set()
    for sender in senders:
        sender.join()
    _look(load, phase)
    took, calls = sorted(load.took), sorted(load.calls)
    phase.call_p99 = round(calls[min(len(calls) - 1, int(len(calls) * 0.99))], 1)
    phase.leases, phase.failed = len(took), phase.failed + load.failed
    phase.p50, phase.p99, phase.slowest = (
        round(took[min(len(took) - 1, int(len(took) * part))], 1) for part in (0.5, 0.99, 1)
    )


def _ask_for_mail_and_checks() -> None:
    """Queue a mail, and have each healthy token checked."""
    from django.utils import timezone

    from notifications import outbox
    from portal.start import first_steps

    now = timezone.now()
    outbox.enqueue(
        kind=first_steps.TEST, recipient="ada@example.com", dedupe_key=f"drill:{uuid.uuid4()}", now=now
    )
    _have_checked(HEALTHY)


def _have_checked(channels: Sequence[str]) -> None:
    """Make those tokens due now that do not wait for a check already."""
    from django.db.models import Q
    from django.utils import timezone

    from tokens.models import Token

    now = timezone.now()
    idle = Token.objects.filter(app__channel__in=channels, claimed_until=None)
    idle.filter(Q(due_at=None) | Q(due_at__gt=now)).update(due_at=now)


def _look(load: _Load, phase: Phase) -> None:
    """Note how late what waits is now, and what /healthz says."""
    from django.db.models import F
    from django.utils import timezone

    from notifications.models import Message
    from tokens.models import Token

    now = timezone.now()
    for created, sent in Message.objects.values_list("queued_at", "sent_at"):
        phase.mail_seconds = max(phase.mail_seconds, round(((sent or now) - created).total_seconds(), 1))
    phase.mails = Message.objects.exclude(sent_at=None).count()
    late = Token.objects.filter(app__channel__in=HEALTHY, due_at__lte=now).order_by("due_at")
    for due in late.values_list(F("due_at"), flat=True)[:1]:
        phase.check_seconds = max(phase.check_seconds, round((now - due).total_seconds(), 1))
    status, text = _get(f"{load.web}/healthz")
    if status != 200:
        phase.unwell.append(f"{status} {text[:200]}")


def main() -> int:
    """Run it whole and print what was counted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--threads", type=int, nargs="*", default=[2, 16], help="of the web server")
    parser.add_argument("--no-p99", action="store_true", help="on a busy machine: only tell of the p99")
    options = parser.parse_args()
    tally = Tally("one channel of six answers nothing, its jobs ask 12 times a second")
    for threads in options.threads:
        result = _alone(threads, options.seconds, naive=False)
        tally.tries += result.dark.leases
        tally.lost += result.dark.failed
        tally.seconds = max(tally.seconds, result.dark.mail_seconds, result.dark.check_seconds)
        tally.broken += [f"{threads} threads: {one}" for one in promises(result)]
        (tally.notes if options.no_p99 else tally.broken).extend(
            f"{threads} threads: {one}" for one in p99(result)
        )
    control = _alone(16, min(options.seconds, 60), naive=True).dark
    tally.control = (
        f"{control.leases} leases of others: {control.failed} failed, p99 {control.p99 / 1000:.1f} s"
    )
    tally.control_failed = bool(control.failed) or control.p99 > 2_000
    return tally.tell()


def promises(result: Result) -> list[str]:
    """Return which promises were broken, beside leases of others that failed."""
    dark = result.dark
    found = []
    if dark.mail_seconds > 10:
        found.append(f"a mail waited {dark.mail_seconds} s")
    if dark.check_seconds > 60:
        found.append(f"a check of another channel was {dark.check_seconds} s late")
    if dark.unwell:
        found.append(f"/healthz: {dark.unwell[0]}")
    return found


def p99(result: Result) -> list[str]:
    """Return how far the p99 of others' leases and calls went, where that is more than a fifth and more than noise."""
    return [
        f"p99 of others' {what} went from {around} to {dark} ms"
        for what, around, dark in (
            ("leases", result.around.p99, result.dark.p99),
            ("calls through the gate", result.around.call_p99, result.dark.call_p99),
        )
        if dark > max(1.2 * around, around + NOISE)
    ]


def _alone(threads: int, seconds: float, *, naive: bool) -> Result:
    """Run one drill in a process of its own, with servers of its own, and print its figures."""
    code = f"from drills import dark_channel as one; one.run({threads}, {seconds}, naive={naive})"
    command = [sys.executable, "-m", "tests.support.with_servers", sys.executable, "-c", code]
    said = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.splitlines()[-1]
    sys.stderr.write(said + "\n")
    facts = json.loads(said)
    return Result(**{**facts, "around": Phase(**facts["around"]), "dark": Phase(**facts["dark"])})


def run(threads: int, seconds: float, *, naive: bool) -> None:
    """Run one drill beside the environment's servers and print its figures in one line of JSON."""
    with Sandbox() as sandbox:
        env = {f"{channel.upper()}_URL": getattr(sandbox, channel) for channel in (*HEALTHY, DARK)}
        env |= {
            "EMAIL_URL": f"smtp://{sandbox.smtp_host}:{sandbox.smtp_port}",
            "DEMO": "1",
            "STAFF_SECOND_FACTOR": "0",
        }
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "adtoken_project.settings",
            "BASE_URL": "http://127.0.0.1",
            **env,
        }
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, check=True)
        import django

        django.setup()
        from django.conf import settings

        settings.ALLOWED_HOSTS.append("testserver")  # of Django's test client, which links
        result = drill(env=env, sandbox=sandbox, threads=threads, seconds=seconds, naive=naive)
        facts = asdict(result)
        for phase in ("around", "dark"):
            del facts[phase]["took"], facts[phase]["calls"]
        sys.stdout.write(json.dumps(facts) + "\n")


if __name__ == "__main__":
    sys.exit(main())
