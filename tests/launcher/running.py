"""The whole product, started by its launcher as `make run` does."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devtools.embedded.processes import wait_until
from tests.launcher.traces import processes_in
from tests.support.sandbox import dying_with_us

PROJECT = Path(__file__).resolve().parents[2]
OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FERNET_KEYS", "EMAIL_URL", "BASE_URL")
START_SECONDS = 250  # the promise is far lower; a busy machine is no failure


class Run:
    """One run on a folder. Its parts are found by words of their command lines."""

    def __init__(self, var: Path, output: Path, process: "subprocess.Popen[bytes]") -> None:
        self.var, self.output, self.process = var, output, process

    @property
    def facts(self) -> dict[str, Any]:
        """What the launcher wrote about this run."""
        found: dict[str, Any] = json.loads((self.var / "run.json").read_text())
        return found

    @property
    def said(self) -> str:
        """What the person at the terminal has read."""
        return self.output.read_text()

    def pids(self, words: str) -> set[int]:
        """Return the numbers of the processes whose command line has these words."""
        return {pid for pid, command in processes_in(self.var).items() if words in command}

    def status(self, path: str, *, at: str = "web") -> int:
        """Return the status of a page; 0 where nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.facts[at]}{path}", timeout=60) as answer:
                code: int = answer.status
        except urllib.error.HTTPError as error:
            with error:
                code = error.code
        except OSError:
            code = 0
        return code


@contextmanager
def launched(var: Path, output: Path) -> Iterator[Run]:
    """Start it, without demo data, and stop it where the caller has not."""
    env = {name: value for name, value in os.environ.items() if name not in OURS}
    env |= {"VAR": str(var), "WEB_PORT": "0", "SANDBOX_PORT": "0", "DEMO_FILL": "0"}
    command = dying_with_us(sys.executable, "-m", "devtools.launcher")
    with output.open("wb") as file, subprocess.Popen(command, cwd=PROJECT, env=env, stdout=file) as process:
        try:
            reported = wait_until(
                lambda: (var / "run.json").exists() or process.poll() is not None, seconds=START_SECONDS
            )
            assert reported, output.read_text()
            assert process.poll() is None, output.read_text()
            yield Run(var, output, process)
        finally:
            process.terminate()
            process.wait(timeout=50)
