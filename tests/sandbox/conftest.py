"""A running sandbox, put back to the start world before each test."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.support.sandbox import Sandbox

REDIRECT_BASE = "http://app.example:8000"


@pytest.fixture
def sandbox(channels_process: Sandbox) -> Sandbox:
    """The sandbox as on its first day."""
    for channel in ("facebook", "x"):
        channels_process.put_app(channel, redirect_uris=[f"{REDIRECT_BASE}/link/{channel}/callback/"])
    channels_process.reset()
    return channels_process


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    """A plain client that follows no redirect."""
    with httpx2.Client(timeout=60, trust_env=False, verify=False) as client:
        yield client
