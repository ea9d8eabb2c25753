"""`python -m drills.launcher_kills`: of everything that `make run` starts, one process after the other is killed -9.

Each is to come back by itself, said at the terminal, with all pages well again; without its PostgreSQL the launcher stops in order. Of a
launcher that was killed itself no process may be left after five seconds. The naive control starts its processes as a shell script
would: they outlive it.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from drills.stage import Tally, until
from tests.launcher.running import Run, launched
from tests.launcher.traces import processes_in

WELL_WITHIN = 60.0  # seconds until everything is as before a kill
GONE_WITHIN = 5.0
# What is killed -> words of its command line. Of several the one that was started first.
RESTARTED = {
    "web": "-m gunicorn",
    "worker": "manage.py worker all",
    "sandbox": "-m sandbox",
    "valkey": "valkey-server",
}
_NAIVE = "import subprocess, time; subprocess.Popen(['sleep', '60']); print('up', flush=True); time.sleep(60)"


def main() -> int:
    """Kill each, and count what did not come back and what was left."""
    tally = Tally("kill -9 of each process of make run")
    with tempfile.TemporaryDirectory(prefix="adtoken-place-") as name:
        place = Path(name)
        place.chmod(0o711)
        var, output = place / "var", place / "output"
        with launched(var, output) as run:
            _wait_well(run, tally, "at the start")
            for part, words in RESTARTED.items():
                _kill(run, tally, part, lambda words=words: min(run.pids(words)), said=True)  # type: ignore[misc]
            _kill(run, tally, "a child of web", lambda: max(run.pids("-m gunicorn")), said=False)
            _kill(run, tally, "a backend of PostgreSQL", lambda: _backend(run), said=False)
            _without_postgres(run, tally)
        with launched(var, output) as run:
            _wait_well(run, tally, "after the data folder was left by a killed PostgreSQL")
            _without_launcher(run, tally)
        _control(place, tally)
    return tally.tell()


def _well(run: Run) -> bool:
    """Whether all pages answer and every lane and beat give signs of life."""
    return run.status("/healthz") == 200 and run.status("/", at="mailbox") == 200


def _wait_well(run: Run, tally: Tally, when: str) -> float:
    took = until(lambda: _well(run), seconds=WELL_WITHIN)
    if not _well(run):
        tally.lost += 1
        tally.note(f"not well {when}: {run.said[-500:]}")
    return took


def _ours(run: Run) -> int:
    """Return how many processes run, without PostgreSQL's own, which come and go with connections."""
    return sum("postgres: " not in command for command in processes_in(run.var).values())


def _kill(run: Run, tally: Tally, part: str, pid: Callable[[], int], *, said: bool) -> None:
    """Kill one process, and wait until another is there and all is well. `said`: the launcher restarts it and says so."""
    killed, before = pid(), len(run.said)
    everybody = _ours(run)
    os.kill(killed, signal.SIGKILL)
    began = time.monotonic()
    again = f"{part} is started again"
    until(lambda: not said or again in run.said[before:], seconds=WELL_WITHIN)
    until(lambda: _ours(run) >= everybody, seconds=WELL_WITHIN)
    _wait_well(run, tally, f"after kill -9 of {part}")
    took = round(time.monotonic() - began, 1)
    tally.tries += 1
    tally.seconds = max(tally.seconds, took)
    missing = said and (
        again not in run.said[before:] or f"{part} ended with status -9" not in run.said[before:]
    )
    if missing or _ours(run) < everybody or run.process.poll() is not None:
        tally.lost += 1
        tally.note(f"{part} did not come back: {run.said[before:]}")
    tally.note(f"{part}: well after {took} s")


def _backend(run: Run) -> int:
    """Return the process of a connection that a web process holds."""
    with psycopg.connect(run.facts["database_url"]) as connection:
        row = connection.execute(
            "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() limit 1"
        ).fetchone()
    assert row is not None
    return int(row[0])


def _without_postgres(run: Run, tally: Tally) -> None:
    """Without its database nothing can go on: the launcher says so and stops in order."""
    os.kill(int((run.var / "postgres" / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    began = time.monotonic()
    status = run.process.wait(timeout=60)
    left = processes_in(run.var)
    tally.tries += 1
    tally.lost += status != 1 or "postgres ended with status" not in run.said or bool(left)
    tally.note(
        f"postgres: the launcher stopped with status {status} after {time.monotonic() - began:.1f} s, {len(left)} processes left"
    )


def _without_launcher(run: Run, tally: Tally) -> None:
    number = len(processes_in(run.var))
    run.process.kill()
    took = until(lambda: not processes_in(run.var), seconds=GONE_WITHIN * 3)
    left = processes_in(run.var)
    tally.tries += 1
    tally.lost += took > GONE_WITHIN or bool(left)
    tally.note(f"the launcher: its {number - 1} processes were gone after {took:.1f} s {list(left.values())}")
    (run.var / "run.json").unlink()


def _control(place: Path, tally: Tally) -> None:
    env = dict(os.environ) | {"ADTOKEN_RUN": str(place / "naive")}
    with subprocess.Popen(
        [sys.executable, "-c", _NAIVE], env=env, stdout=subprocess.PIPE, text=True
    ) as naive:
        assert naive.stdout is not None
        naive.stdout.readline()
        naive.kill()
        time.sleep(GONE_WITHIN)
        left = processes_in(place / "naive")
    tally.control = f"a parent without ties: {len(left)} of 1 processes left after {GONE_WITHIN:.0f} s"
    tally.control_failed = bool(left)
    for pid in left:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    raise SystemExit(main())
