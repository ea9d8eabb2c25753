"""The whole product, started by its launcher as `make run` does: servers, web, workers, beat, stand-ins, mailbox. Or pages alone."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from devtools.embedded.processes import LOOPBACK, free_port, wait_until
from devtools.launcher import channel_addresses, demo_keys, fetch
from tests.support.processes import Process
from tests.support.sandbox import Sandbox, dying_with_us

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 250  # it takes ten; a busy machine is no failure
COMMAND_SECONDS = 240  # the fleet takes ten; a busy machine is no failure
MAIL_SECONDS = 240  # a busy machine is no failure
GATHERED = "30 seconds"  # macros.at_once.services.GATHER
AGENCY = (
    f"http://{LOOPBACK}:{free_port()}"  # where an agency's own portal is, to which client links may lead back
)
# What the test session set for itself; the product brings its own.
OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FERNET_KEYS", "EMAIL_URL", "BASE_URL")


class RunningSandbox(Sandbox):
    """The stand-in channels that the launcher started."""

    def __init__(self, facts: dict[str, Any]) -> None:
        super().__init__()
        self.base, self.mailbox = facts["sandbox"], facts["mailbox"]
        self.facebook, self.x = f"{self.base}/facebook", f"{self.base}/x"
        self._client = httpx2.Client(timeout=60, trust_env=False, verify=False)

    def close(self) -> None:
        """Let go of the connection; the process is the launcher's."""
        if self._client is not None:
            self._client.close()


class ReadyPython:
    """A Python in this environment that has loaded Django: tests/e2e/ready_python.py."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.ready_python"],
            cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def _kill(self) -> None:
        """End it with the command that it carries out."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def ask(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Have a command run, wait for its end, and return what came of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        late = threading.Timer(COMMAND_SECONDS, self._kill)
        late.start()
        try:
            answer = self._process.stdout.readline()
        finally:
            late.cancel()
        assert answer, f"{command} did not end within {COMMAND_SECONDS} seconds"
        found: dict[str, Any] = json.loads(answer)
        return found

    def close(self) -> None:
        """End it."""
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(10)


@dataclass(frozen=True)
class Served:
    """What serves pages: a web server at `web`, its database, and the environment for commands beside it."""

    var: Path
    facts: dict[str, Any]
    # for the ids of what commands make: each run of one would begin with the same
    beginnings: Iterator[int] = field(default_factory=lambda: count(10_001, 10_000), kw_only=True)

    @property
    def web(self) -> str:
        """The address of AdToken."""
        address: str = self.facts["web"]
        return address

    def environment(self) -> dict[str, str]:
        """The environment of the product's own processes, for commands that run beside them."""
        keys = dict(line.split("=", 1) for line in (self.var / "demo.env").read_text().splitlines())
        return {
            **bare_environment(),
            **keys,
            "DEMO": "1",
            "BASE_URL": self.web,
            "DATABASE_URL": self.facts["database_url"],
            "REDIS_URL": self.facts["redis_url"],
            "SANDBOX_URL": self.facts["sandbox"],
            **channel_addresses(self.facts["sandbox"]),
            "EMAIL_URL": f"smtp://{self.facts['smtp']}",
            "DJANGO_SETTINGS_MODULE": "adtoken_project.settings",
        }

    def run(self, *command: str) -> str:
        """Run Python with these arguments in the product's environment and return what it printed."""
        asked = {"command": command, "environment": {"FACTORIES_BEGIN_AT": str(next(self.beginnings))}}
        answer = self._python.ask(asked)
        assert answer["status"] == 0, f"{command}: {answer['said']}"
        printed: str = answer["printed"]
        return printed

    @cached_property
    def _python(self) -> "ReadyPython":
        return ReadyPython(self.environment())

    def close(self) -> None:
        """End what ran commands."""
        if "_python" in self.__dict__:
            self._python.close()

    def beat_quickly(self) -> None:
        """Have beat send what it sends twice a minute or more often every two seconds, and what it sends each minute every five."""
        with psycopg.connect(self.facts["database_url"]) as connection:
            connection.execute(
                """update django_celery_beat_intervalschedule set every = case when every <= 30 then 2 else 5 end
                   where period = 'seconds' and every <= 60"""
            )
            connection.execute("update django_celery_beat_periodictasks set last_update = now()")

    def finish_todays_evaluation(self) -> None:
        """Let today's scheduled evaluation be over, so that beat starts none in the middle of a story."""
        with psycopg.connect(self.facts["database_url"]) as connection:
            connection.execute(
                """insert into macros_evaluation (on_date, trigger, started_at, finished_at, notice_count, message_count)
                   values ((now() at time zone 'Europe/Berlin')::date, 'schedule', now(), now(), 0, 0) on conflict do nothing"""
            )


@dataclass(frozen=True)
class Product(Served):
    """A running product. `channels` sets the switches of the stand-in channels and reads the mailbox."""

    channels: RunningSandbox
    # of whoever has logged in, by e-mail and the width of the device
    sessions: dict[tuple[str, int], dict[str, str]] = field(default_factory=dict)

    def password(self, email: str) -> str:
        """The password of a demo log-in."""
        found: str = next(one["password"] for one in self.facts["logins"] if one["email"] == email)
        return found

    def manage(self, *command: str) -> str:
        """Run a management command."""
        return self.run("manage.py", *command)

    def mails_to(self, address: str, count: int) -> list[dict[str, Any]]:
        """Wait for `count` mails to the address and until no other waits, demand exactly these and return them, newest first.

        Only test_walk_instant waits as long for them as people do.
        """

        def are_there() -> bool:
            self._hurry(address)
            return not self._waiting(address) and len(self.channels.mails(to=address)) >= count

        assert wait_until(are_there, seconds=MAIL_SECONDS, every=0.3), self._waiting(address)
        found = self.channels.mails(to=address)
        assert len(found) == count, [mail["subject"] for mail in found]
        return found

    def _hurry(self, address: str) -> None:
        """Let what happened have been gathered long enough, and no mail to the address wait for the one before it."""
        with psycopg.connect(self.facts["database_url"], autocommit=True) as connection:
            connection.execute(
                "update accounts_accountnews set due_at = due_at - %s::interval where due_at <= now()",
                [GATHERED],
            )
            connection.execute(
                """update notifications_message set next_attempt_at = now()
                   where state = 'queued' and recipient = %s and next_attempt_at > now()""",
                [address],
            )

    def three_hours_pass(self) -> None:
        """Have what is doubted asked again, as if its first answer was three hours old, and wait until it is decided.

        Mails that left before are as old: what is told now does not wait for their sake.
        """
        with psycopg.connect(self.facts["database_url"], autocommit=True) as connection:
            connection.execute(
                "update tokens_doubt set began_at = began_at - interval '3 hours' where true_at is null"
            )
            connection.execute(
                """update notifications_message set sent_at = sent_at - interval '3 hours',
                   next_attempt_at = next_attempt_at - interval '3 hours' where state = 'sent'"""
            )
            connection.execute("update tokens_token set due_at = now() where look_again_at is not null")
        assert wait_until(self._nothing_is_doubted, seconds=MAIL_SECONDS, every=0.3)

    def _nothing_is_doubted(self) -> bool:
        with psycopg.connect(self.facts["database_url"]) as connection:
            doubted = "select count(*) from tokens_doubt where true_at is null and ended_at is null"
            return connection.execute(doubted).fetchone() == (0,)

    def _waiting(self, address: str) -> list[Any]:
        """Return the messages to an address that wait, and the accounts to which something happened that no message tells yet."""
        with psycopg.connect(self.facts["database_url"]) as connection:
            messages = connection.execute(
                """select kind, state, attempts, error, next_attempt_at - now() from notifications_message
                   where state in ('queued', 'sending') and recipient = %s order by id""",
                [address],
            ).fetchall()
            news = connection.execute(
                "select account_id, due_at from accounts_accountnews where due_at <= now()"
            ).fetchall()
        return [*messages, *news]


def bare_environment() -> dict[str, str]:
    """This process's environment without what the test session set."""
    return {name: value for name, value in os.environ.items() if name not in OURS}


@contextmanager
def launched(var: Path, *, database_url: str = "") -> Iterator[Product]:
    """Start the product on free ports with its data in `var`, and stop it again. Without a database it brings its own."""
    output = var.parent / f"{var.name}.output"
    env = bare_environment() | {"VAR": str(var), "WEB_PORT": "0", "SANDBOX_PORT": "0", "DEMO_FILL": "0"}
    env |= {"ASK_RETURN_ORIGINS": AGENCY}
    env |= {"DATABASE_URL": database_url} if database_url else {}
    command = dying_with_us(sys.executable, "-m", "devtools.launcher")
    with (
        output.open("wb") as file,
        subprocess.Popen(command, cwd=ROOT, env=env, stdout=file, stderr=file) as process,
    ):
        try:
            wait_until(
                lambda: (var / "run.json").exists() or process.poll() is not None, seconds=START_SECONDS
            )
            assert (var / "run.json").exists(), output.read_text()
            facts = json.loads((var / "run.json").read_text())
            with (
                closing(RunningSandbox(facts)) as channels,
                closing(Product(var, facts, channels)) as running,
            ):
                yield running
        finally:
            process.terminate()
            process.wait(timeout=30)


@contextmanager
def pages_alone(var: Path, *, database_url: str, port: int = 0, **more: str) -> Iterator[Served]:
    """Start a web server on a database and nothing else: no worker, clock, channel or mailbox that looking at pages would wait for.

    `more`: of its environment.
    """
    var.mkdir()
    demo_keys(var / "demo.env")
    web = f"http://{LOOPBACK}:{port or free_port()}"
    nowhere = f"{LOOPBACK}:1"
    facts = {"web": web, "database_url": database_url, "redis_url": os.environ["REDIS_URL"]}
    served = Served(var, facts | {"sandbox": f"http://{nowhere}", "smtp": nowhere})
    flags = [f"--bind={web.removeprefix('http://')}", "--workers=1", "--graceful-timeout=3"]
    process = Process(
        ["-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", *flags],
        served.environment() | {"STAFF_SECOND_FACTOR": "0"} | more,
    )
    try:
        process.start().wait_for(lambda: fetch(f"{web}/readyz")[0] == 200)
        with closing(served):
            yield served
    finally:
        process.end()
