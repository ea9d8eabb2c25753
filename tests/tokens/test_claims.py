"""Who may ask about a token: one at a time, and a dead worker's claim ends with the worker."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from accounts.checks import services as sweeps
from infra import liveness
from infra.liveness import CLAIM
from tests.support import native
from tests.support.factories import NOW, make_token
from tests.support.sandbox import Sandbox
from tokens.channels import http
from tokens.channels.kinds import Verdict
from tokens.checks import services as probe
from tokens.models import Token

pytestmark = pytest.mark.django_db(transaction=True)


def claim_by_another(token: Token, at: datetime) -> None:
    """Claim a token as another process does."""
    Token.objects.filter(pk=token.pk).update(claimed_until=at + CLAIM, claimed_by=-1)


def test_a_claim_is_kept_while_its_process_lives_and_ends_half_a_minute_after_it_at_most() -> None:
    token = make_token(due_at=NOW)
    claimed = Token.objects.filter(pk=token.pk).claimed_as(probe.claim_token(token.pk, NOW))

    with liveness.kept(claimed.keep_claimed):
        for seconds in range(5, 301, 5):
            assert liveness.renew(NOW + timedelta(seconds=seconds))
        after_minutes = probe.claim_token(token.pk, NOW + timedelta(seconds=315))
    liveness.renew(NOW + timedelta(seconds=310))  # it died: nobody renews it

    assert not after_minutes
    assert Token.objects.due(NOW + timedelta(seconds=330)).filter(pk=token.pk).exists()
    assert probe.claim_token(token.pk, NOW + timedelta(seconds=330))


def test_nobody_renews_what_another_process_took_over_nor_gives_it_back() -> None:
    token = make_token()
    claimed = Token.objects.filter(pk=token.pk).claimed_as(probe.claim_token(token.pk, NOW))
    claim_by_another(token, NOW + CLAIM)

    kept, given = claimed.keep_claimed(NOW + timedelta(hours=1)), claimed.let_go()

    token.refresh_from_db()
    assert (kept, given, token.claimed_until) == (0, 0, NOW + 2 * CLAIM)


@pytest.mark.parametrize("recorded", [True, False])
def test_a_check_that_fails_gives_back_its_own_claim_and_no_later_one_of_the_same_process(
    recorded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own ends as its answer is recorded; then it reads ad accounts, and somebody else may ask."""
    token, others = make_token(due_at=NOW), []

    def check(token: Token, **_: object) -> Iterator[Any]:
        if recorded:
            Token.objects.filter(pk=token.pk).update(claimed_until=None, claimed_by=None)
            others.append(probe.claim_token(token.pk, NOW))
        yield lambda: None
        raise KeyError("a_field")

    monkeypatch.setattr(sweeps, "check_token", check)

    with pytest.raises(KeyError):
        sweeps.check_now(token, now=NOW)
    after_one = Token.objects.claimed_as(*others).count(), Token.objects.free(NOW).count()
    Token.objects.update(claimed_until=None, claimed_by=None)
    sweeps.run_sweep(channel=token.app.channel, clock=lambda: NOW)
    after_sweep = Token.objects.claimed_as(*others).count(), Token.objects.free(NOW).count()

    assert after_one == after_sweep == ((1, 0) if recorded else (0, 1))


def test_a_process_renews_by_a_thread_of_its_own_what_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "EVERY", 0.02)
    monkeypatch.setattr(liveness, "_threads", {})  # that of a test before may still sleep
    token = make_token()
    now = timezone.now()
    claimed = Token.objects.filter(pk=token.pk).claimed_as(probe.claim_token(token.pk, now))
    renewed = threading.Event()

    def keep(at: datetime) -> None:
        if claimed.keep_claimed(at):
            renewed.set()

    with liveness.kept(keep):
        assert renewed.wait(60)

    token.refresh_from_db()
    assert token.claimed_until is not None
    assert token.claimed_until > now + CLAIM


def test_whoever_waits_for_a_worker_that_dies_asks_instead(channels_world: Sandbox) -> None:
    native.set_up_apps(channels_world)
    native.linked("facebook", "ada")
    token = Token.objects.get()
    now = timezone.now()
    claim_by_another(token, now - CLAIM + timedelta(seconds=1))

    outcome = probe.probe_token(token.pk, now=now, source="report", timeout=5)

    assert (outcome.verdict, outcome.stale) == (Verdict.OK, False)


def test_nobody_waits_longer_than_ten_seconds_for_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    token = make_token()
    claim_by_another(token, NOW)
    clock = iter(float(second) for second in range(1000))
    fast = SimpleNamespace(monotonic=lambda: next(clock), sleep=lambda seconds: None)
    for module in (probe, http):  # not time itself: threads beside this would spin
        monkeypatch.setattr(module, "time", fast)

    outcome = probe.probe_token(token.pk, now=NOW, source="staff")

    assert (outcome.verdict, outcome.stale) == (Verdict.TRANSIENT, True)
    assert next(clock) < 20


def test_a_check_that_fails_gives_its_claim_back(monkeypatch: pytest.MonkeyPatch) -> None:
    token = make_token(due_at=NOW)

    def fails(*args: object, **kwargs: object) -> None:
        raise SystemExit  # as a worker that is told to stop

    monkeypatch.setattr("accounts.checks.services.io_steps.run_concurrently", fails)

    with pytest.raises(SystemExit):
        sweeps.check_due_tokens(now=NOW)

    token.refresh_from_db()
    assert token.claimed_until is None
