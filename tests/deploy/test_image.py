"""The image's Dockerfile, step by step without Docker: what it copies is all that a web process needs."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.conf import settings

from devtools.embedded.processes import LOOPBACK, free_port, wait_until
from tests.deploy.test_stop import listens

ROOT = Path(settings.BASE_DIR)
APPS = (
    "accounts",
    "adtoken_project",
    "broker",
    "infra",
    "macros",
    "notifications",
    "portal",
    "selfservice",
    "tokens",
    "ui",
    "users",
)
HOME = "/opt/adtoken"
BASE_URL = "https://adtoken.example.com"


def steps() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile with their arguments."""
    text = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def copied() -> list[tuple[list[str], str]]:
    """Return sources and target of each COPY out of the repository."""
    rows = [shlex.split(rest) for word, rest in steps() if word == "COPY" and "--from" not in rest]
    return [(row[:-1], row[-1]) for row in rows]


def _left_out(folder: str, names: list[str]) -> set[str]:
    """Return which of a folder's names never reach the build."""
    text = (ROOT / "deploy/Dockerfile.dockerignore").read_text(encoding="utf-8")
    lines = [line.removeprefix("**/") for line in text.splitlines() if line and line[0] not in "*!"]
    here = Path(folder).relative_to(ROOT)
    # Compiled files come along, though no build has them: each process here would compile 600 files.
    return {name for name in names if str(here / name) in lines}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree that the Dockerfile makes: its copies, and its steps of Django's with the packages that are installed here."""
    tree = tmp_path_factory.mktemp("image")
    for sources, target in copied():
        for source in sources:
            path = (
                tree / target / Path(source).name if target.endswith("/") or target == "./" else tree / target
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, path, ignore=_left_out)
            else:
                shutil.copy(ROOT / source, path)
    for word, rest in steps():
        if word == "RUN" and "manage.py" in rest:
            command = [sys.executable, *shlex.split(rest)[1:]]
            subprocess.run(
                command, cwd=tree, env={"PATH": os.environ["PATH"]}, check=True, capture_output=True
            )
    return tree


def test_every_source_exists_and_reaches_the_build() -> None:
    ignored = (ROOT / "deploy/Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    sources = [source for names, _ in copied() for source in names]

    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert [source for source in sources if f"!{source}" not in ignored] == []
    assert ignored[0] == "*"


def test_every_app_and_nothing_of_demo_or_tests_is_in_it() -> None:
    sources = {source for names, _ in copied() for source in names}

    assert {*APPS, "locale", "templates", "manage.py"} <= sources
    assert {
        source
        for source in sources
        if re.match("sandbox|devtools|tests|benchmarks|drills|requirements-|var|docs", source)
    } == set()


def test_it_is_built_in_two_stages_and_runs_as_nobody_in_particular() -> None:
    words = [word for word, _ in steps()]
    users = [rest for word, rest in steps() if word == "USER"]

    assert words.count("FROM") == 2
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1])
    assert words.index("USER") > words.index("FROM", 1)
    assert {word for word, _ in steps()} <= {
        "FROM", "WORKDIR", "ARG", "RUN", "COPY", "ENV", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "CMD",
    }  # fmt: skip
    assert any("--require-hashes -r requirements.txt" in rest for _, rest in steps())


@contextmanager
def served(tree: Path) -> Iterator[tuple[int, Path]]:
    """Run the image's own command on a disk that nobody may write to. Yields the port and the log."""
    (command,) = [rest for word, rest in steps() if word == "CMD"]
    arguments = [part.strip(' "') for part in command.strip("[]").split(",")]
    port, log = free_port(), tree.parent / "web.log"
    arguments[arguments.index("--bind") + 1] = f"{LOOPBACK}:{port}"
    names = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PATH")
    env = {name: os.environ[name] for name in names} | {
        "FERNET_KEYS": Fernet.generate_key().decode(), "EMAIL_URL": "smtp://127.0.0.1:1", "BASE_URL": BASE_URL,
        "WEB_CONCURRENCY": "1", "PYTHONDONTWRITEBYTECODE": "1", "LOG_FORMAT": "json",
    }  # fmt: skip
    with log.open("wb") as file:
        web = subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=tree, env=env, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        assert wait_until(lambda: listens(port) or web.poll() is not None, seconds=60)
        assert web.poll() is None, log.read_text()
        assert healthy(tree, port), log.read_text()
        yield port, log
        web.send_signal(signal.SIGTERM)
        assert web.wait(35) == 0
    finally:
        web.kill()
        web.wait()


def healthy(tree: Path, port: int) -> bool:
    """Ask as the image's HEALTHCHECK does."""
    (check,) = [rest for word, rest in steps() if word == "HEALTHCHECK"]
    script = check.rpartition('"python", ')[2].strip('"] ')
    command = [sys.executable, script, f"http://{LOOPBACK}:{port}/livez"]
    return (
        subprocess.run(
            command, cwd=tree, env={"BASE_URL": BASE_URL}, capture_output=True, check=False
        ).returncode
        == 0
    )


@pytest.mark.slow
def test_its_command_serves_pages_with_collected_files_logs_no_secret_and_stops_in_order(image: Path) -> None:
    visitor = "203.0.113.7"
    headers = {"Host": "adtoken.example.com", "X-Forwarded-Proto": "https", "X-Forwarded-For": visitor}
    invitation = "eyJpbnZpdGF0aW9uIjo3fQ-secret"

    with served(image) as (port, log):
        for path in ("/livez?code=oauth-secret", f"/livez/{invitation}/"):
            asked = urllib.request.Request(f"http://{LOOPBACK}:{port}{path}", headers=headers)
            try:
                urllib.request.urlopen(asked, timeout=10).close()
            except urllib.error.HTTPError as error:
                error.close()

    said = log.read_text()
    assert (image / "staticfiles/staticfiles.json").exists()
    (line,) = [json.loads(line) for line in said.splitlines() if f"{visitor} GET /livez 200 " in line]
    facts = {"address": visitor, "method": "GET", "path": "/livez", "status": 200}
    assert {**line, **facts} == line
    assert {"request_id", "bytes", "duration_ms"} <= line.keys()
    assert re.search(r"GET /livez/\.\.\./ \d+ ", said), said
    assert "oauth-secret" not in said
    assert not [line for line in said.splitlines() if invitation in line and " GET " in line]
