"""The sweeps: one worker process checks or renews log-ins at a channel that answers after 200 ms, beside threads that only call."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from accounts.checks import services as channel_sweep
from accounts.models import Account, AccountToken
from adtoken_project.workers import lanes
from benchmarks import data, graph_standin
from benchmarks.environment import Environment
from benchmarks.measure import Contender, Figures, Section, interleave, tree_cpu
from benchmarks.parts import Run
from devtools.launcher import PROJECT
from tokens.checks import refresh_lane
from tokens.models import ChannelApp, Token
from tokens.vault import services as vault
from users.models import Team

DELAY = 0.2  # seconds, of each answer
SHORTEST = 8.0  # seconds of a round: threads begin and end in one
DUE = 12_000  # log-ins at most that a round may find due

_TOKENS = """
update tokens_token set due_at = %(now)s, due_for = %(due_for)s, linked_at = %(linked)s,
  scopes = %(scopes)s, dates_source = %(sources)s, access_expires_at = %(ends)s, data_access_expires_at = %(ends)s,
  deadline = %(ends)s, deadline_kind = %(kind)s, deadline_clock = %(clock)s,
  renewed_at = null, renewal_tried_at = null, claimed_until = null, refresh_wanted_at = null, refresh_began_at = null
"""
_ACCOUNTS = """
update accounts_account set name = 'Account ' || native_id, currency = %(currency)s, time_zone = %(zone)s, native_status = %(status)s,
  deadline = %(ends)s, deadline_kind = %(kind)s
"""
_ENTRIES = "update accounts_accounttoken set role = %(role)s, can_publish = %(can_publish)s"
_HISTORY = "truncate tokens_tokenevent, accounts_accountevent, accounts_channelsweep cascade"
_SOURCES = json.dumps({"access": "introspection", "data_access": "introspection"})
# What the stand-in tells, as it is stored, and what is stored before the channel was asked for the first time.
_KNOWN = {
    "scopes": json.dumps(graph_standin.SCOPES), "sources": _SOURCES, "kind": "date", "clock": "access",
    "currency": "EUR", "zone": "Europe/Berlin", "status": "ACTIVE", "role": "Admin", "can_publish": "yes",
}  # fmt: skip
_UNKNOWN = {
    "scopes": None, "sources": "{}", "kind": "unknown", "clock": "",
    "currency": "", "zone": "", "status": "", "role": "", "can_publish": "unknown",
}  # fmt: skip


@dataclass(frozen=True)
class Graph:
    """The stand-in's process."""

    process: subprocess.Popen[str]
    url: str

    def calls(self) -> dict[str, int]:
        """Return the calls since the last time, by kind."""
        assert self.process.stdin is not None  # both are pipes
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        found: dict[str, int] = json.loads(self.process.stdout.readline())
        return found


def measure(run: Run) -> list[Section]:
    """Return the section. Empties the tables and fills them with log-ins of one or two accounts each."""
    seconds, rounds = max(run.seconds, min(SHORTEST, run.accounts / 100)), run.rounds
    tokens = min(run.accounts * 2 // 3, DUE)
    ends = run.now.replace(microsecond=0) + timedelta(days=50)
    fill(tokens=tokens, now=run.now)
    section = Section(
        f"Sweeps, {tokens:,} log-ins due, one worker process, a channel that answers after {DELAY * 1000:g} ms, "
        f"{rounds} rounds of {seconds:g} s"
    )
    with ExitStack() as stack:
        bench = _Bench(run.environment, stack.enter_context(_graph(ends)), seconds, ends)
        at_once = channel_sweep.SWEPT_AT_ONCE
        renewals = refresh_lane.AT_ONCE
        contenders: dict[str, Contender] = {
            "probe, nothing changed": lambda: bench.round("probe"),
            f"  limit: {at_once} threads that only call": lambda: bench.round("probe", bare=at_once),
            "probe, the first after an import": lambda: bench.round("probe", first=True),
            "refresh": lambda: bench.round("refresh"),
            f"  limit: {renewals} threads that only call": lambda: bench.round("refresh", bare=renewals),
        }
        section.results = interleave(contenders, rounds=rounds)
        whole = Section(f"First checks of {tokens:,} log-ins that were imported, until each has its dates")
        whole.results = interleave({"one worker process": bench.imported}, rounds=1)
    return [section, whole]


@contextmanager
def _graph(ends: datetime) -> Iterator[Graph]:
    told = ["--delay", str(DELAY), "--ends", str(int(ends.timestamp()))]
    command = [sys.executable, "-m", "benchmarks.graph_standin", *told]
    with subprocess.Popen(
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Graph(process, f"http://127.0.0.1:{int(process.stdout.readline())}")
        process.stdin.close()


@dataclass(frozen=True)
class _Bench:
    environment: Environment
    graph: Graph
    seconds: float
    ends: datetime

    def round(self, kind: str, *, bare: int = 0, first: bool = False) -> Figures:
        """Have all log-ins due, run one worker process, and return its figures per token."""
        return self._run(kind, bare=bare, first=first)

    def imported(self) -> Figures:
        """Have all log-ins due as an import leaves them, check all, and return how long that took."""
        found = self._run("all", first=True)
        dated = Token.objects.filter(deadline_kind=Token.DeadlineKind.DATE).count()
        return {"log-ins with their dates": dated, "minutes": dated / found["tokens a minute"], **found}

    def _run(self, kind: str, *, bare: int = 0, first: bool = False) -> dict[str, float]:
        _reset(kind, ends=self.ends, first=first)
        lane = lanes.REFRESHES if kind == "refresh" else "checks"
        env = {**os.environ, "DATABASE_POOL": str(lanes.connections(lane))}
        words = [
            kind,
            "--graph",
            self.graph.url,
            "--seconds",
            str(self.seconds),
            *(["--bare", str(bare)] if bare else []),
        ]
        server = self.environment.postgres_pid
        before = tree_cpu(server) if server else 0.0
        self.graph.calls()
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.sweep_worker", *words],
            cwd=PROJECT,
            env=env,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        tokens = max(found["tokens"], 1)
        figures = {
            "tokens a minute": found["tokens"] * 60 / found["seconds"],
            "CPU of the worker, ms a token": found["cpu_seconds"] * 1000 / tokens,
        }
        if not bare:
            figures["SQL statements a token"] = found["statements"] / tokens
            if server:
                figures["CPU of PostgreSQL, ms a token"] = (tree_cpu(server) - before) * 1000 / tokens
            figures |= {
                f"calls a token, {name}": count / tokens for name, count in self.graph.calls().items()
            }
        return figures


def fill(*, tokens: int, now: datetime) -> None:
    """Write log-ins of one account or two each, as an import leaves them: nothing of what the channel tells."""
    data.empty()
    team = Team.objects.get_or_create(name="Team")[0].pk
    app = ChannelApp(channel=data.CHANNEL, client_id=graph_standin.APP, state=ChannelApp.State.LIVE)
    app.set_secrets(["s" * 32])
    app.save()
    data.copy(Token, ("app", "native_user_id", "credentials", "credentials_key"), _tokens(app, tokens))
    ids = [str(data.FIRST_NATIVE_ID + number) for number in range(tokens + tokens // 2)]
    data.copy(Account, ("channel", "native_id", "team"), ((data.CHANNEL, one, team) for one in ids))
    # Log-in n has account n, and every second one another.
    pairs = [(number, number) for number in range(1, tokens + 1)]
    pairs += [(tokens + number, 2 * number) for number in range(1, tokens // 2 + 1)]
    data.copy(AccountToken, ("account", "token"), pairs)
    data.analyse()
    data.settle_all(accounts=len(ids), now=now, cause="imported")


def _tokens(app: ChannelApp, tokens: int) -> Iterator[tuple[Any, ...]]:
    for number in range(tokens):
        native = str(10**15 + number)
        sealed = vault.seal(app.token_owner(native), {"access_token": graph_standin.TOKEN})
        yield app.pk, native, sealed.ciphertext, sealed.key


def _reset(kind: str, *, ends: datetime, first: bool) -> None:
    """Have everything due, its dates as a check or a renewal needs them; `first`: what the channel tells is not known yet."""
    with connection.cursor() as cursor:
        cursor.execute("select now()")
        now: datetime = cursor.fetchone()[0]
        values: dict[str, Any] = {**(_UNKNOWN if first else _KNOWN), "now": now}
        if kind == "refresh":
            values |= {"due_for": Token.DueFor.REFRESH, "linked": now - timedelta(days=40)}
            values["ends"] = now + timedelta(days=20)
        else:
            values |= {"due_for": Token.DueFor.PROBE, "linked": now, "ends": None if first else ends}
        for statement in (_TOKENS, _ACCOUNTS, _ENTRIES, _HISTORY):
            cursor.execute(statement, values)
    data.analyse()
