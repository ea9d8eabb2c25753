"""A web server that is told to stop: what has begun is answered, and who comes then is refused at once, so that a proxy goes elsewhere."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from adtoken_project.web.bridge import Threads
from devtools.embedded.processes import LOOPBACK, free_port, wait_until

ROOT = Path(settings.BASE_DIR)
FOLDER = os.environ.get("STOP_FOLDER", "")  # where the slow page says that it has begun, and is told to go on


def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """What gunicorn serves here: who answers, and a page that takes a while."""
    body = str(os.getpid()).encode()
    if environ["PATH_INFO"] == "/slow":
        tempfile.mkstemp(prefix="begun", dir=FOLDER)
        wait_until(lambda: Path(FOLDER, "go").exists(), seconds=100)
        body = b"ok"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


application = Threads(answer, count=4)


def answers(port: int, path: str) -> str:
    """Return the body; empty where nobody answers."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}{path}", timeout=100) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def both_answer(port: int, seen: set[str]) -> bool:
    """Ask once more who answers, and return whether it has been two processes by now."""
    seen |= {answers(port, "/")} - {""}
    return len(seen) == 2


def listens(port: int) -> bool:
    with socket.socket() as late:
        return late.connect_ex((LOOPBACK, port)) == 0


@pytest.mark.slow
def test_whoever_comes_while_it_stops_is_refused_and_what_has_begun_is_answered(tmp_path: Path) -> None:
    port, slow, processes = free_port(), list[str](), set[str]()
    command = ["-c", "deploy/gunicorn.conf.py", f"--bind={LOOPBACK}:{port}", "--workers=2"]
    with (tmp_path / "log").open("wb") as log:
        web = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *command, "tests.deploy.test_stop:application"],
            cwd=ROOT, stdout=log, stderr=log, env={**os.environ, "STOP_FOLDER": str(tmp_path)},
        )  # fmt: skip
    try:
        # A process that is told to stop while it starts does not hear it: gunicorn ends it once its time is over.
        assert wait_until(lambda: both_answer(port, processes), seconds=60), (tmp_path / "log").read_text()
        begun = [threading.Thread(target=lambda: slow.append(answers(port, "/slow"))) for _ in range(4)]
        for one in begun:
            one.start()
        assert wait_until(lambda: len(list(tmp_path.glob("begun*"))) == 4, seconds=60)

        web.send_signal(signal.SIGTERM)

        assert wait_until(lambda: not listens(port), seconds=60), "taken by the kernel, and by nobody else"
        (tmp_path / "go").touch()
        for one in begun:
            one.join()
        assert slow == ["ok"] * 4
        assert web.wait(60) == 0
    finally:
        web.kill()
        web.wait()
