import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from devtools import demo
from devtools.embedded.processes import StartError
from devtools.embedded.supervisor import take_lock
from devtools.launcher import Options, demo_keys, last_json
from sandbox import start
from tokens.channels.registry import CHANNELS

PROJECT = Path(__file__).resolve().parents[2]


def launch(**env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "devtools.launcher"]
    return subprocess.run(
        command,
        cwd=PROJECT,
        env=dict(os.environ) | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", ["WEB_PORT", "SANDBOX_PORT"])
def test_names_the_busy_port_and_its_variable(name: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(StartError, match=f"Port {port} is busy.*{name}={port + 1} make run"):
            Options.read({"WEB_PORT": "0", "SANDBOX_PORT": "0", name: str(port)})


@pytest.mark.parametrize("wrong", ["eighty", "-1", "70000"])
def test_refuses_what_is_no_port(wrong: str) -> None:
    with pytest.raises(StartError, match=f"WEB_PORT must be a port number, not '{wrong}'"):
        Options.read({"WEB_PORT": wrong})


def test_ends_with_status_1_and_one_clear_message_when_a_port_is_busy(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        done = launch(VAR=str(tmp_path / "var"), WEB_PORT=str(port), SANDBOX_PORT="0")

    assert done.returncode == 1
    assert done.stdout.strip().startswith(f"Port {port} is busy.")
    assert done.stderr == ""


def test_refuses_a_second_launcher_on_the_same_folder(tmp_path: Path) -> None:
    with take_lock(tmp_path):
        done = launch(VAR=str(tmp_path), WEB_PORT="0", SANDBOX_PORT="0")

    assert done.returncode == 1
    assert f"AdToken already runs on {tmp_path} (process {os.getpid()})" in done.stdout
    assert done.stderr == ""


def test_keeps_its_keys_in_a_private_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY")
    monkeypatch.delenv("FERNET_KEYS")
    path = tmp_path / "demo.env"

    made, found = demo_keys(path), demo_keys(path)

    assert made == found
    assert set(made) == {"SECRET_KEY", "FERNET_KEYS"}
    assert Fernet(made["FERNET_KEYS"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_prefers_keys_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERNET_KEYS", "mine")

    assert demo_keys(tmp_path / "demo.env")["FERNET_KEYS"] == "mine"


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ('noise\n{"a": 1}\n', {"a": 1}),
        ('{"a": 1}\n{"b": 2}\nnoise', {"b": 2}),
        ('{"a": 1}\n{"b": ', {"a": 1}),
        ("", {}),
    ],
)
def test_reads_the_last_whole_json_line(output: str, found: dict[str, int]) -> None:
    assert last_json(output) == found


def test_the_demo_has_an_app_of_the_sandbox_on_every_channel() -> None:
    assert Path(start.__file__).with_name("apps.json") == demo.APPS
    assert set(start.APPS) == set(CHANNELS)
