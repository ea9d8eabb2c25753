"""What a drill needs: throw-away servers, an empty database, the stand-in channels with our apps, Django in this process."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.support.sandbox import Sandbox
from tests.support.servers import prepare


@dataclass
class Tally:
    """What came of one drill. `control`: what the naive way came to; it must fail, else the drill shows nothing."""

    drill: str
    tries: int = 0
    lost: int = 0  # what was acknowledged or spent, and is nowhere
    doubled: int = 0
    seconds: float = 0.0  # of the slowest recovery
    control: str = ""
    control_failed: bool = False
    broken: list[str] = field(default_factory=list)  # promises that no count says
    notes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether the product held and the naive way did not."""
        return not self.lost and not self.doubled and not self.broken and self.control_failed

    def note(self, words: str) -> None:
        """Keep a line, and show it at once: a drill takes long."""
        self.notes.append(words)
        sys.stderr.write(f"{words}\n")

    def tell(self) -> int:
        """Print it as one line of JSON. Returns the exit status."""
        sys.stdout.write(json.dumps({**asdict(self), "good": self.good}) + "\n")
        sys.stdout.flush()
        return 0 if self.good else 1


@contextmanager
def stage(**more: str) -> Iterator[Sandbox]:
    """Give the stand-ins; settings, database and apps are ready. `more`: what the environment has besides."""
    with prepare(), Sandbox() as world:
        from devtools.launcher import channel_addresses

        os.environ |= {
            "DEMO": "1",
            "BASE_URL": "http://127.0.0.1:8000",
            **channel_addresses(world.base),
            "DJANGO_SETTINGS_MODULE": "adtoken_project.settings",
            **more,
        }
        import django
        from django.core.management import call_command
        from django.test.utils import setup_test_environment

        django.setup()
        setup_test_environment()
        call_command("migrate", verbosity=0)
        from tests.support import native

        native.set_up_apps(world)
        yield world


def people(channel: str, *names: str, account: bool = True) -> None:
    """Have these people consent at the channel, once more where they did before; `account`: and link Lumen Shoes EU."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    from tests.support import native
    from tests.support.factories import make_user

    for name in names:
        client = Client()
        email = f"{name}@example.com"
        known = get_user_model().objects.filter(email=email).first()
        client.force_login(known or make_user(email, name=name.title()))
        (native.link if account else native.consent)(client, channel, name)


def until(done: Callable[[], bool], *, seconds: float) -> float:
    """Wait until something holds; returns the seconds that it took."""
    began = time.monotonic()
    while not done() and time.monotonic() - began < seconds:
        time.sleep(0.1)
    return time.monotonic() - began


def refreshes(world: Sandbox, channel: str) -> list[dict[str, Any]]:
    """The refreshes that the channel was asked for since its log was cleared."""
    calls = world.calls(channel=channel, method="POST")
    return [call for call in calls if call["form"].get("grant_type") == "refresh_token"]
