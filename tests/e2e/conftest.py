"""The product and a browser for the stories."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.driver import Chromium, Windows, launched_browser, pictures_folder
from tests.e2e.product import Product, launched
from tests.support import migrated

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a browser and time."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A folder that others may pass through, which pytest's own is not: PostgreSQL does not run as root."""
    folder = Path(tempfile.mkdtemp(prefix="adtoken-e2e-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="package")
def product(place: Path) -> Iterator[Product]:
    """The running product, one for all stories: each has a channel of its own. Today's scheduled evaluation is over."""
    with (
        migrated.copied(f"stories_{os.getpid()}") as database_url,
        launched(place / "product", database_url=database_url) as running,
    ):
        running.finish_todays_evaluation()
        running.beat_quickly()
        yield running


@pytest.fixture(scope="package")
def windows() -> Iterator[Windows]:
    """A real Chromium, one for all. Its event loop ends with these tests, none of which uses the ORM: it refuses to work beside one."""
    with sync_playwright() as playwright, launched_browser(playwright) as started:
        yield started


@pytest.fixture
def chromium(windows: Windows, product: Product) -> Iterator[Chromium]:
    """What opens windows. Demands at the end that no page in them had trouble."""
    program = Chromium(windows, product.web, pictures_folder())
    yield program
    assert program.troubles == []
