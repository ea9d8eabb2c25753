"""The lease: over HTTP beside a view that does nothing, and beside the bare read and decryption."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg
from cryptography.fernet import Fernet
from django.conf import settings

from adtoken_project.embedded.processes import LOOPBACK, Child, StartError, free_port, wait_until
from adtoken_project.launcher import PROJECT, fetch
from benchmarks import data, inprocess
from benchmarks.environment import Environment
from benchmarks.measure import Contender, Figures, Section, interleave, tree_cpu
from benchmarks.parts import Run

GUNICORN = (
    "--workers=2",
    "--worker-class=gthread",
    "--threads=4",
    "--no-control-socket",
)  # as the launcher's
CONNECTIONS = 8
READ = """
select t.credentials from accounts_account a join tokens_token t on t.id = a.active_token_id
where a.channel = %s and a.native_id = %s
"""
LEASE_PATH = f"/api/v1/accounts/{data.CHANNEL}/{{}}/lease"


@dataclass(frozen=True)
class Bench:
    """What all contenders share."""

    environment: Environment
    accounts: int
    seconds: float
    key: str


def measure(run: Run) -> list[Section]:
    """Return the sections of the lease. The data must be filled."""
    accounts, seconds, rounds = run.accounts, run.seconds, run.rounds
    bench = Bench(run.environment, accounts, seconds, data.make_key())
    over_http = Section(
        f"Lease, {accounts:,} accounts, {CONNECTIONS} keep-alive connections, gunicorn 2 workers x 4 threads, "
        f"{rounds} rounds of {seconds:g} s"
    )
    with ExitStack() as stack:
        over_http.results = interleave(_contenders(bench, stack), rounds=rounds)
    over_http.notes.append("The limit is a loop in one process; servers and load client share the cores.")
    return [
        over_http,
        inprocess.measure(bench.key, accounts=accounts, rounds=rounds, calls=max(20, int(100 * seconds))),
    ]


def _contenders(bench: Bench, stack: ExitStack) -> dict[str, Contender]:
    real = _server(bench, stack, "lease", "adtoken_project.settings")
    unrecorded = _server(bench, stack, "unrecorded", "adtoken_project.settings", "benchmarks.unrecorded")
    bare = _server(bench, stack, "bare", "benchmarks.bare_settings")
    raw = RawLoop(bench)
    stack.callback(raw.close)
    contenders: dict[str, Contender] = {
        "lease": lambda: _http(bench, *real, LEASE_PATH),
        "lease without the row of the record": lambda: _http(bench, *unrecorded, LEASE_PATH),
        "view that does nothing, same middleware": lambda: _http(bench, *bare, "/bare"),
        "limit: one indexed read + one decryption, 1 connection": raw.measure,
    }
    for warm in contenders.values():
        warm()
    return contenders


def _server(
    bench: Bench,
    stack: ExitStack,
    name: str,
    settings_module: str,
    application: str = "adtoken_project.wsgi",
) -> tuple[int, int]:
    """Start gunicorn and wait for its answer. Returns port and process."""
    port = free_port()
    web = f"http://{LOOPBACK}:{port}"
    child = Child(
        name=name,
        command=[
            sys.executable, "-m", "gunicorn", application, f"--bind={LOOPBACK}:{port}", *GUNICORN,
        ],
        log=bench.environment.folder / f"{name}.log",
        env=os.environ | {"DJANGO_SETTINGS_MODULE": settings_module, "BASE_URL": web},
        cwd=PROJECT,
    )  # fmt: skip
    stack.callback(child.stop)
    child.start()
    if not wait_until(lambda: fetch(f"{web}/readyz")[0] == 200 or not child.is_running(), seconds=60):
        raise StartError(f"gunicorn does not answer.\n{child.last_lines()}")
    if not child.is_running():
        raise StartError(f"gunicorn ended.\n{child.last_lines()}")
    return port, child.pid


def _http(bench: Bench, port: int, pid: int, path: str) -> Figures:
    """Run the load client once beside the samplers."""
    command = [
        sys.executable, "-m", "benchmarks.load", f"--port={port}", f"--path={path}", f"--key={bench.key}",
        f"--first={data.FIRST_NATIVE_ID}", f"--count={bench.accounts}", f"--connections={CONNECTIONS}",
        f"--seconds={bench.seconds}",
    ]  # fmt: skip
    server, postgres = tree_cpu(pid), _postgres_cpu(bench)
    done = subprocess.run(
        command, cwd=PROJECT, check=True, capture_output=True, text=True, timeout=bench.seconds + 60
    )
    found = json.loads(done.stdout)
    count = found["requests"]
    if found["errors"]:
        raise StartError(f"{found['errors']} of {count} requests to {path} were not answered with 200.")
    figures = {
        "requests/s": count / found["seconds"],
        "p50, ms": found["p50_ms"],
        "p99, ms": found["p99_ms"],
        "server CPU, ms/request": 1000 * (tree_cpu(pid) - server) / count,
    }
    if bench.environment.postgres_pid is not None:
        figures["PostgreSQL CPU, ms/request"] = 1000 * (_postgres_cpu(bench) - postgres) / count
    figures["load client CPU, ms/request"] = 1000 * found["cpu_seconds"] / count
    return figures


def _postgres_cpu(bench: Bench) -> float:
    return tree_cpu(bench.environment.postgres_pid) if bench.environment.postgres_pid else 0.0


class RawLoop:
    """The limit: the read and the decryption, without Django."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        self._fernet = Fernet(settings.FERNET_KEYS[0])

    def measure(self) -> Figures:
        """Loop for the given seconds."""
        step = self.step()
        postgres, cpu, began = _postgres_cpu(self._bench), time.process_time(), time.perf_counter()
        times: list[float] = []
        now = began
        while now - began < self._bench.seconds:
            step()
            times.append(-now + (now := time.perf_counter()))
        used, count = time.process_time() - cpu, len(times)
        times.sort()
        figures = {
            "requests/s": count / (now - began),
            "p50, ms": 1000 * times[count // 2],
            "p99, ms": 1000 * times[count * 99 // 100],
            "server CPU, ms/request": 1000 * used / count,
        }
        if self._bench.environment.postgres_pid is not None:
            figures["PostgreSQL CPU, ms/request"] = 1000 * (_postgres_cpu(self._bench) - postgres) / count
        return figures

    def step(self) -> Callable[[], bytes]:
        """Return one read and decryption of a random account."""
        pick = inprocess.native_ids(self._bench.accounts)
        return lambda: self._fernet.decrypt(
            bytes(self._connection.execute(READ, [data.CHANNEL, next(pick)]).fetchone()[0])  # type: ignore[index]  # it is there
        )

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()
