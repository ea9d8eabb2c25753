"""The load client asks on, whatever the server does with its connections."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.running import ROOT, web

pytestmark = pytest.mark.slow


def test_a_connection_that_the_server_closes_after_an_answer_is_opened_again(tmp_path: Path) -> None:
    requests = tmp_path / "requests"
    requests.write_text('["/echo", "{}"]\n')
    flags = ("--workers=2", "--threads=2", "--max-requests=100", "--max-requests-jitter=50")

    with web(tmp_path, *flags) as server:
        done = subprocess.run(
            [
                sys.executable, "-m", "benchmarks.load", f"--port={server.port}", f"--requests={requests}",
                "--connections=4", "--seconds=2",
            ],
            cwd=ROOT, check=True, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        replaced = server.log.read_text().count("Booting worker") - 2

    found = json.loads(done.stdout)
    assert replaced >= 2
    assert found["requests"] > 200, "four connections would have ended with the first processes"
    assert found["errors"] == 0
