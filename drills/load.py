"""What goes on while a drill does its harm: jobs that lease and report, people, renewals, mails. Each says what it was answered."""

import os
import smtplib
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from typing import Any

import httpx2

from adtoken_project.workers import lanes
from drills.stage import Tally, until
from tests.support.processes import Process, environment
from tests.support.sandbox import Sandbox


@dataclass(frozen=True)
class Said:
    """One answer of the web server: what for, its status (0: none), and from when to when (monotonic)."""

    what: str
    status: int
    began: float
    ended: float


@dataclass
class Load:
    """Jobs that go on side by side until `over`."""

    web: str
    key: str
    said: list[Said] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)  # of the load itself

    def __post_init__(self) -> None:
        self.client = httpx2.Client(
            timeout=60,
            trust_env=False,
            headers={"Authorization": f"Bearer {self.key}"},
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    def ask(self, what: str, method: str, path: str, **how: Any) -> httpx2.Response | None:
        """Ask the web server and note its answer."""
        began = time.monotonic()
        try:
            answer = self.client.request(method, f"{self.web}{path}", **how)
        except httpx2.HTTPError as error:
            self.faults.append(f"{what}: {type(error).__name__}")
            answer = None
        self.said.append(Said(what, answer.status_code if answer else 0, began, time.monotonic()))
        return answer

    def every(self, seconds: float, job: Callable[[], object]) -> None:
        """Do a job again and again, each after so many seconds, in a thread of its own."""

        def go_on() -> None:
            from django.db import DatabaseError, connection

            while not self.over.wait(seconds):
                try:
                    job()
                except DatabaseError:
                    pass  # nothing was acknowledged
                except Exception as error:  # noqa: BLE001  # the load goes on; the drill tells of it
                    self.faults.append(f"{type(error).__name__}: {error}"[:300])
                finally:
                    connection.close()

        self.threads.append(threading.Thread(target=go_on, daemon=True))
        self.threads[-1].start()

    def stop(self) -> None:
        """End all jobs."""
        self.over.set()
        for thread in self.threads:
            thread.join(90)

    def statuses(self, what: str = "") -> dict[int, int]:
        """Return how often each status was answered."""
        return dict(sorted(Counter(one.status for one in self.said if what in one.what).items()))


def issue_key() -> str:
    """Return an API key that may do everything."""
    from accounts.api_keys import services as api_keys
    from accounts.models import ApiKey
    from users.models import Team

    return api_keys.issue_key(name="drill", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]


@contextmanager
def workers(
    world: Sandbox, *names: str, hosts: Mapping[str, float] | None = None, **more: str
) -> Iterator[dict[str, Process]]:
    """Run a worker process of each name, a lane's or "all". Gives them by name, once each has given a sign of life.

    `hosts`: run all that on each of these, whose clocks are ahead by so many seconds (see `moved`).
    """
    from adtoken_project.models import BackgroundProcess

    before = list(BackgroundProcess.objects.values_list("pk", flat=True))
    started: dict[str, Process] = {}
    moved = {host: ["-m", "drills.moved", host, f"{wrong:g}"] for host, wrong in (hosts or {}).items()}
    with ExitStack() as stack:
        for host, how in moved.items() or [("", [])]:
            on = f" on {host}" if host else ""
            for number, name in enumerate(names):
                command = [*how, *lanes.command(name)[1:]]
                started[f"{name} {number}{on}"] = Process(command, environment(world, **more))
        for process in started.values():
            process.start()
            stack.callback(process.end)
        stack.callback(_tell_to_stop, started)  # all at once: each needs a second or two
        wanted = Counter([lane for name in names for lane in lanes.lanes_of(name)] * (len(moved) or 1))

        def ready() -> bool:
            signs = BackgroundProcess.objects.exclude(pk__in=before).values_list("parts", flat=True)
            found = Counter(part for parts in signs for part in parts)
            return all(found[part] >= count for part, count in wanted.items())

        until(ready, seconds=120)
        assert ready(), "".join(line for process in started.values() for line in process.said[-10:])
        yield started


def _tell_to_stop(processes: dict[str, Process]) -> None:
    for process in processes.values():
        if process.is_running:
            process.tell_to_stop()


@dataclass
class Mails:
    """Mails that were put into the outbox, each to an address of its own."""

    prefix: str = "m"
    written: list[str] = field(default_factory=list)
    _number: int = 0

    def write(self) -> None:
        """Write one; it is acknowledged once this returns."""
        from django.utils import timezone

        from notifications import outbox
        from portal.start import first_steps

        self._number += 1
        address = f"{self.prefix}{self._number}@example.com"
        outbox.enqueue(
            kind=first_steps.TEST, recipient=address, dedupe_key=f"drill:{address}", now=timezone.now()
        )
        self.written.append(address)

    def count(self, world: Sandbox, tally: Tally) -> None:
        """Count at the mailbox."""
        found = received(world)
        lost = [address for address in self.written if not found[address]]
        twice = {address: found[address] for address in self.written if found[address] > 1}
        tally.tries += len(self.written)
        tally.lost += len(lost)
        tally.doubled += sum(twice.values()) - len(twice)
        tally.note(f"{len(self.written)} mails, {len(lost)} lost, {len(twice)} came more than once")


# By which call each channel is asked about a log-in, once for a check; Facebook once more for the ad accounts.
QUESTION = {
    "facebook": "debug_token",
    "snapchat": "/me$",
    "linkedin": "introspectToken",
    "pinterest": "user_account$",
    "tiktok": "user/info",
    "x": "verify_credentials",
}


@dataclass
class Checks:
    """Checks that were made due."""

    asked_for: int = 0
    since: datetime | None = None  # when the last ones were made due

    def make_due(self) -> None:
        """Make all log-ins due that are real at the stand-ins and not due already."""
        from django.db import connection
        from django.utils import timezone

        from tokens.models import Token

        self.since = now = timezone.now()
        idle = Token.objects.filter(claimed_until=None, due_at__gt=now)
        self.asked_for += idle.update(due_at=now, due_for=Token.DueFor.PROBE)
        connection.close()

    def waiting(self) -> bool:
        """Return whether a log-in is due, being checked or being renewed."""
        from django.db.models import Q
        from django.utils import timezone

        from tokens.models import Token

        busy = Q(claimed_until__isnull=False) | Q(refresh_wanted_at__isnull=False)
        return Token.objects.filter(busy | Q(due_at__lte=timezone.now())).exists()

    def count(self, world: Sandbox, tally: Tally) -> None:
        """Count at the stand-ins how often they were asked about a log-in, since their logs were cleared."""
        from tokens.models import Token

        each = {channel: len(world.calls(channel=channel, path=path)) for channel, path in QUESTION.items()}
        each["facebook"] //= 2
        made = sum(each.values())
        tally.tries += self.asked_for
        # A renewal is a check, too, and the channel is not asked once more then: what counts is that none was left out.
        left_out = Token.objects.filter(due_at__isnull=False, last_checked_at__lt=self.since).count()
        tally.lost += left_out
        tally.doubled += max(0, made - self.asked_for)
        tally.note(
            f"{self.asked_for} checks were due, {made} questions were asked: {each}; {left_out} left out"
        )


def until_done(checks: Checks, *, seconds: float) -> float:
    """Wait until all mails, checks and renewals are done; returns the seconds that it took.

    A renewal has the ad accounts read after it is done, so one look is not enough.
    """
    took = until(lambda: not mails_wait() and not checks.waiting(), seconds=seconds)
    time.sleep(1)
    if mails_wait() or checks.waiting():
        took += 1 + until(lambda: not mails_wait() and not checks.waiting(), seconds=seconds)
    return took


def received(world: Sandbox) -> Counter[str]:
    """Return address -> mails that came."""
    return Counter(address for mail in world.mails() for address in mail["to"])


def mails_wait() -> bool:
    """Return whether a mail in the outbox waits or is being sent."""
    from notifications.models import Message

    return Message.objects.filter(state__in=[Message.State.QUEUED, Message.State.SENDING]).exists()


def send_at_once(world: Sandbox, address: str) -> None:
    """Hand a mail to the mail server, as a naive sender does."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "naive@example.com", address, "naive"
    with smtplib.SMTP(world.smtp_host, world.smtp_port, timeout=10) as server:
        server.send_message(mail)


def still_running(processes: dict[str, Process], tally: Tally) -> None:
    """Name each process that ended although nobody told it to."""
    for name, process in processes.items():
        if not process.is_running:
            sys.stderr.write("".join(process.said[-60:]))
            tally.broken.append(f"{name} ended: {''.join(process.said[-1:])}")


def own_pool(size: int) -> None:
    """Let each job of this process hold a connection. To be called before Django is set up."""
    os.environ["DATABASE_POOL"] = str(size)
