"""`python -m drills.rolling`: two web servers behind the example of nginx, restarted one after the other under load.

Twenty requests a second (leases, the log-in page, /readyz) by TLS through deploy/proxy/nginx.conf, while each gunicorn gets SIGTERM and is
started again, and then HUP, as docs/operations.md says. No request may fail. The naive control is one gunicorn alone.
"""

import argparse
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2

from adtoken_project.embedded.processes import LOOPBACK, free_port
from adtoken_project.launcher import fetch
from drills.stage import Tally, people, stage, until
from tests.project.test_redis_by_tls import certificate
from tests.support import processes
from tests.support.sandbox import ROOT, Sandbox

CHANNEL = "facebook"
A_SECOND = 20  # requests
PATIENCE = 60.0  # seconds until a request counts as failed


def nginx() -> str | None:
    """Return the program; Debian keeps it where a user's PATH does not lead."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def main() -> int:
    """Restart and count."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3, help="restarts of both web servers, and as many HUP")
    rounds = parser.parse_args().rounds
    tally = Tally(f"{rounds} rolling restarts and HUP of two web servers behind nginx")
    with stage() as world, tempfile.TemporaryDirectory() as name:
        people(CHANNEL, "ada")
        proxy, ports = free_port(), [free_port(), free_port()]
        with _nginx(Path(name), proxy, ports) as address, _Load(address) as load:
            servers = [_Server(world, address, port) for port in ports]
            try:
                _restart(servers, load, rounds, tally)
                _control(servers, load, tally)
            finally:
                for server in servers:
                    server.stop()
    return tally.tell()


@contextmanager
def _nginx(folder: Path, port: int, behind: list[int]) -> Iterator[str]:
    """Run nginx with our example on free ports. Gives its address."""
    program = nginx()
    if program is None:
        raise SystemExit("no nginx here (apt-get install nginx-light)")
    cert, key = certificate(folder)
    site = (ROOT / "deploy/proxy/nginx.conf").read_text(encoding="utf-8")
    for before, after in {
        "/etc/ssl/adtoken/fullchain.pem": str(cert), "/etc/ssl/adtoken/key.pem": str(key),
        "listen 443 ssl": f"listen {LOOPBACK}:{port} ssl", "listen 80": f"listen {LOOPBACK}:{free_port()}",
        "127.0.0.1:8000": f"{LOOPBACK}:{behind[0]}", "127.0.0.1:8001": f"{LOOPBACK}:{behind[1]}",
    }.items():  # fmt: skip
        assert before in site, before
        site = site.replace(before, after)
    user = "user root; " if os.geteuid() == 0 else ""
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    places = f"{user}daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{ worker_connections 4096; }}"
    (folder / "whole.conf").write_text(f"{places}\nhttp {{\n{temporary}\n{site}\n}}\n")
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "whole.conf")])
    try:
        yield f"https://{LOOPBACK}:{port}"
    finally:
        process.terminate()
        process.wait(10)


class _Server:
    """One gunicorn, as adtoken-web@PORT is."""

    def __init__(self, world: Sandbox, address: str, port: int) -> None:
        more = {"BASE_URL": address, "WEB_CONCURRENCY": "2"}
        self.env = processes.environment(world, **more)
        self.port = port
        self.process = self._start()

    def _start(self) -> processes.Process:
        command = ["-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", f"--bind={LOOPBACK}:{self.port}"]
        process = processes.Process(command, self.env).start()
        process.wait_for(self._listens)
        return process

    def _listens(self) -> bool:
        return fetch(f"http://{LOOPBACK}:{self.port}/livez")[0] != 0

    def restart(self) -> float:
        """SIGTERM, its end, and a new one. Returns the seconds."""
        began = time.monotonic()
        self.stop()
        self.process = self._start()
        return time.monotonic() - began

    def reload(self) -> None:
        """HUP, and wait until its processes are new ones."""
        before = set(processes.children(self.process.pid))
        os.kill(self.process.pid, signal.SIGHUP)
        until(lambda: not before & set(processes.children(self.process.pid)), seconds=60)

    def stop(self) -> None:
        """SIGTERM, and wait for its end."""
        self.process.tell_to_stop()
        assert self.process.popen is not None
        self.process.popen.wait(60)


class _Load:
    """Jobs and people, so many requests a second, each in a thread of its own however long the others take."""

    def __init__(self, address: str) -> None:
        from accounts import api_keys
        from accounts.models import Account, ApiKey
        from users.models import Team

        key = api_keys.issue(name="drill", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
        account = Account.objects.get()
        self.address, self.headers = address, {"Authorization": f"Bearer {key}"}
        self.lease = f"/api/v1/accounts/{CHANNEL}/{account.native_id}/lease"
        self.answers: Counter[str] = Counter()
        self.slowest = 0.0
        self.over = threading.Event()
        self.trust = ssl.create_default_context()
        self.trust.check_hostname, self.trust.verify_mode = False, ssl.CERT_NONE
        self.sender = threading.Thread(target=self._send)
        self.stack = ExitStack()

    def __enter__(self) -> "_Load":
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        if self.sender.is_alive():
            self.sender.join()

    def begin(self) -> None:
        """Begin to ask."""
        self.sender.start()

    def _send(self) -> None:
        began, sent, jobs = time.monotonic(), 0, []
        while not self.over.wait(max(0.0, began + sent / A_SECOND - time.monotonic())):
            jobs.append(threading.Thread(target=self._ask, args=[sent % 4], daemon=True))
            jobs[-1].start()
            sent += 1
        for job in jobs:
            job.join(PATIENCE)

    def _ask(self, turn: int) -> None:
        began = time.monotonic()
        try:
            with httpx2.Client(
                verify=self.trust, timeout=PATIENCE, trust_env=False, headers=self.headers
            ) as client:
                if turn < 2:
                    status = str(client.post(f"{self.address}{self.lease}", json={}).status_code)
                else:
                    status = str(
                        client.get(f"{self.address}{('/readyz', '/accounts/login/')[turn - 2]}").status_code
                    )
        except httpx2.HTTPError as error:
            status = type(error).__name__
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.answers[status] += 1

    @property
    def failed(self) -> int:
        """How many requests were not answered with 200."""
        return self.answers.total() - self.answers["200"]


def _restart(servers: list[_Server], load: _Load, rounds: int, tally: Tally) -> None:
    load.begin()
    for _ in range(rounds):
        for server in servers:
            tally.seconds = max(tally.seconds, round(server.restart(), 1))
            time.sleep(0.5)  # as somebody who types the second command at once
    tally.note(f"restarts: {dict(load.answers)}, slowest {load.slowest:.1f} s")
    for _ in range(rounds):
        for server in servers:
            server.reload()
            time.sleep(1)
    tally.tries, tally.lost = load.answers.total(), load.failed
    tally.note(f"and HUP: {dict(load.answers)}, slowest {load.slowest:.1f} s")


def _control(servers: list[_Server], load: _Load, tally: Tally) -> None:
    """Restart one while there is no other."""
    before = load.failed
    servers[1].stop()
    servers[0].restart()
    time.sleep(2)
    failed = load.failed - before
    tally.control = f"one web server alone, restarted: {failed} requests failed"
    tally.control_failed = failed > 0


if __name__ == "__main__":
    raise SystemExit(main())
