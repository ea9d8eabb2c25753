"""The lease, the report of a good answer and the signature over HTTP, beside a bare ASGI service and a view that does nothing."""

import json
import os
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psycopg
from cryptography.fernet import Fernet
from django.conf import settings

from benchmarks import data, inprocess, signing_data, web
from benchmarks.measure import Contender, Figures, Section, interleave, ratio
from benchmarks.parts import Run
from devtools.embedded.processes import LOOPBACK

READ = """
select t.credentials from accounts_account a join tokens_token t on t.id = a.active_token_id
where a.channel = %s and a.native_id = %s
"""
LIMIT = "bare ASGI: key, read, decryption"
RATE, CPU = "requests/s", ("server CPU, ms/request", "PostgreSQL CPU, ms/request")
LEASES = 400  # of which reports and signatures are about
LEASE, UNRECORDED, REPORT, SIGN = (
    "lease",
    "lease without the row of the record",
    "report of a good answer",
    "signature",
)


@dataclass(frozen=True)
class Files:
    """The requests of each contender, as files for the load client."""

    leases: Path
    reports: Path
    signatures: Path


def measure(run: Run) -> list[Section]:
    """Return the sections of the lease. The data must be filled; the accounts that are signed for are added and taken away."""
    accounts, seconds, rounds = run.accounts, run.seconds, run.rounds
    load = web.Load(run.environment, seconds, data.make_key())
    over_http = Section(
        f"Lease, {accounts:,} accounts, {web.CONNECTIONS} keep-alive connections, 2 processes, {rounds} rounds of {seconds:g} s"
    )
    with signing_data.filled(), ExitStack() as stack:
        over_http.results = interleave(_contenders(load, accounts, stack), rounds=rounds)
    over_http.notes += ["The loop runs in one process; servers and load client share the cores."]
    over_http.notes += [_beside(over_http, name, LIMIT, "bare ASGI") for name in (LEASE, UNRECORDED)]
    over_http.notes += [_beside(over_http, name, LEASE, "the lease") for name in (REPORT, SIGN)]
    return [
        over_http,
        inprocess.measure(load.key, accounts=accounts, rounds=rounds, calls=max(20, int(100 * seconds))),
    ]


def _beside(section: Section, name: str, other: str, words: str) -> str:
    """Say how much of another contender one reaches: by the rate, and by the CPU of server and PostgreSQL, which moves less."""
    rate = ratio(section, name, other, RATE)
    used = [
        sum(statistics.median(section.results[one].get(cpu, [0])) for cpu in CPU) for one in (name, other)
    ]
    return f"{name}: {rate:.2f}x the rate of {words}, {used[1] / used[0]:.2f}x by CPU per request"


def _contenders(load: web.Load, accounts: int, stack: ExitStack) -> dict[str, Contender]:
    real = web.product(load.environment, stack, "lease")
    unrecorded = web.product(load.environment, stack, "unrecorded", application="benchmarks.unrecorded")
    nothing = web.product(load.environment, stack, "bare", settings="benchmarks.bare_settings")
    limit = web.bare_asgi(load.environment, stack, "bare-asgi", record=False)
    recorded = web.bare_asgi(load.environment, stack, "bare-asgi-recorded", record=True)
    raw = RawLoop(load, accounts)
    stack.callback(raw.close)
    files = _files(load, real, accounts)
    empty = load.file([("/bare", "{}")])
    contenders: dict[str, Contender] = {
        LIMIT: lambda: load.ask(limit, files.leases),
        "bare ASGI with the row of the record": lambda: load.ask(recorded, files.leases),
        LEASE: lambda: load.ask(real, files.leases),
        UNRECORDED: lambda: load.ask(unrecorded, files.leases),
        REPORT: lambda: load.ask(real, files.reports),
        SIGN: lambda: load.ask(real, files.signatures),
        "view that does nothing, people's middleware": lambda: load.ask(nothing, empty),
        "loop: one indexed read + one decryption, 1 connection": raw.measure,
    }
    if load.seconds >= 1:  # shorter rounds measure nothing: they show that it runs
        for warm in contenders.values():
            warm()
    return contenders


def _files(load: web.Load, server: web.Server, accounts: int) -> Files:
    """Write the requests; reports and signatures are about leases that are taken for them."""
    first = data.FIRST_NATIVE_ID
    leases = [
        _lease_of(data.CHANNEL, str(native_id)) for native_id in range(first, first + min(accounts, 10_000))
    ]
    reported = [lease["lease_id"] for lease in _taken(load, server, leases[:LEASES])]
    signed = [_lease_of(signing_data.CHANNEL, native_id) for native_id in signing_data.NATIVE_IDS]
    good = json.dumps({"status": 200, "body": {"id": "120212345678901234"}})
    return Files(
        leases=load.file(leases),
        reports=load.file([(f"/api/v1/leases/{one}/report", good) for one in reported]),
        signatures=load.file(
            [
                (f"/api/v1/leases/{lease['lease_id']}/sign", signing_data.request(lease["native_id"]))
                for lease in _taken(load, server, signed)
            ]
        ),
    )


def _lease_of(channel: str, native_id: str) -> web.Request:
    return f"/api/v1/accounts/{channel}/{native_id}/lease", "{}"


def _taken(load: web.Load, server: web.Server, requests: list[web.Request]) -> list[dict[str, str]]:
    headers = {"Authorization": f"Bearer {load.key}", "Content-Type": "application/json"}
    with httpx2.Client(base_url=f"http://{LOOPBACK}:{server.port}", headers=headers) as client:
        answers = [client.post(path, content=body) for path, body in requests]
    return [answer.raise_for_status().json() for answer in answers]


class RawLoop:
    """The read and the decryption without Django and without HTTP."""

    def __init__(self, load: web.Load, accounts: int) -> None:
        self._load, self._accounts = load, accounts
        self._connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        self._fernet = Fernet(settings.FERNET_KEYS[0])

    def measure(self) -> Figures:
        """Loop for the given seconds."""
        step = self.step()
        postgres = web.postgres_cpu(self._load.environment)
        cpu, began = time.process_time(), time.perf_counter()
        times: list[float] = []
        now = began
        while now - began < self._load.seconds:
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
        if self._load.environment.postgres_pid is not None:
            used = web.postgres_cpu(self._load.environment) - postgres
            figures["PostgreSQL CPU, ms/request"] = 1000 * used / count
        return figures

    def step(self) -> Callable[[], bytes]:
        """Return one read and decryption of a random account."""
        pick = inprocess.native_ids(self._accounts)
        return lambda: self._fernet.decrypt(
            bytes(self._connection.execute(READ, [data.CHANNEL, next(pick)]).fetchone()[0])  # type: ignore[index]  # it is there
        )

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()
