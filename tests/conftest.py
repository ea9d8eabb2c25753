"""Fixtures for all tests. The servers behind them are started by tests/support/servers.py."""

import os
from collections.abc import Iterator

import pytest
import redis


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
