"""Who may ask about a token: one at a time, and a dead worker's claim ends with the worker."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.utils import timezone

from accounts import sweeps
from tests.support import connections, native
from tests.support.factories import NOW, make_token
from tests.support.sandbox import Sandbox
from tokens import probe
from tokens.channels.base import Verdict
from tokens.models import Token
from tokens.querysets import CLAIM

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def worker() -> Iterator[psycopg.Connection[Any]]:
    """Another process's connection."""
    made = connections.another()
    yield made
    made.close()


def claim_by(worker: psycopg.Connection[Any], token: Token, at: datetime) -> None:
    worker.execute(
        "update tokens_token set claimed_until = %s, claimed_by = pg_backend_pid() where id = %s",
        [at + CLAIM, token.pk],
    )


def test_a_living_workers_claim_is_left_alone_and_a_dead_ones_is_taken_over(
    worker: psycopg.Connection[Any],
) -> None:
    token = make_token(due_at=NOW)
    claim_by(worker, token, NOW)
    soon = NOW + timedelta(seconds=10)

    while_it_lives = probe.claim(token.pk, soon)
    connections.end(worker)

    assert not while_it_lives
    assert Token.objects.due(soon).filter(pk=token.pk).exists()
    assert probe.claim(token.pk, soon)
    assert not probe.claim(token.pk, soon + timedelta(seconds=5)), "it is ours now"


def test_a_claim_of_a_moment_ago_is_left_to_its_worker_whatever_became_of_him(
    worker: psycopg.Connection[Any],
) -> None:
    token = make_token()
    claim_by(worker, token, NOW)
    connections.end(worker)

    assert not probe.claim(token.pk, NOW + timedelta(seconds=1))


def test_a_claim_of_before_the_upgrade_runs_out_as_it_did() -> None:
    token = make_token(claimed_until=NOW + CLAIM)

    assert not probe.claim(token.pk, NOW + timedelta(seconds=60))
    assert probe.claim(token.pk, NOW + CLAIM + timedelta(seconds=1))


def test_whoever_waits_for_a_worker_that_dies_asks_instead(
    worker: psycopg.Connection[Any], channels_world: Sandbox
) -> None:
    native.set_up_apps(channels_world)
    native.linked("facebook", "ada")
    token = Token.objects.get()
    now = timezone.now()
    claim_by(worker, token, now - timedelta(seconds=30))
    connections.end(worker)
    began = time.monotonic()

    outcome = probe.probe(token.pk, now=now, source="report", timeout=5)

    assert (outcome.verdict, outcome.stale) == (Verdict.OK, False)
    assert time.monotonic() - began < 4


def test_nobody_waits_longer_than_ten_seconds_for_somebody_else(
    worker: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = make_token()
    claim_by(worker, token, NOW)
    clock = iter(float(second) for second in range(1000))
    monkeypatch.setattr("tokens.probe.time.monotonic", lambda: next(clock))
    monkeypatch.setattr("tokens.probe.time.sleep", lambda seconds: None)

    outcome = probe.probe(token.pk, now=NOW, source="staff")

    assert (outcome.verdict, outcome.stale) == (Verdict.TRANSIENT, True)
    assert next(clock) < 20


def test_a_check_that_fails_gives_its_claim_back(monkeypatch: pytest.MonkeyPatch) -> None:
    token = make_token(due_at=NOW)

    def fails(*args: object, **kwargs: object) -> None:
        raise SystemExit  # as a worker that is told to stop

    monkeypatch.setattr("tokens.probe.answers.learn", lambda now: None)
    monkeypatch.setattr("accounts.sweeps.courses.run_all", fails)

    with pytest.raises(SystemExit):
        sweeps.check_due(now=NOW)

    token.refresh_from_db()
    assert token.claimed_until is None
