"""Web servers under load: the product as it is served, a bare ASGI service, and what their requests cost."""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from benchmarks.environment import Environment
from benchmarks.measure import Figures, tree_cpu
from devtools.embedded.processes import LOOPBACK, Child, StartError, free_port, wait_until
from devtools.launcher import PROJECT, fetch

GUNICORN = ("-c", "deploy/gunicorn.conf.py", "--workers=2")  # as the launcher's
UVICORN = ("--workers=2", "--loop=uvloop", "--http=httptools", "--no-access-log", "--lifespan=on")
CONNECTIONS = 8

Request = tuple[str, str]  # path and body of a POST


@dataclass(frozen=True)
class Server:
    """A web server with all its processes."""

    port: int
    pid: int


def product(
    environment: Environment,
    stack: ExitStack,
    name: str,
    *,
    settings: str = "adtoken_project.settings",
    application: str = "adtoken_project.asgi",
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Server:
    """Start AdToken's web server, with more variables where it needs some, and wait for its answer. Raises StartError."""
    command = ["gunicorn", *GUNICORN, application]
    return start(
        environment,
        stack,
        name,
        command,
        {"DJANGO_SETTINGS_MODULE": settings, **variables},
        bind="--bind={0}:{1}",
    )


def bare_asgi(environment: Environment, stack: ExitStack, name: str, *, record: bool) -> Server:
    """Start the bare service, with the row of the record or without. Raises StartError."""
    command = ["uvicorn", "benchmarks.bare_asgi:application", f"--host={LOOPBACK}", *UVICORN]
    return start(environment, stack, name, command, {"BARE_RECORD": str(int(record))}, bind="--port={1}")


def start(
    environment: Environment,
    stack: ExitStack,
    name: str,
    command: Sequence[str],
    variables: Mapping[str, str],
    *,
    bind: str,
) -> Server:
    """Start a server by this command and wait for its /readyz. `bind`: its flag for address and port. Raises StartError."""
    port = free_port()
    address = f"http://{LOOPBACK}:{port}"
    child = Child(
        name=name,
        command=[sys.executable, "-m", *command, bind.format(LOOPBACK, port)],
        log=environment.folder / f"{name}.log",
        env={**os.environ, "BASE_URL": address, **variables},
        cwd=PROJECT,
    )
    stack.callback(child.stop)
    child.start()
    if not wait_until(lambda: fetch(f"{address}/readyz")[0] == 200 or not child.is_running(), seconds=60):
        raise StartError(f"{name} does not answer.\n{child.last_lines()}")
    if not child.is_running():
        raise StartError(f"{name} ended.\n{child.last_lines()}")
    return Server(port, child.pid)


@dataclass(frozen=True)
class Load:
    """What all contenders are asked with."""

    environment: Environment
    seconds: float
    key: str
    connections: int = CONNECTIONS

    def file(self, requests: Sequence[Request]) -> Path:
        """Write requests for the load client, in an order of their own."""
        mixed = random.sample(requests, len(requests))
        handle, name = tempfile.mkstemp(dir=self.environment.folder, suffix=".requests")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(request) + "\n" for request in mixed)
        return Path(name)

    def ask(self, server: Server, requests: Path, *, each: int = 1) -> Figures:
        """Run the load client once beside the samplers. `each`: how many things a request asks for, by which its CPU is divided.

        Raises StartError where a request was not answered with 200.
        """
        command = [
            sys.executable, "-m", "benchmarks.load", f"--port={server.port}", f"--requests={requests}",
            f"--key={self.key}", f"--connections={self.connections}", f"--seconds={self.seconds}",
        ]  # fmt: skip
        cpu, postgres = tree_cpu(server.pid), postgres_cpu(self.environment)
        done = subprocess.run(
            command, cwd=PROJECT, check=True, capture_output=True, text=True, timeout=self.seconds + 60
        )
        found = json.loads(done.stdout)
        count = found["requests"]
        if found["errors"]:
            raise StartError(f"{found['errors']} of {count} requests were not answered with 200.")
        one = "request" if each == 1 else "lease of a batch"
        figures = {
            "requests/s": count / found["seconds"],
            "p50, ms": found["p50_ms"],
            "p99, ms": found["p99_ms"],
            f"server CPU, ms/{one}": 1000 * (tree_cpu(server.pid) - cpu) / count / each,
        }
        if self.environment.postgres_pid is not None:
            used = postgres_cpu(self.environment) - postgres
            figures[f"PostgreSQL CPU, ms/{one}"] = 1000 * used / count / each
        if each == 1:
            figures["load client CPU, ms/request"] = 1000 * found["cpu_seconds"] / count
        return figures


def postgres_cpu(environment: Environment) -> float:
    """Return the CPU seconds of PostgreSQL so far; 0 where it is not ours."""
    return tree_cpu(environment.postgres_pid) if environment.postgres_pid else 0.0
