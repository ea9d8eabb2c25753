"""Our TypeScript client: built, packed, installed into a folder of its own, and used from there against the running server."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients import installation
from tests.support import node
from tests.support.sandbox import ROOT, Sandbox

SOURCE = ROOT / "clients" / "typescript"
WITHIN = 120  # seconds

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(node.missing(SOURCE) != "", reason=node.missing(SOURCE)),
]


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=WITHIN, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_installed_package_works_against_the_running_server(world: Sandbox, tmp_path: Path) -> None:
    shutil.rmtree(SOURCE / "dist", ignore_errors=True)
    run("node_modules/.bin/tsc", cwd=SOURCE)
    packed = run(
        "npm", "pack", "--ignore-scripts", "--silent", f"--pack-destination={tmp_path}", cwd=SOURCE
    ).strip()
    run(
        "npm",
        "install",
        "--offline",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        f"./{packed}",
        cwd=tmp_path,
    )
    shutil.copy(ROOT / "tests" / "clients" / "checks.test.mjs", tmp_path)
    command = ["node", "--test", "--require", str(node.FOLDER / "loopback.cjs"), "checks.test.mjs"]

    with installation.running(world) as known:
        said = run(*command, cwd=tmp_path, env={"PATH": os.environ["PATH"], "WORLD": known})

    assert "# fail 0" in said
    assert "# pass 0" not in said
