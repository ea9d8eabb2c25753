"""Third-party clients, re-pointed at the sandbox (docs/conformance.md tells how and why)."""

from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.support.sandbox import Sandbox

CALLBACK = "http://app.example:8000/link/back/"
IN_ORDER = {"snapchat": "ACTIVE", "linkedin": "ACTIVE", "tiktok": "STATUS_ENABLE"}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients obey the proxy of a developer's shell; the sandbox is on this machine."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture
def fill(channels_world: Sandbox) -> Callable[[str, int], set[str]]:
    """Give ada so many more ad accounts on a channel; returns the names of all that she has."""

    def make(channel: str, count: int) -> set[str]:
        fields = {"roles": {"ada": "admin"}, "status": IN_ORDER.get(channel, "")}
        for number in range(count):
            channels_world.put_account(
                channel, f"{700000000000 + number}", name=f"Shop {number:03}", **fields
            )
        rows = channels_world.state()["accounts"]
        return {row["name"] for row in rows if row["channel"] == channel and "ada" in row["roles"]}

    return make


@pytest.fixture
def consent(channels_world: Sandbox) -> Iterator[Callable[..., dict[str, str]]]:
    """Let a person press Allow on the page at `address`; returns what the redirect brings back to CALLBACK."""
    with httpx2.Client(trust_env=False) as browser:

        def press(channel: str, address: str, user: str, **more: str) -> dict[str, str]:
            channels_world.put_app(channel, redirect_uris=[CALLBACK])
            asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
            form = {**asked, "user": user, "action": "allow", **more}
            answer = browser.post(address.partition("?")[0], data=form)
            assert answer.status_code == 302, answer.text
            return {n: v[0] for n, v in parse_qs(urlsplit(answer.headers["location"]).query).items()}

        yield press
