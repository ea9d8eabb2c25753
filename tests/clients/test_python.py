"""The Python client, built as a wheel, installed into an environment of its own, and used from there against the running server."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.clients import installation
from tests.support.sandbox import ROOT, Sandbox

SOURCE = ROOT / "clients" / "python"
WITHIN = 120  # seconds


def run(*command: str | Path, env: dict[str, str] | None = None, cwd: Path = ROOT) -> str:
    told = [str(part) for part in command]
    done = subprocess.run(told, env=env, cwd=cwd, capture_output=True, text=True, timeout=WITHIN, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in a fresh environment. What it needs comes from ours, so that the network is not asked: the same locked packages."""
    folder = tmp_path_factory.mktemp("client")
    run(sys.executable, "-m", "uv", "build", "--offline", "--quiet", "--wheel", f"--out-dir={folder}", SOURCE)
    (wheel,) = folder.glob("*.whl")
    made = folder / "venv"
    venv.create(made, symlinks=True)
    run(
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--offline",
        "--quiet",
        "--no-deps",
        f"--python={made}",
        wheel,
    )
    (packages,) = made.glob("lib/python*/site-packages")
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib"))
    return made


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_installed_client_works_against_the_running_server(
    environment: Path, world: Sandbox, tmp_path: Path
) -> None:
    checks = Path(__file__).with_name("checks.py")
    command = [
        "-m",
        "pytest",
        "-q",
        "--noconftest",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        f"--rootdir={tmp_path}",
    ]
    with installation.running(world) as known:
        env = {"PATH": f"{environment / 'bin'}:{os.environ['PATH']}", "WORLD": known, "NO_PROXY": "127.0.0.1"}

        said = run(environment / "bin" / "python", *command, "-W", "error", checks, env=env, cwd=tmp_path)

    assert "skipped" not in said
    assert "passed" in said
