import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adtoken_project.embedded.processes import wait_until
from tests.launcher.traces import processes_in

PROJECT = Path(__file__).resolve().parents[2]
OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FERNET_KEYS", "EMAIL_URL", "BASE_URL")
WEB, WORKER = "-m gunicorn", "-m celery -A adtoken_project worker"  # as their command lines say
BEAT = "-m celery -A adtoken_project beat"
START_SECONDS = 120  # the promise is far lower; a busy machine is no failure

pytestmark = pytest.mark.slow


@contextmanager
def launched(var: Path, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    env = {name: value for name, value in os.environ.items() if name not in OURS}
    env |= {"VAR": str(var), "WEB_PORT": "0", "SANDBOX_PORT": "0", "DEMO_FILL": "0"}
    command = [sys.executable, "-m", "adtoken_project.launcher"]
    with output.open("wb") as file, subprocess.Popen(command, cwd=PROJECT, env=env, stdout=file) as process:
        try:
            reported = wait_until(
                lambda: (var / "run.json").exists() or process.poll() is not None, seconds=START_SECONDS
            )
            assert reported, output.read_text()
            assert process.poll() is None, output.read_text()
            yield process
        finally:
            process.terminate()
            process.wait(timeout=30)


def facts(var: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((var / "run.json").read_text())
    return found


def status(address: str) -> int:
    with urllib.request.urlopen(address, timeout=5) as answer:
        code: int = answer.status
        return code


def pids(var: Path, word: str) -> set[int]:
    return {pid for pid, command in processes_in(var).items() if word in command}


def test_starts_everything_stops_in_order_and_keeps_the_data(tmp_path: Path) -> None:
    var, output = tmp_path / "var", tmp_path / "output"
    with launched(var, output) as process:
        first = facts(var)
        assert status(f"{first['web']}/readyz") == 200
        assert status(f"{first['mailbox']}/") == 200
        assert first["api_key"]
        assert {"role", "email", "password"} <= set(first["logins"][0])
        assert first["logins"][0]["password"] in output.read_text()
        with psycopg.connect(first["database_url"], autocommit=True) as connection:
            connection.execute("create table kept as select 7 as number")
        asked = time.monotonic()
        process.terminate()
        assert process.wait(timeout=30) == 0
        assert time.monotonic() - asked < 15
        assert processes_in(var) == {}
        assert not (var / "run.json").exists()

    with launched(var, output):
        second = facts(var)
        with psycopg.connect(second["database_url"]) as connection:
            assert connection.execute("select number from kept").fetchone() == (7,)
        assert second["api_key"] == first["api_key"]
    readable = [path for path in (var / "run.json", var / "demo.env", var / "sandbox.json") if path.exists()]
    assert [path for path in readable if path.stat().st_mode & 0o077] == []


def test_leaves_nothing_after_kill_9_and_starts_again(tmp_path: Path) -> None:
    var, output = tmp_path / "var", tmp_path / "output"
    with launched(var, output) as process:
        assert len(pids(var, WEB)) == 3
        assert wait_until(lambda: len(pids(var, WORKER)) == 3, seconds=20), "one of each lane in Celery"
        assert len(pids(var, "run_refreshes")) == 1
        process.send_signal(signal.SIGKILL)

        assert wait_until(lambda: not processes_in(var), seconds=5), processes_in(var)

    (var / "run.json").unlink()
    with launched(var, output):
        assert status(f"{facts(var)['web']}/readyz") == 200


def test_restarts_web_and_worker_but_ends_without_its_database(tmp_path: Path) -> None:
    var, output = tmp_path / "var", tmp_path / "output"
    with launched(var, output) as process:
        assert wait_until(lambda: bool(pids(var, BEAT)), seconds=20)
        killed = {name: min(pids(var, name)) for name in (WEB, WORKER, BEAT)}
        for pid in killed.values():
            os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: output.read_text().count("is started again") == 3, seconds=20), (
            output.read_text()
        )
        assert wait_until(lambda: is_ready(var), seconds=30)

        os.kill(int((var / "postgres" / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

        assert process.wait(timeout=30) == 1
        assert "postgres ended with status" in output.read_text()
        assert processes_in(var) == {}


def is_ready(var: Path) -> bool:
    try:
        return status(f"{facts(var)['web']}/readyz") == 200
    except OSError:
        return False
