"""Node's clients against the stand-ins: Meta's, LinkedIn's and TikTok's own, and three that many projects use. The steps: node/."""

import json
import os
import subprocess

import pytest

from tests.conformance.conftest import CALLBACK
from tests.support import node
from tests.support.sandbox import Sandbox

WITHIN = 60  # seconds
LOOPBACK = str(node.FOLDER / "loopback.cjs")

pytestmark = pytest.mark.skipif(node.missing() != "", reason=node.missing())


@pytest.mark.parametrize("name", ["facebook", "linkedin", "tiktok", "x", "oauth"])
def test_the_client_finds_nothing_wrong_with_the_stand_in(name: str, channels_world: Sandbox) -> None:
    world = {"base": channels_world.base, "apps": Sandbox.APPS, "callback": CALLBACK}
    command = ["node", "--test", "--require", LOOPBACK, f"{name}.test.mjs"]
    env = {"PATH": os.environ["PATH"], "ADTOKEN_SANDBOX": json.dumps(world)}

    run = subprocess.run(command, cwd=node.FOLDER, env=env, capture_output=True, text=True, timeout=WITHIN)

    assert run.returncode == 0, run.stdout + run.stderr
    assert "# pass 0" not in run.stdout


def test_no_client_reaches_beyond_this_machine() -> None:
    attempt = (
        "fetch('http://192.0.2.1/').catch(error => { console.log(error.cause?.message ?? error.message) })"
    )
    command = ["node", "--require", LOOPBACK, "--eval", attempt]

    run = subprocess.run(command, cwd=node.FOLDER, capture_output=True, text=True, timeout=WITHIN)

    assert "a test may not call 192.0.2.1" in run.stdout


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((node.FOLDER / "package-lock.json").read_text())

    packages = {name: row for name, row in lock["packages"].items() if name}

    assert packages
    assert not [name for name, row in packages.items() if "resolved" in row]
    assert all("integrity" in row for row in packages.values())
