"""Without Valkey people log in, guessing is still stopped, and nobody waits for it."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.cache import caches
from django.test import Client
from pytest_django import Settings

from adtoken_project.celery import app
from devtools.embedded.valkey import Valkey
from infra import asking_workers
from tests.users.steps import is_logged_in, log_in
from users.login import limits
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def own_valkey(tmp_path: Path, settings: Settings) -> Iterator[Valkey]:
    """A Valkey of this test's own, as each cache."""
    tmp_path.chmod(0o711)
    server = Valkey(tmp_path / "valkey", log=tmp_path / "valkey.log", persistent=False)
    server.start()
    settings.CACHES = {name: {**one, "LOCATION": server.url} for name, one in settings.CACHES.items()}
    yield server
    server.stop()


def freeze(server: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop its process for as long as the test runs; it goes on listening."""
    assert server.child is not None
    pid = server.child.pid
    os.kill(pid, signal.SIGSTOP)
    stop = server.stop

    def thaw_and_stop() -> None:
        os.kill(pid, signal.SIGCONT)
        stop()

    monkeypatch.setattr(server, "stop", thaw_and_stop)


def connections(server: Valkey) -> int:
    """Return how many came to a frozen server: it closes none."""
    place = f":{urlsplit(server.url).port:04X}"
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
    return sum(line.split()[1].endswith(place) for line in lines)


def test_a_valkey_that_goes_away_gives_a_guesser_no_limit_once_more(ada: User, own_valkey: Valkey) -> None:
    thief, stranger = Client(REMOTE_ADDR="198.51.100.1"), Client(REMOTE_ADDR="203.0.113.9")
    for _ in range(5):
        log_in(thief, ada.email, "wrong")
    own_valkey.stop()

    log_in(thief, ada.email)
    log_in(stranger, ada.email)

    assert not is_logged_in(thief)
    assert is_logged_in(stranger)


def test_a_count_is_kept_until_it_is_over() -> None:
    counts = caches["default"]
    counts.set("b", [], -1)

    first, again, over = counts.add("a", [1.5], 60), counts.add("a", [2.5], 60), counts.get("b", "none")

    assert (first, again, over) == (True, False, "none")
    assert counts.get("a") == [1.5]
    assert limits.remove_ended_counts() == 1
    assert counts.add("b", [], 60)
    assert counts.delete("a")


def test_whoever_asks_a_worker_while_the_queue_is_frozen_waits_half_a_second_once(
    own_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze(own_valkey, monkeypatch)
    monkeypatch.setattr(app.conf, "broker_write_url", own_valkey.url)
    monkeypatch.setattr(asking_workers, "AWAY_FOR", 600)
    task: Any = app.tasks["notifications.deliver_messages"]

    first = asking_workers.ask(task)
    tries = connections(own_valkey)
    second = asking_workers.ask(task)

    assert (first, second) == (False, False)
    assert connections(own_valkey) == tries > 0


def test_a_worker_is_asked_again_once_the_queue_answers(
    own_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.conf, "broker_write_url", own_valkey.url)
    task: Any = app.tasks["notifications.deliver_messages"]

    assert asking_workers.ask(task)
