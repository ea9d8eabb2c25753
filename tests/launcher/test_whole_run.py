"""The whole product as `make run` starts it."""

import os
import signal
from pathlib import Path

import psycopg
import pytest

from devtools.embedded.processes import wait_until
from tests.launcher.running import launched
from tests.launcher.traces import processes_in

pytestmark = pytest.mark.slow


def test_leaves_nothing_after_kill_9_starts_again_with_its_data_and_stops_in_order(place: Path) -> None:
    var, output = place / "var", place / "output"
    with launched(var, output) as run:
        first = run.facts
        assert [run.status("/readyz"), run.status("/", at="mailbox")] == [200, 200]
        assert first["api_key"]
        assert {"role", "email", "password"} <= set(first["logins"][0])
        assert first["logins"][0]["password"] in run.said
        assert wait_until(lambda: len(run.pids("-m gunicorn")) == 3, seconds=60)
        assert wait_until(lambda: len(run.pids("manage.py worker all")) == 1, seconds=60)
        with psycopg.connect(first["database_url"], autocommit=True) as connection:
            connection.execute("create table kept as select 7 as number")
        run.process.send_signal(signal.SIGKILL)

        assert wait_until(lambda: not processes_in(var), seconds=60), processes_in(var)

    (var / "run.json").unlink()
    with launched(var, output) as run:
        second = run.facts
        with psycopg.connect(second["database_url"]) as connection:
            assert connection.execute("select number from kept").fetchone() == (7,)
        assert (run.status("/readyz"), second["api_key"]) == (200, first["api_key"])
        readable = [
            path for path in (var / "run.json", var / "demo.env", var / "sandbox.json") if path.exists()
        ]
        assert [path for path in readable if path.stat().st_mode & 0o077] == []
        os.kill(min(run.pids("-m gunicorn")), signal.SIGKILL)

        assert run.process.wait(timeout=60) == 1
        assert "web ended with status -9" in run.said
        assert processes_in(var) == {}
        assert not (var / "run.json").exists()
