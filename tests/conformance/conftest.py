"""Third-party clients, re-pointed at the sandbox (docs/conformance.md tells how and why)."""

from collections.abc import Callable

import pytest

from tests.support.sandbox import Sandbox


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients obey the proxy of a developer's shell; the sandbox is on this machine."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture
def fill(channels_world: Sandbox) -> Callable[[str, int], set[str]]:
    """Give ada so many more ad accounts on a channel; returns the names of all that she has."""

    def make(channel: str, count: int) -> set[str]:
        for number in range(count):
            account = f"{700000000000 + number}"
            channels_world.put_account(channel, account, name=f"Shop {number:03}", roles={"ada": "admin"})
        rows = channels_world.state()["accounts"]
        return {row["name"] for row in rows if row["channel"] == channel and "ada" in row["roles"]}

    return make
