"""Refreshes have a process of their own: one call however many ask, and its answer is stored whoever stopped waiting for it."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from threading import Thread
from typing import Any

import httpx2
import pytest
import redis
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.api_keys import services as api_keys
from accounts.checks import services as sweeps
from accounts.models import Account, ApiKey
from broker import Caller
from broker.leases import services as leases
from broker.leases import slow as slow_leases
from broker.leases.errors import Busy
from infra import liveness
from tests.support import native, processes
from tests.support.sandbox import Sandbox
from tokens import lifecycle
from tokens.channels import brake, gate
from tokens.checks import refresh_lane
from tokens.checks import services as probe
from tokens.models import Token, TokenEvent
from users.models import Team

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.lane, pytest.mark.usefixtures("world")]

HOUR = timedelta(hours=1)


@pytest.fixture
def account(world: Sandbox) -> Account:
    """Linked by Ada at Snapchat, whose refresh tokens are good for one use; the access token is over."""
    world.put_app("snapchat", settings={"rotate": True})
    found = native.linked("snapchat", "ada")
    run_out()
    world.clear_calls()
    return found


def run_out() -> None:
    Token.objects.update(access_expires_at=timezone.now() - HOUR, due_at=timezone.now() + HOUR)


def refreshes(world: Sandbox, channel: str = "snapchat") -> int:
    """How many refreshes the channel was asked for."""
    calls = world.calls(channel=channel, method="POST")
    return sum(call["form"].get("grant_type") == "refresh_token" for call in calls)


def is_under_way() -> bool:
    return Token.objects.filter(refresh_began_at__isnull=False).exists()


@pytest.fixture
def jobs() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(12) as threads:
        yield threads


def test_callers_in_several_processes_bring_about_one_call_and_all_are_served(
    world: Sandbox, account: Account, jobs: ThreadPoolExecutor, valkey: redis.Redis
) -> None:
    key = api_keys.issue_key(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    headers = {"Authorization": f"Bearer {key}"}
    world.add_fault("snapchat", path="access_token", delay=60, late=True)
    with processes.refresh_lane(world), processes.web(world, workers=2, threads=6) as address:

        def lease(_number: int) -> httpx2.Response:
            path = f"{address}/api/v1/accounts/snapchat/{account.native_id}/lease"
            return httpx2.post(path, json={}, headers=headers, timeout=30, trust_env=False, verify=False)

        asked = [jobs.submit(lease, number) for number in range(12)]
        processes.wait(is_under_way, seconds=60)
        valkey.flushall()
        processes.wait(lambda: refreshes(world) == 1 and sum(job.done() for job in asked) >= 8, seconds=60)
        world.clear_faults()
        first = [job.result() for job in asked]
        afterwards = [answer.status_code for answer in jobs.map(lease, range(12))]

    assert {answer.status_code for answer in first} == {200, 503}, "two threads of a process wait, no more"
    assert all(answer.headers.get("Retry-After") for answer in first if answer.status_code == 503)
    assert afterwards == [200] * 12
    assert refreshes(world) == 1
    assert Token.objects.get().generation == 2


def test_a_refresh_that_takes_longer_than_anybody_waits_is_stored_all_the_same(
    world: Sandbox, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "REFRESH_WAIT", 0.5)
    world.add_fault("snapchat", path="access_token", delay=60, late=True, count=1)
    token = Token.objects.get()

    with processes.worker(world) as worker:
        with pytest.raises(Busy) as told:
            leases.lease(caller=Caller(), channel="snapchat", native_id=account.native_id, now=timezone.now())
        processes.wait(lambda: refreshes(world) == 1, seconds=60)
        worker.tell_to_stop()
        world.clear_faults()
        processes.wait(lambda: not worker.is_running, seconds=60)

    assert told.value.retry_after == slow_leases.RENEWED_WITHIN
    assert refreshes(world) == 1
    token.refresh_from_db()
    assert (token.state, token.refresh_began_at, token.refresh_wanted_at, token.claimed_until) == (
        "valid", None, None, None,
    )  # fmt: skip
    assert token.access_expires_at is not None
    assert token.access_expires_at > timezone.now()
    assert any("stopped." in line for line in worker.said)


def test_a_wish_wakes_a_lane_that_rests(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh_lane, "LOOK_EVERY", 90)
    lane = refresh_lane.RefreshLane(at_once=3)
    thread = Thread(target=lane.run)
    thread.start()
    processes.wait(lambda: lane._is_told, seconds=60)

    lifecycle.want_refresh(token_id=Token.objects.get().pk, now=timezone.now(), source="lease", renew=True)
    processes.wait(lambda: Token.objects.get().generation == 2, seconds=60)
    lane.stop()
    thread.join()

    assert Token.objects.get().generation == 2


def test_a_process_killed_over_an_answer_is_missed_and_nobody_else_is_blamed(
    world: Sandbox, account: Account
) -> None:
    world.add_fault("snapchat", path="access_token", delay=30, late=True, count=1)
    world.delete_mails()
    token = Token.objects.get()
    with processes.refresh_lane(world) as killed:
        probe.probe_token(token.pk, now=timezone.now(), source="lease", timeout=0.1)
        processes.wait(lambda: refreshes(world) == 1, seconds=60)
        killed.kill()
    token.refresh_from_db()
    assert token.claimed_until is not None
    held_for = token.claimed_until - timezone.now()
    Token.objects.update(claimed_until=timezone.now())  # so long after

    with processes.refresh_lane(world):
        processes.wait(lambda: Token.objects.filter(state="cooling").exists(), seconds=60)

    token.refresh_from_db()
    assert held_for <= liveness.CLAIM
    assert (token.reason, token.doubts.get().reason) == ("doubted", "answer_lost")
    assert refreshes(world) == 2  # the one whose answer was lost, and one more try
    kinds = list(TokenEvent.objects.filter(token=token).values_list("kind", flat=True))
    assert kinds[:2] == [TokenEvent.Kind.COOLED, TokenEvent.Kind.ANSWER_LOST]


def test_a_sweep_leaves_the_refresh_to_its_lane_and_reads_the_ad_accounts_afterwards(
    world: Sandbox, account: Account
) -> None:
    Token.objects.update(due_at=timezone.now() - HOUR)

    sweeps.check_due_tokens(now=timezone.now())
    left_alone = refreshes(world)
    claim = Token.objects.refresh_wanted(timezone.now()).claim(timezone.now())
    refresh_lane.RefreshLane()._make(Token.objects.select_related("app").get(), claim)
    again = sweeps.check_due_tokens(now=timezone.now())

    paths = [call["path"] for call in world.calls(channel="snapchat", method="GET")]
    assert (left_alone, refreshes(world), again) == (0, 1, 1)
    assert any(account.native_id in path for path in paths)
    assert "/v1/me" not in paths, "a renewal is a good report, so the channel is not asked again"
    assert Token.objects.filter(due_at__gt=timezone.now(), due_for="probe").exists()


@pytest.mark.parametrize("taken", [False, True])
def test_a_wish_that_comes_while_a_refresh_ends_is_kept_and_so_is_the_claim_of_who_looks_after_it(
    taken: bool, account: Account
) -> None:
    """It comes after the answer was stored, when anybody may ask again, and before the lane is done with what it was asked before."""
    token, another = Token.objects.get(), -1

    def staff_wants(token_id: int) -> None:
        now = timezone.now()
        assert probe.claim_token(token_id, now)
        lifecycle.want_refresh(token_id=token_id, now=now, source="staff", renew=True)
        if taken:
            Token.objects.refresh_wanted(now).update(claimed_until=now + liveness.CLAIM, claimed_by=another)

    lifecycle.want_refresh(token_id=token.pk, now=timezone.now(), source="push", renew=False)
    claim = Token.objects.refresh_wanted(timezone.now()).claim(timezone.now())

    asked = Token.objects.select_related("app").get()
    refresh_lane.RefreshLane(checked=staff_wants)._make(asked, claim)

    token.refresh_from_db()
    assert (token.refresh_wanted.get("source"), token.refresh_wanted.get("renew")) == ("staff", True)
    assert token.claimed_by == (another if taken else None)
    assert Token.objects.refresh_wanted(timezone.now()).exists() is not taken


def test_a_renewal_that_is_due_is_written_once_and_takes_ten_statements(account: Account) -> None:
    Token.objects.update(due_at=timezone.now(), due_for=Token.DueFor.REFRESH)
    token = Token.objects.get()
    claim = Token.objects.filter(pk=token.pk).claim(timezone.now())
    claimed = Token.objects.select_related("app").get()

    with CaptureQueriesContext(connection) as captured:
        refresh_lane.RefreshLane()._make(claimed, claim)

    statements = [query["sql"] for query in captured if query["sql"] not in {"BEGIN", "COMMIT"}]
    after = Token.objects.get()
    assert after.renewed_at is not None
    assert (after.generation, after.claimed_until, after.due_for) == (token.generation + 1, None, "accounts")
    assert (
        len([sql for sql in statements if "FOR NO KEY UPDATE" in sql and 'FROM "tokens_token"' in sql]) == 1
    )
    assert len(statements) <= 10, statements


def test_what_is_added_to_a_wish_while_it_is_looked_after_is_looked_after_too(account: Account) -> None:
    token = Token.objects.get()
    asked: dict[str, Any] = {"token_id": token.pk, "now": timezone.now()}
    lifecycle.want_refresh(**asked, source="lease", renew=False)
    seen = Token.objects.get()
    lifecycle.want_refresh(**asked, source="staff", renew=True)

    lifecycle.end_refresh(token=seen, claim=0)
    kept = Token.objects.get().refresh_wanted
    lifecycle.end_refresh(token=Token.objects.get(), claim=0)

    assert kept["renew"] is True
    assert Token.objects.get().refresh_wanted_at is None


def asked_for_long_ago(access_ends: timedelta) -> Token:
    """A token that is due, whose refresh was asked for and that no process made."""
    now = timezone.now()
    token = Token.objects.get()
    lifecycle.want_refresh(token_id=token.pk, now=now - timedelta(minutes=6), source="sweep", renew=False)
    Token.objects.update(
        access_expires_at=now + access_ends, due_at=now, due_for="refresh", last_checked_at=None
    )
    return Token.objects.get()


def test_an_access_token_that_is_over_waits_for_its_renewal(world: Sandbox, account: Account) -> None:
    asked_for_long_ago(access_ends=-HOUR)

    asked = sweeps.check_due_tokens(now=timezone.now())

    assert (asked, world.calls(channel="snapchat")) == (0, [])


class Noting(ThreadPoolExecutor):
    """Threads that only note what they are asked to do."""

    def submit(self, fn: Any, /, *args: Any, **more: Any) -> "Future[Any]":
        self.__dict__.setdefault("noted", []).append(args)
        return Future()


def test_refreshes_of_an_app_that_does_not_answer_stay_due_until_it_does(account: Account) -> None:
    token = Token.objects.select_related("app").get()
    Token.objects.update(due_at=timezone.now() - HOUR, due_for=Token.DueFor.REFRESH)
    app, threads = gate.name_of("snapchat", token.app.client_id), Noting(1)
    for _ in range(brake.TRIPS_AFTER):
        brake.failed(app, waited=10)

    refresh_lane.RefreshLane()._look(threads)
    held_back = vars(threads).get("noted", [])
    untouched = Token.objects.get()
    brake.answered(app)
    refresh_lane.RefreshLane()._look(threads)

    assert held_back == []
    assert (untouched.claimed_until, untouched.renewal_tried_at) == (None, None)
    assert [claimed.pk for claimed, _claim in vars(threads)["noted"]] == [token.pk]
