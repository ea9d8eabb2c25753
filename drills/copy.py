"""Drill: a copy of the database is started beside the original, with all its processes, while jobs ask it for leases.

    python -m drills.copy                 # 25 seconds of the copy, then `release --copy`, then the naive control

The copy may call no channel, send no mail and hand nothing out; released as a copy it holds no credentials; and the original goes
on as if nothing had happened. Lost counts what the original cannot serve afterwards, doubled what the copy called, mailed and handed out.
The naive control is a copy that is not on hold, as the original is not: it spends the log-ins and sends the mails a second time.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psycopg

from adtoken_project.workers import lanes
from devtools.embedded.processes import LOOPBACK, free_port
from devtools.launcher import fetch
from drills.stage import Tally, people, stage, until
from tests.support.processes import Process, environment
from tests.support.sandbox import Sandbox

CHANNELS = ("snapchat", "linkedin", "facebook")
ROTATED = "snapchat"  # its refresh token is good once
PEOPLE = ("ada", "ben")
MAILS = 10
SECONDS = 25.0  # longer than the slowest interval of beat that calls a channel or mails
COPY, CONTROL = "adtoken_copy", "adtoken_copy_without_hold"


@dataclass
class Copy:
    """A database beside the original's, and the processes on it."""

    world: Sandbox
    name: str
    valkey: int  # the number of its database there: a queue of its own
    said: Counter[int] = field(default_factory=Counter)  # status -> how often a job heard it
    web: str = ""

    def make(self) -> None:
        """Copy the original's database as PostgreSQL copies one."""
        from django.db import connection

        original = connection.settings_dict["NAME"]
        connection.close()
        pooled: Any = connection
        pooled.close_pool()  # PostgreSQL copies no database that somebody uses
        with psycopg.connect(_address("template1"), autocommit=True) as server:
            server.execute(f'create database "{self.name}" template "{original}"')

    def query(self, statement: str) -> Any:
        """Return the one value that a statement gives in the copy."""
        with psycopg.connect(_address(self.name), autocommit=True) as database:
            found = database.execute(statement)
            return found.fetchone()[0] if found.description else None  # type: ignore[index]  # one row is what we ask for

    def environment(self) -> dict[str, str]:
        """The original's settings, but for where database and queue are."""
        base = os.environ["REDIS_URL"].rpartition("/")[0]
        return environment(self.world, DATABASE_URL=_address(self.name), REDIS_URL=f"{base}/{self.valkey}")

    def manage(self, *command: str) -> str:
        """Run a command of the copy to its end."""
        process = Process(["manage.py", *command], self.environment()).start()
        until(lambda: not process.is_running, seconds=60)
        return "".join(process.said)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run its web server and a worker, until each has said that it lives."""
        port = free_port()
        self.web = f"http://{LOOPBACK}:{port}"
        flags = [f"--bind={LOOPBACK}:{port}", "--workers=1", "--graceful-timeout=3"]
        web = ["-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", *flags]
        commands = [web, lanes.command()[1:]]
        self.query("truncate adtoken_project_backgroundprocess")
        with ExitStack() as stack:
            for command in commands:
                stack.callback(Process(command, self.environment()).start().end)
            living = "select count(*) from adtoken_project_backgroundprocess"
            until(
                lambda: fetch(f"{self.web}/readyz")[0] == 200 and self.query(living) == len(commands) - 1,
                seconds=90,
            )
            yield

    def ask(self, key: str, accounts: Sequence[tuple[str, str]], *, seconds: float) -> None:
        """Have jobs ask for leases, two a second."""
        ends = time.monotonic() + seconds
        with httpx2.Client(timeout=30, trust_env=False, headers={"Authorization": f"Bearer {key}"}) as job:
            while time.monotonic() < ends:
                for channel, native_id in accounts:
                    answer = job.post(f"{self.web}/api/v1/accounts/{channel}/{native_id}/lease", json={})
                    self.said[answer.status_code] += 1
                time.sleep(0.5)

    def drop(self) -> None:
        """Remove it."""
        with psycopg.connect(_address("template1"), autocommit=True) as server:
            server.execute(f'drop database if exists "{self.name}" with (force)')


def _address(name: str) -> str:
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


@dataclass
class Acts:
    """What a copy did."""

    calls: int
    refreshes: int
    mails: int
    leases: int

    @property
    def all(self) -> int:
        """Everything that a copy must not do."""
        return self.calls + self.mails + self.leases

    def __str__(self) -> str:
        return f"{self.calls} calls ({self.refreshes} refreshes), {self.mails} mails, {self.leases} leases"


def acts_of(copy: Copy, work: Callable[[], object]) -> Acts:
    """Count what a copy does meanwhile, while nothing of the original runs."""
    copy.world.clear_calls()
    copy.world.delete_mails()
    copy.said.clear()
    work()
    calls = copy.world.calls()
    refreshes = sum(call["form"].get("grant_type") == "refresh_token" for call in calls)
    return Acts(len(calls), refreshes, len(copy.world.mails()), copy.said[200])


def fill(world: Sandbox) -> tuple[str, list[tuple[str, str]]]:
    """Link log-ins, all of them due, and have mails wait. Returns an API key and the accounts."""
    from accounts.api_keys import services as api_keys
    from accounts.models import Account, ApiKey
    from users.installation import hold
    from users.models import Team

    world.put_app(ROTATED, settings={"rotate": True})
    for channel in CHANNELS:
        people(channel, *PEOPLE)
    make_due()
    hold.forget()
    assert hold.current() is None  # the original is bound now
    key = api_keys.issue_key(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    return key, list(Account.objects.values_list("channel", "native_id"))


def make_due() -> None:
    """Have every log-in due for a check, and every renewal; write mails."""
    from django.utils import timezone

    from notifications import outbox
    from portal.start import first_steps
    from tokens.models import Token

    now = timezone.now()
    Token.objects.update(due_at=now)
    Token.objects.filter(app__channel=ROTATED).update(
        access_expires_at=now - timedelta(hours=1), dates_source={"access": "provider"}
    )
    for number in range(MAILS):
        outbox.enqueue(
            kind=first_steps.TEST,
            recipient=f"p{number}@example.com",
            dedupe_key=f"drill:{now}:{number}",
            now=now,
        )


def original_works(world: Sandbox, key: str, accounts: Sequence[tuple[str, str]]) -> tuple[int, int, int]:
    """Let the original do what is due. Returns its mails, the leases that it gives, and its log-ins that work."""
    from django.test import Client
    from django.utils import timezone

    from accounts.checks import services as sweeps
    from notifications.delivery import services as delivery
    from tokens.checks import services as refreshing
    from tokens.models import Token

    world.delete_mails()
    with refreshing.refreshes_made_here():
        while sweeps.check_due_tokens(now=timezone.now()):
            pass
    delivery.deliver()
    job = Client(headers={"authorization": f"Bearer {key}"})
    paths = [f"/api/v1/accounts/{channel}/{native_id}/lease" for channel, native_id in accounts]
    served = sum(job.post(path, {}, content_type="application/json").status_code == 200 for path in paths)
    return len(world.mails()), served, Token.objects.filter(state=Token.State.VALID).count()


def main() -> int:
    """Copy, count, release, and go on with the original; then the control."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=SECONDS)
    seconds = parser.parse_args().seconds
    tally = Tally("a copy is started beside the original")
    with stage() as world, ExitStack() as stack:
        from django.conf import settings

        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = world.smtp_host, world.smtp_port
        key, accounts = fill(world)
        copy, control = Copy(world, COPY, 5), Copy(world, CONTROL, 6)
        stack.callback(copy.drop)
        stack.callback(control.drop)
        copy.make()
        _on_hold(copy, tally, key, accounts, seconds)
        _released(copy, tally, key, accounts, seconds / 2)
        _original(world, tally, key, accounts)
        make_due()
        control.make()
        _control(control, tally, key, accounts, seconds)
    return tally.tell()


def _on_hold(copy: Copy, tally: Tally, key: str, accounts: Sequence[tuple[str, str]], seconds: float) -> None:
    def work() -> None:
        with copy.running():
            copy.ask(key, accounts, seconds=seconds)
            status = fetch(f"{copy.web}/healthz")[0]
            tally.note(f"the copy's jobs heard {dict(copy.said)}, its /healthz says {status}")

    acts = acts_of(copy, work)
    tally.tries += sum(copy.said.values())
    tally.doubled += acts.all
    if not copy.said[503]:
        tally.broken.append("no job was told that the copy is on hold: this shows nothing")
    tally.note(f"on hold, {seconds:.0f} s with all its processes: {acts}")


def _released(
    copy: Copy, tally: Tally, key: str, accounts: Sequence[tuple[str, str]], seconds: float
) -> None:
    def work() -> None:
        said.append(copy.manage("release", "--copy", "--no-input"))
        with copy.running():
            copy.ask(key, accounts, seconds=seconds)

    said: list[str] = []
    acts = acts_of(copy, work)
    left = copy.query("select count(*) from tokens_token where credentials is not null")
    secrets = copy.query("select count(*) from tokens_channelapp where secrets is not null")
    waiting = copy.query(
        "select count(*) from notifications_message where state not in ('cancelled', 'sent', 'failed')"
    )
    tally.doubled += acts.all + left + secrets + waiting
    if "copy" not in said[0].lower():
        tally.broken.append(f"release --copy said: {said[0][-300:]}")
    tally.note(
        f"released as a copy, {seconds:.0f} s: {acts}; left are credentials of {left} log-ins, secrets of {secrets} apps, {waiting} mails"
    )


def _original(world: Sandbox, tally: Tally, key: str, accounts: Sequence[tuple[str, str]]) -> None:
    mails, served, alive = original_works(world, key, accounts)
    wanted = len(CHANNELS) * len(PEOPLE)
    tally.tries += MAILS + len(accounts) + wanted
    tally.lost += max(0, MAILS - mails) + len(accounts) - served + wanted - alive
    tally.doubled += max(0, mails - MAILS)
    tally.note(
        f"the original afterwards: {mails} of {MAILS} mails, {served} of {len(accounts)} leases, {alive} of {wanted} log-ins"
    )


def _control(copy: Copy, tally: Tally, key: str, accounts: Sequence[tuple[str, str]], seconds: float) -> None:
    """A copy that takes itself for the original: its row says nothing of where it belongs."""

    def work() -> None:
        with copy.running():
            copy.ask(key, accounts, seconds=seconds)

    copy.query("delete from users_installation")
    acts = acts_of(copy, work)
    copied = acts.mails
    mails, _, alive = original_works(copy.world, key, accounts)
    wanted = len(CHANNELS) * len(PEOPLE)
    tally.control = (
        f"without a hold: {acts}; the original sends {mails} mails, {min(mails, copied)} of them a second time,"
        f" and has {wanted - alive} of {wanted} log-ins left that do not work"
    )
    tally.control_failed = acts.calls > 0 and copied > 0 and mails > 0


if __name__ == "__main__":
    sys.exit(main())
