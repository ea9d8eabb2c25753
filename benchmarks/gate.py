"""The gate's proxy beside the barest pass-through on the same HTTP client and, where it is installed, nginx: small calls, and 50 MB."""

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks import data, web
from benchmarks.environment import Environment
from benchmarks.gate_servers import FILM, MEGABYTE, PIECE
from benchmarks.measure import Figures, Section, interleave, ratio, tree_cpu
from benchmarks.parts import Run
from benchmarks.web import Server
from devtools.embedded.processes import LOOPBACK, free_port

GATE, BARE, NGINX = "the gate's proxy", "a bare ASGI pass-through", "nginx proxy_pass"
FLAGS = ("--workers=1", "--loop=asyncio", "--http=httptools", "--no-access-log", "--lifespan=on")
STREAMS = 200
KEPT_FOR = 60  # seconds; longer than the clients keep a connection to the channel, who would write into one that it closes
P50, CPU = "p50, ms", "server CPU, ms/request"


@dataclass(frozen=True)
class Contender:
    """Somebody between a job and the channel."""

    server: Server
    path: str  # of the ad account, below whatever it has before it


def measure(run: Run) -> list[Section]:
    """Return a section of small calls by one connection, by eight, and one of 50 MB up and down."""
    from accounts.models import Account

    account = Account.objects.filter(channel=data.CHANNEL, active_token__isnull=False).order_by("pk")[0]
    credential = _credential(account.pk)
    with ExitStack() as stack:
        contenders = _contenders(run.environment, stack, f"/v26.0/act_{account.native_id}")
        small = [
            _small(run, contenders, credential, connections) for connections in (1, 2, 4, web.CONNECTIONS)
        ]
        return [*small, _large(contenders, credential)]


def _credential(account_id: int) -> str:
    from django.utils import timezone

    from accounts.api_keys import services as api_keys
    from accounts.models import ApiKey
    from broker.gate.credentials import ends_at, make_credential
    from users.models import Team

    key, _ = api_keys.issue_key(name="gate", scopes=[ApiKey.Scope.GATE], teams=list(Team.objects.all()))
    end = ends_at(timezone.now())
    return make_credential(key_id=key.pk, account_id=account_id, purpose="publish", expires_at=end)


def _contenders(environment: Environment, stack: ExitStack, account: str) -> dict[str, Contender]:
    channel = _uvicorn(environment, stack, "channel", {})
    address = f"http://{LOOPBACK}:{channel.port}"
    to = {"CHANNEL_ADDRESS": address, "FACEBOOK_GRAPH_URL": address, "DEMO": "1"}
    path = f"/proxy/facebook{account}"
    found = {
        GATE: Contender(_uvicorn(environment, stack, "proxy", {**to, "IS_PROXY": "1"}), path),
        BARE: Contender(_uvicorn(environment, stack, "pass_through", to), path),
    }
    if shutil.which("nginx"):
        found[NGINX] = Contender(_nginx(environment, stack, address), path)
    return found


def _uvicorn(environment: Environment, stack: ExitStack, name: str, variables: dict[str, str]) -> Server:
    command = [
        "uvicorn",
        f"benchmarks.gate_servers:{name}",
        f"--host={LOOPBACK}",
        f"--timeout-keep-alive={KEPT_FOR}",
        *FLAGS,
    ]
    return web.start(environment, stack, f"gate-{name}", command, variables, bind="--port={1}")


def _nginx(environment: Environment, stack: ExitStack, address: str) -> Server:
    port, folder = free_port(), environment.folder / "nginx"
    folder.mkdir()
    (folder / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; client_max_body_size 0; proxy_request_buffering off; proxy_max_temp_file_size 0;\n"
        f"client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n"
        f"upstream channel {{ server {address.removeprefix('http://')}; keepalive 64; }}\n"
        f"server {{ listen {LOOPBACK}:{port}; location / {{ proxy_pass http://channel; proxy_http_version 1.1;\n"
        'proxy_set_header Connection ""; } } }\n',
        encoding="utf-8",
    )
    process = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")])
    stack.callback(process.terminate)
    time.sleep(1)
    return Server(port, process.pid)


def _small(run: Run, contenders: dict[str, Contender], credential: str, connections: int) -> Section:
    section = Section(
        f"A small read through the gate, {connections} connection(s), one process each, {run.rounds} rounds of {run.seconds:g} s"
    )
    load = web.Load(run.environment, run.seconds, credential, connections)
    asks: dict[str, Callable[[], Figures]] = {}
    for name, one in contenders.items():
        requests = load.file([(f"{one.path}/insights", "{}")])
        replace(load, seconds=1).ask(one.server, requests)
        asks[name] = partial(load.ask, one.server, requests)
    section.results = interleave(asks, rounds=run.rounds)
    section.notes.append(
        f"CPU {ratio(section, GATE, BARE, CPU):.2f}x, p50 {ratio(section, GATE, BARE, P50):.2f}x the pass-through's"
    )
    return section


def _large(contenders: dict[str, Contender], credential: str) -> Section:
    section = Section(
        f"50 MB up and 50 MB down through the gate, {STREAMS} streams at once; memory: the most "
        "that the process had, over what it had before, for each stream"
    )
    section.results = interleave(
        {name: partial(_films, one, credential) for name, one in contenders.items()},
        rounds=1,  # 20 GB each
    )
    for way in ("up", "down"):
        part = ratio(section, GATE, BARE, f"{way}, MB/s")
        section.notes.append(f"{way}: {part:.2f}x the pass-through's rate")
    return section


def _films(one: Contender, credential: str) -> Figures:
    figures: dict[str, float] = {}
    for way in ("up", "down"):
        before, cpu, began = _memory(one.server.pid), tree_cpu(one.server.pid), time.monotonic()
        threads = [threading.Thread(target=_film, args=(one, credential, way)) for _ in range(STREAMS)]
        for thread in threads:
            thread.start()
        most = before
        while any(thread.is_alive() for thread in threads):
            most = max(most, _memory(one.server.pid))
            time.sleep(0.02)
        seconds = time.monotonic() - began
        figures[f"{way}, MB/s"] = STREAMS * FILM / MEGABYTE / seconds
        figures[f"{way}, server CPU, s/GB"] = (
            1024 * MEGABYTE * (tree_cpu(one.server.pid) - cpu) / (STREAMS * FILM)
        )
        figures[f"{way}, memory, MB/stream"] = (most - before) / STREAMS
    return figures


def _film(one: Contender, credential: str, way: str) -> None:
    """Send or fetch a film by a plain socket, so that the client costs little."""
    head = f"Host: {LOOPBACK}\r\nAuthorization: Bearer {credential}\r\nConnection: close\r\n"
    with socket.create_connection((LOOPBACK, one.server.port)) as connection:
        if way == "up":
            part, end = (
                b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n',
                b"\r\n--b--\r\n",
            )
            head += f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(part) + FILM + len(end)}\r\n\r\n"
            connection.sendall(f"POST {one.path}/adimages HTTP/1.1\r\n{head}".encode() + part)
            for _ in range(FILM // len(PIECE)):
                connection.sendall(PIECE)
            connection.sendall(end)
        else:
            connection.sendall(f"GET {one.path}/films HTTP/1.1\r\n{head}\r\n".encode())
        size, begun = 0, b""
        while chunk := connection.recv(256 * 1024):
            size += len(chunk)
            begun = begun or chunk
    if not begun.startswith(b"HTTP/1.1 200") or (way == "down" and size < FILM):
        sys.exit(f"{way}: {begun[:200]!r}")


def _memory(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
