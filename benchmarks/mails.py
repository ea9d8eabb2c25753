"""Mails out of the outbox: real warnings of macros, over SMTP to a server that takes its time, and what the largest of them costs."""

import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

from django.db import connection
from django.db.models import Count, F, Max
from django.test.utils import CaptureQueriesContext, override_settings

from accounts.models import Account
from benchmarks.environment import Environment
from benchmarks.mail_sender import OWN, Window
from benchmarks.measure import Contender, Figures, Section, interleave
from benchmarks.parts import Run
from macros.models import Evaluation, Macro, MacroAction, Notice
from macros.notices.models import WARNING
from macros.warnings import mails as warning_mails
from macros.warnings.services import evaluate
from notifications.delivery import services as delivery
from notifications.models import Message
from users.models import User

FEW, MANY = 20, 4_000  # accounts of one mail
READER = "boss@example.com"
WAITS = 4  # answers that one mail waits for: to MAIL, RCPT, DATA, and to its body
WARM_UP = 16  # answers: a connection is opened and a mail gets through
Process = subprocess.Popen[str]


@dataclass(frozen=True)
class Server:
    """A mail server: seconds before each answer, and how many processes send."""

    delay: float
    processes: int = 1

    @property
    def name(self) -> str:
        """How the table calls it."""
        each = f", {self.processes} processes" if self.processes > 1 else ""
        return f"{self.delay * 1000:.0f} ms an answer{each}"

    @property
    def limit(self) -> float | None:
        """Mails a second that the waits alone allow."""
        return self.processes / (WAITS * self.delay) if self.delay else None

    @property
    def warm_up(self) -> float:
        """Seconds until each process has sent a mail."""
        return WARM_UP * self.delay + 1


SERVERS = (Server(0), Server(0.005), Server(0.005, processes=2), Server(0.2))
# Rounds of less than a second measure nothing: they show that it runs, by one server of each kind.
SHORT = (SERVERS[1], SERVERS[3])


def measure(run: Run) -> list[Section]:
    """Return the section. The data must be filled; an evaluation is run, and its mails are sent again in each round."""
    servers = SERVERS if run.seconds >= 1 else SHORT
    section = Section(f"Mails, {run.accounts:,} accounts, {run.rounds} rounds of {run.seconds:g} s")
    Evaluation.objects.all().delete()  # with what its days have told already
    Message.objects.all().delete()
    evaluate(now=run.now)
    _make()  # what is loaded once is loaded
    contenders: dict[str, Contender] = {
        server.name: lambda server=server: _send(server, run.environment, run.seconds)  # type: ignore[misc]
        for server in servers
    }
    contenders["  making a mail, without sending"] = _make
    section.results = interleave(contenders, rounds=run.rounds)
    for server in servers:
        if server.limit:
            section.results[server.name]["limit: processes / (answers waited for x delay)"] = [server.limit]
    section.results |= _largest(min(MANY, run.accounts), run.now)
    return [section]


def _send(server: Server, environment: Environment, seconds: float) -> Figures:
    """Send what waits for some seconds, once each process has sent one. Returns mails a second, and CPU of each part."""
    _queue_again()
    seconds = max(seconds, 1)
    with _running(server, seconds) as (smtp, others):
        watched = {"SMTP stand-in's": smtp.pid}
        if environment.postgres_pid:
            watched["PostgreSQL's"] = environment.postgres_pid
        window = Window(time.time(), server.warm_up, seconds, watched)
        for other in others:
            _pipe(other.stdin).write(f"{window.began}\n")
            _pipe(other.stdin).flush()
        tally = delivery.deliver(goes_on=window.goes_on)
        sent, took = _sent(window.begins, window.ends)
        used = window.used(whole=not sent)
        used[OWN] += sum(float(_pipe(other.stdout).readline()) for other in others)
    assert not tally.failed + tally.retried
    if not sent:  # a small world has few mails, which left before
        sent, took = _sent(window.began, window.ends)
    cpu = {f"{name}, milliseconds/mail": value * 1000 / sent for name, value in used.items()}
    return {"mails/s": sent / took} | cpu


def _sent(begins: float, ends: float) -> tuple[int, float]:
    """Return how many mails left between these times (seconds since 1970), and after how many seconds there were no more."""
    first, until = (datetime.fromtimestamp(moment, UTC) for moment in (begins, ends))
    left = Message.objects.filter(sent_at__gte=first, sent_at__lt=until)
    found = left.aggregate(count=Count("pk"), last=Max("sent_at"))
    waits = Message.objects.filter(state__in=[Message.State.QUEUED, Message.State.SENDING]).exists()
    over = found["last"] if found["last"] and not waits else until
    return found["count"], (over - first).total_seconds()


@contextmanager
def _running(server: Server, seconds: float) -> Iterator[tuple[Process, list[Process]]]:
    """Run the mail server, and the processes that send beside this one, which wait for the word to begin."""
    with ExitStack() as stack:
        words = [
            "benchmarks.mail_server",
            str(server.delay),
        ]
        smtp = _start(stack, words, {})
        port = int(_pipe(smtp.stdout).readline())
        address = {"EMAIL_URL": f"smtp://127.0.0.1:{port}"}
        words = ["benchmarks.mail_sender", str(server.warm_up), str(seconds)]
        others = [_start(stack, words, address) for _ in range(server.processes - 1)]
        for other in others:
            assert _pipe(other.stdout).readline() == "ready\n"
        with override_settings(EMAIL_HOST="127.0.0.1", EMAIL_PORT=port):
            yield smtp, others


def _start(stack: ExitStack, words: list[str], settings: dict[str, str]) -> Process:
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | settings,
    )  # fmt: skip
    stack.enter_context(process)
    stack.callback(_pipe(process.stdin).close)  # which ends the server
    return process


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe
    return pipe


def _queue_again() -> None:
    Message.objects.update(
        state=Message.State.QUEUED, failures=0, lost_claims=0, attempts=0, next_attempt_at=F("created_at")
    )
    Notice.objects.update(outcome=Notice.Outcome.WAITING, outcome_reason="")


def _make() -> Figures:
    """Make the mails of some messages, as delivery does before it sends them."""
    _queue_again()
    some = list(Message.objects.order_by("pk")[:50])
    warning_mails.build_mail(some[0])
    with CaptureQueriesContext(connection) as queries:
        warning_mails.build_mail(some[1])
    began = time.process_time()
    for message in some:
        warning_mails.build_mail(message)
    return {
        "CPU, milliseconds/mail": (time.process_time() - began) * 1000 / len(some),
        "SQL statements/mail": len(queries),
    }


def _largest(many: int, now: datetime) -> dict[str, dict[str, list[float]]]:
    """Make one mail about few accounts and one about very many."""
    found = {}
    User.objects.get_or_create(email=READER)  # a person gets one mail, whatever the teams
    for count in (min(FEW, many), many):
        message = _mail_about(count, now)
        warning_mails.build_mail(message)  # what is loaded once is loaded
        began = time.process_time()
        mail = warning_mails.build_mail(message)
        cpu = time.process_time() - began
        tracemalloc.start()
        warning_mails.build_mail(message)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        found[f"a mail about {count:,} accounts"] = {
            "CPU, milliseconds/mail": [cpu * 1000],
            "memory at most, MiB": [peak / 2**20],
            "HTML, KiB": [len(mail.html) / 1024],
        }
    return found


def _mail_about(count: int, now: datetime) -> Message:
    """Return a message of a macro on so many accounts, each of which it names."""
    macro = Macro.objects.create(name=f"All {count}", scope=Macro.AppliesTo.ALL)
    action = MacroAction.objects.create(macro=macro, emails=[READER], notify_consenters=False, days=[90])
    evaluation = Evaluation.objects.create(
        trigger=Evaluation.Trigger.HAND, on_date=now.date(), started_at=now
    )
    message = Message.objects.create(kind=WARNING, recipient=READER, dedupe_key=f"benchmark:{count}")
    Notice.objects.bulk_create(
        Notice(
            evaluation=evaluation,
            message=message,
            action=action,
            account=account,
            team_id=account.team_id,
            cycle=account.cycle,
            threshold=90,
            recipient=READER,
            deadline=account.deadline,
        )
        for account in Account.objects.order_by("pk")[:count]
    )
    return message
