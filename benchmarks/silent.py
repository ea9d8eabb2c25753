"""Leases while jobs wait for a channel that says nothing: their times beside those of a minute in which nobody waits."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import httpx2
from django.core.cache import caches

from benchmarks import data, web
from benchmarks.environment import Environment
from benchmarks.measure import Figures, Section, interleave, ratio
from benchmarks.parts import Run
from devtools.embedded.processes import LOOPBACK, Child, StartError, wait_until
from devtools.launcher import PROJECT, channel_addresses, last_json

JOBS = 24
SILENCE = 20.0  # seconds until the channel answers
QUIET, SILENT = "leases, nobody waits", f"leases while {JOBS} jobs report of a silent channel"
P99 = "p99, ms"
# What a job heard: it makes AdToken ask the channel itself.
TROUBLE = {
    "status": 400,
    "body": {"error": {"code": 190, "type": "OAuthException", "message": "Error validating access token"}},
}


def measure(run: Run) -> list[Section]:
    """Return the section. The jobs' accounts are others than those that are leased meanwhile."""
    load = web.Load(run.environment, run.seconds, data.make_key())
    first, count = data.FIRST_NATIVE_ID, min(run.accounts, 10_000)
    paths = [f"/api/v1/accounts/{data.CHANNEL}/{first + number}/lease" for number in range(count)]
    section = Section(
        f"Leases beside a silent channel, {run.accounts:,} accounts, {run.rounds} rounds of {run.seconds:g} s, {JOBS} jobs on accounts of "
        f"their own, which come again when they are told to; the channel answers after {SILENCE:g} s"
    )
    with ExitStack() as stack:
        variables = {"DEMO": "1", **channel_addresses(_sandbox(run.environment, stack))}
        server = web.product(run.environment, stack, "silent", variables=variables)
        healthy = load.file([(path, "{}") for path in paths[JOBS:]])
        jobs = _Jobs(stack.enter_context(_client(server, load.key)), paths[:JOBS])

        def beside() -> Figures:
            with jobs.reporting():
                return {**load.ask(server, healthy), **jobs.figures()}

        load.ask(server, healthy)
        section.results = interleave(
            {QUIET: lambda: load.ask(server, healthy), SILENT: beside}, rounds=run.rounds
        )
    section.notes.append(f"p99 meanwhile: {ratio(section, SILENT, QUIET, P99):.2f}x that of before")
    return [section]


def _sandbox(environment: Environment, stack: ExitStack) -> str:
    """Start a stand-in channel that answers late. Returns its address."""
    ports = ("--port=0", "--mail-port=0", "--mailbox-port=0")
    child = Child(
        name="sandbox",
        command=[sys.executable, "-m", "sandbox", *ports],
        log=environment.folder / "sandbox.log",
        env={},
        cwd=PROJECT,
    )
    stack.callback(child.stop)
    child.start()
    if not wait_until(lambda: bool(last_json(child.output())) or not child.is_running(), seconds=60):
        raise StartError(f"The sandbox does not start.\n{child.last_lines()}")
    address = str(last_json(child.output())["sandbox"])
    late = {"channel": data.CHANNEL, "delay": SILENCE}
    httpx2.post(f"{address}/_control/faults", json=late).raise_for_status()
    return address


@dataclass
class _Jobs:
    """Jobs that lease once, and then report trouble again and again."""

    client: httpx2.Client
    paths: list[str]
    answered: list[float] = field(default_factory=list)  # seconds until each report was
    waiting: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def figures(self) -> Figures:
        """Return what became of the reports so far."""
        return {"reports answered": len(self.answered), "reports under way at the end": self.waiting}

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Report while the block runs. Nobody knows of the channel's silence at its beginning."""
        caches["calls"].clear()
        self.answered, self.waiting = [], 0
        self.over.clear()
        answers = [self.client.post(path, json={}).raise_for_status() for path in self.paths]
        leases = [answer.json()["lease_id"] for answer in answers]
        threads = [threading.Thread(target=self._report, args=[lease]) for lease in leases]
        for one in threads:
            one.start()
        time.sleep(1)  # those who found room wait by now, and the others were told when to come again
        try:
            yield
        finally:
            self.over.set()
            for one in threads:
                one.join()

    def _report(self, lease: str) -> None:
        while not self.over.is_set():
            began = time.perf_counter()
            self.waiting += 1
            said = self.client.post(f"/api/v1/leases/{lease}/report", json=TROUBLE)
            self.waiting -= 1
            self.answered.append(time.perf_counter() - began)
            self.over.wait(said.raise_for_status().json().get("retry_after") or 1)


def _client(server: web.Server, key: str) -> httpx2.Client:
    """Return one client of all jobs: making one takes more of the machine than many requests."""
    address, headers = f"http://{LOOPBACK}:{server.port}", {"Authorization": f"Bearer {key}"}
    return httpx2.Client(base_url=address, headers=headers, timeout=60, trust_env=False, verify=False)
