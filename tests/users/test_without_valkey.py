"""Without Valkey people log in, guessing is still stopped, and nobody waits for it."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from pytest_django import Settings

from adtoken_project import cache
from adtoken_project.celery import app
from adtoken_project.embedded.valkey import Valkey
from tests.support.factories import make_user
from tests.users.steps import is_logged_in, log_in
from users import asking_workers, limit_counts
from users.models import LoginRecord, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return make_user("ada@example.com", name="Ada Okafor")


@pytest.fixture
def own_valkey(tmp_path: Path, settings: Settings) -> Iterator[Valkey]:
    """A Valkey of this test's own, as the cache."""
    tmp_path.chmod(0o711)
    server = Valkey(tmp_path / "valkey", log=tmp_path / "valkey.log", persistent=False)
    server.start()
    settings.CACHES = {**settings.CACHES, "default": {**settings.CACHES["default"], "LOCATION": server.url}}
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


def test_people_log_in_and_guessing_is_stopped_while_valkey_is_stopped(ada: User, own_valkey: Valkey) -> None:
    own_valkey.stop()
    home = Client(REMOTE_ADDR="192.0.2.1")

    log_in(home, ada.email)

    assert is_logged_in(home)


def test_fifty_wrong_passwords_are_stopped_while_valkey_is_stopped(ada: User, own_valkey: Valkey) -> None:
    own_valkey.stop()
    thief, stranger = Client(REMOTE_ADDR="198.51.100.1"), Client(REMOTE_ADDR="203.0.113.9")
    for _ in range(50):
        log_in(thief, ada.email, "wrong")

    log_in(thief, ada.email)
    log_in(stranger, ada.email)

    assert not is_logged_in(thief)
    assert is_logged_in(stranger)
    assert LoginRecord.objects.filter(detail="wrong_password").count() == 5


def test_a_frozen_valkey_costs_one_log_in_half_a_second_and_the_next_nothing(
    ada: User, own_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze(own_valkey, monkeypatch)
    monkeypatch.setattr(cache, "AWAY_FOR", 600)
    first, second = Client(), Client()

    log_in(first, ada.email)
    tries = connections(own_valkey)
    log_in(second, ada.email)

    assert is_logged_in(first)
    assert is_logged_in(second)
    assert connections(own_valkey) == tries > 0


def test_the_table_keeps_what_it_holds_until_it_is_over() -> None:
    first = limit_counts.put("a", [1.5], 60, only_new=True)
    again = limit_counts.put("a", [2.5], 60, only_new=True)
    limit_counts.put("b", [], -1)

    assert (first, again) == (True, False)
    assert (limit_counts.get("a", []), limit_counts.get("b", "none")) == ([1.5], "none")
    assert limit_counts.put("b", [], 60, only_new=True)
    assert limit_counts.remove("a")
    limit_counts.put("c", [], -1)
    assert limit_counts.sweep() == 1


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
