"""A folder that PostgreSQL can be run in whichever way, and servers that are surely stopped."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devtools.embedded.postgres import Postgres
from devtools.embedded.privileges import Way, choose_way

IS_ROOT = os.geteuid() == 0
ROOT_ONLY = pytest.mark.skipif(not IS_ROOT, reason="only root has this way; run the tests as root too")
ROOTS_WAYS = [pytest.param(way, marks=ROOT_ONLY) for way in (Way.NAMESPACE, Way.SETPRIV)]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that others may pass through, which pytest's own is not."""
    with _place() as folder:
        yield folder


@pytest.fixture(scope="module")
def _made() -> Iterator[Path]:
    with _place() as folder:
        server = Postgres(folder / "postgres", log=folder / "log")
        try:
            server.start()
        finally:
            server.stop()
        yield folder / "postgres"


@pytest.fixture
def stopped(_made: Path, place: Path) -> None:
    """In the place: what a server has left that was started and stopped. `initdb`, a second each time, made it once for all."""
    shutil.copytree(_made, place / "postgres", symlinks=True)


@contextmanager
def _place() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="adtoken-place-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


# A user whose number has no name, as in some containers, runs in the namespace too.
@pytest.fixture(params=ROOTS_WAYS if IS_ROOT else [choose_way(), *ROOTS_WAYS])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Way:
    """Each way of this user in turn."""
    chosen: Way = request.param
    if chosen is Way.SETPRIV:
        refuse_namespaces(monkeypatch, tmp_path)
    return chosen


def refuse_namespaces(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Have this machine refuse user namespaces, as containers do."""
    refusal = folder / "unshare"
    refusal.write_text("#!/bin/sh\nexit 1\n")
    refusal.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
