import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from devtools.embedded import privileges
from devtools.embedded.postgres import Postgres
from devtools.embedded.processes import StartError, wait_until
from devtools.embedded.valkey import Valkey
from tests.launcher.conftest import ROOT_ONLY
from tests.launcher.traces import processes_in

PROJECT = Path(__file__).resolve().parents[2]
TWO_SERVERS = """
import sys, time
from pathlib import Path
from devtools.embedded.postgres import Postgres
from devtools.embedded.valkey import Valkey
place = Path(sys.argv[1])
postgres, valkey = Postgres(place / "postgres", log=place / "log"), Valkey(place / "valkey", log=place / "log")
postgres.start()
valkey.start()
print(postgres.url, flush=True)
time.sleep(600)
"""


@contextmanager
def running(place: Path) -> Iterator[Postgres]:
    server = Postgres(place / "postgres", log=place / "log")
    try:
        server.start()
        yield server
    finally:
        server.stop()


def ask(server: Postgres, query: str) -> object:
    with psycopg.connect(server.url, autocommit=True) as connection:
        cursor = connection.execute(query)
        return cursor.fetchone() if cursor.description else None


def test_keeps_data_over_a_stop_and_a_kill(place: Path, stopped: None) -> None:
    with running(place) as first:
        ask(first, "create table kept as select 7 as number")
    with running(place) as killed:
        after_a_stop = ask(killed, "select number from kept")
        assert killed.child
        os.kill(killed.child.pid, signal.SIGKILL)
        killed.child.wait(seconds=60)

    with running(place) as recovered:
        after_a_kill = ask(recovered, "select number from kept")

    assert (after_a_stop, after_a_kill) == ((7,), (7,))


def test_a_first_start_after_an_interrupted_one_opens_neither_the_data_nor_its_parents_to_others(
    place: Path,
) -> None:
    half = place / "postgres" / "data.new"
    half.parent.mkdir(mode=0o700)
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    before = [stat.S_IMODE(parent.stat().st_mode) for parent in place.parents]

    with running(place) as server:
        assert ask(server, "select 1") == (1,)

    kept_private = [place / "postgres", place / "postgres" / "data", place / "postgres" / "password"]
    assert [path for path in kept_private if path.stat().st_mode & 0o077] == []
    assert [stat.S_IMODE(parent.stat().st_mode) for parent in place.parents] == before
    assert (place / "postgres" / "data").stat().st_uid == privileges.owner()


def test_leaves_no_process_after_a_kill_of_the_parent(place: Path, stopped: None) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", TWO_SERVERS, str(place)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        url = parent.stdout.readline().strip()
        assert len(processes_in(place)) >= 8, "server, its helpers and Valkey are seen"
        with psycopg.connect(url):  # a client must not delay the end
            parent.kill()

            assert wait_until(lambda: not processes_in(place), seconds=60), processes_in(place)


@ROOT_ONLY
def test_goes_elsewhere_when_nobody_cannot_reach_the_folder(place: Path) -> None:
    place.chmod(0o700)
    with running(place) as first:
        ask(first, "create table kept as select 7 as number")
        assert first.child
        elsewhere = Path(f"/proc/{first.child.pid}/cwd").readlink().parent

    with running(place) as second:
        found = ask(second, "select number from kept")

    assert found == (7,)
    assert elsewhere.parent == privileges.SHARED_FOLDER, "no machine empties it, as it may /var/tmp"
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o700
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    shutil.rmtree(elsewhere)


@ROOT_ONLY
def test_takes_its_programs_along_when_nobody_cannot_reach_them(
    place: Path, stopped: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privileges, "reaches", lambda folder: "site-packages" not in str(folder))

    with running(place) as server:
        programs = processes_in(place / "postgres" / "programs")
        assert ask(server, "select 1") == (1,)

    assert programs, "the server runs from the copy"


def test_says_what_to_do_when_the_password_file_was_lost(place: Path, stopped: None) -> None:
    (place / "postgres" / "password").unlink()

    with pytest.raises(StartError, match="Put the old file back"), running(place):
        pass


def test_listens_on_loopback_only_and_shows_no_password(place: Path, stopped: None) -> None:
    valkey = Valkey(place / "valkey", log=place / "log")
    with running(place) as postgres:
        valkey.start()
        words = [postgres.url.split(":")[2].split("@")[0], valkey.url.split(":")[2].split("@")[0]]

        commands = " ".join(processes_in(place).values())
        listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
        valkey.stop()

    assert [word for word in words if word in commands] == []
    for port in (postgres.port, valkey.port):
        places = [
            line.split()[1] for line in listening.splitlines() if f":{port:04X} " in line and " 0A " in line
        ]
        assert places == [f"0100007F:{port:04X}"]


def test_valkey_keeps_data_over_a_restart_and_wants_its_password(place: Path) -> None:
    server = Valkey(place / "valkey", log=place / "log")
    server.start()
    with redis.Redis.from_url(server.url) as client:
        client.set("kept", "7")
    server.stop()
    server.start()

    with (
        redis.Redis.from_url(server.url) as client,
        redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0)) as stranger,
    ):
        found, rule = client.get("kept"), client.config_get("maxmemory-policy")
        with pytest.raises(redis.AuthenticationError):
            stranger.get("kept")
    server.stop()

    assert found == b"7"
    assert rule == {"maxmemory-policy": "noeviction"}
