"""Fixtures for all tests. The servers behind them are started by tests/support/servers.py."""

import os
from collections.abc import Iterator

import pytest
import redis

from tests.support import chromium


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip browser tests where no Chromium can be had; the end of the run says so."""
    if chromium.find() is None:
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason=chromium.NONE_FOUND))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One loud line for all skipped browser tests."""
    skipped = terminalreporter.stats.get("skipped", [])
    if any(chromium.NONE_FOUND in str(report.longrepr) for report in skipped):
        terminalreporter.write_line(chromium.NONE_FOUND, red=True, bold=True)


@pytest.fixture(scope="session")
def valkey() -> Iterator[redis.Redis]:
    """A client of this process's own Valkey database."""
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    yield client
    client.close()


@pytest.fixture(autouse=True)
def _empty_valkey(valkey: redis.Redis) -> None:
    """Each test begins with an empty cache: rate limits and locks of one test do not reach the next."""
    valkey.flushdb()
