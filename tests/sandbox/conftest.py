"""A running sandbox, put back to the start world before each test."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.support.sandbox import Sandbox

REDIRECT_BASE = "http://app.example:8000"


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[Sandbox]:
    """One process for the whole run."""
    with Sandbox(redirect_bases=(REDIRECT_BASE,)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(sandbox_process: Sandbox) -> Sandbox:
    """The sandbox as on its first day."""
    sandbox_process.put_app("facebook", redirect_uris=[f"{REDIRECT_BASE}/link/facebook/callback/"])
    sandbox_process.put_app("x", redirect_uris=[f"{REDIRECT_BASE}/link/x/callback/"])
    sandbox_process.reset()
    return sandbox_process


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    """A plain client that follows no redirect."""
    with httpx2.Client(timeout=10, trust_env=False) as client:
        yield client
