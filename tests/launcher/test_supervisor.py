import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devtools.embedded.processes import Child, StartError, free_port, wait_until
from devtools.embedded.supervisor import Supervisor
from tests.launcher.traces import processes_in

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
STUBBORN_RUN = """
import sys
from pathlib import Path
from devtools import launcher
from devtools.embedded.processes import Child

def start(self):
    child = Child(name="slow", command=[sys.executable, "-c", sys.argv[2]], log=Path(sys.argv[1]) / "slow", env={})
    self.supervisor.add(child, serves=False)
    child.start()
    self.describe = lambda: "started"

launcher.Launcher.start = start
raise SystemExit(launcher.main())
"""
WITH_CHILD = (
    "import subprocess, time; subprocess.Popen(['sleep', '600']); print('up', flush=True); time.sleep(600)"
)


def child(folder: Path, code: str, *, seconds: float = 5) -> Child:
    return Child(
        name="part",
        command=[sys.executable, "-c", code],
        log=folder / "part.log",
        env=dict(os.environ) | {"ADTOKEN_RUN": str(folder)},
        stops=((signal.SIGTERM, seconds),),
    )


def test_ends_all_when_a_part_died(tmp_path: Path) -> None:
    supervisor = Supervisor()
    part = child(tmp_path, "print('out of paper'); raise SystemExit(4)")
    supervisor.add(part, serves=False)
    part.start()
    part.wait(seconds=60)

    with pytest.raises(StartError, match="part ended with status 4") as caught:
        supervisor.require_running()

    assert "    out of paper" in str(caught.value)


def test_kills_a_part_that_does_not_want_to_end(tmp_path: Path) -> None:
    part = child(tmp_path, STUBBORN, seconds=0.2)
    part.start()
    assert wait_until(lambda: "up" in part.output(), seconds=60)

    part.stop()

    assert part.exit_code == -signal.SIGKILL


def test_stops_the_children_of_a_part_too(tmp_path: Path) -> None:
    part = child(tmp_path, WITH_CHILD)
    part.start()
    assert wait_until(lambda: "up" in part.output(), seconds=60)
    assert len(processes_in(tmp_path)) == 2

    part.stop()

    assert wait_until(lambda: not processes_in(tmp_path), seconds=60)


def test_tells_why_a_command_failed(tmp_path: Path) -> None:
    supervisor = Supervisor()

    with pytest.raises(StartError, match=r"part ended with status 2\. Do this") as caught:
        supervisor.run_once(
            child(tmp_path, "print('no table'); raise SystemExit(2)"), seconds=10, advice="Do this."
        )

    assert "    no table" in str(caught.value)


def test_says_when_a_program_is_missing(tmp_path: Path) -> None:
    part = Child(name="part", command=["no-such-program"], log=tmp_path / "log", env=dict(os.environ))
    part.start()

    part.wait(seconds=60)

    assert "cannot run no-such-program: No such file" in part.last_lines()


def test_ctrl_c_stops_all_in_the_end_however_often_it_comes(tmp_path: Path) -> None:
    env = dict(os.environ) | {"VAR": str(tmp_path / "var"), "WEB_PORT": "0", "SANDBOX_PORT": "0"}
    command = [sys.executable, "-c", STUBBORN_RUN, str(tmp_path), STUBBORN]
    output = tmp_path / "output"
    with output.open("wb") as file, subprocess.Popen(command, env=env, stdout=file) as run:
        slow = tmp_path / "slow"
        assert wait_until(lambda: slow.exists() and "up" in slow.read_text(), seconds=60)

        for _ in range(2):
            run.send_signal(signal.SIGINT)
            assert wait_until(lambda: "Stopping ..." in output.read_text(), seconds=60)

        assert run.wait(timeout=60) == 0
    assert output.read_text().endswith("Stopping ...\nAdToken has stopped.\n")
    assert wait_until(lambda: not processes_in(tmp_path), seconds=60)


def test_a_port_for_a_server_is_none_that_an_outgoing_connection_may_get_meanwhile() -> None:
    first_of_connections = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    assert all(free_port() < first_of_connections for _ in range(20))
