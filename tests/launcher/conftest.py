"""A folder that PostgreSQL can be run in, and servers that are surely stopped."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devtools.embedded.postgres import Postgres

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="of root alone; run the tests as root too")


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
