"""A channel that answers nothing: jobs hear at once that they are to come again, and nobody waits for it in vain."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.api_keys import services as api_keys
from accounts.checks import services as sweeps
from accounts.models import Account, ApiKey
from accounts.pool import services as pool
from accounts.pool.errors import ActionRefused
from broker.leases import callers
from tests.support.factories import link, make_account, make_app, make_token, make_user
from tokens import lifecycle
from tokens.channels import brake, gate, shared
from tokens.checks import services as probe
from tokens.checks import views as renewing
from tokens.models import ChannelApp, Token
from tokens.token import models
from tokens.vault import services as vault
from users.models import Team

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)
JSON = "application/json"


@pytest.fixture
def account() -> Account:
    """One whose access token ended a minute ago, with something to renew it by."""
    app = make_app("pinterest")
    token = make_token(
        app,
        has_refresh_token=True,
        access_expires_at=NOW - timedelta(minutes=1),
        dates_source={"access": "provider"},
        refresh_expires_at=NOW + timedelta(days=30),
    )
    account = make_account("pinterest")
    link(account, token)
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="linked", now=NOW)
    return Account.objects.get()


@pytest.fixture
def job() -> Client:
    key = api_keys.issue_key(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    callers._facts.clear()
    return Client(headers={"authorization": f"Bearer {key}"})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The tokens that a request of a job asked a channel about."""
    found: list[int] = []
    monkeypatch.setattr(probe, "lengthen_life", lambda token_id, **more: found.append(token_id))
    return found


def lease(job: Client, account: Account) -> tuple[int, str | None]:
    answer = job.post(f"/api/v1/accounts/pinterest/{account.native_id}/lease", {}, content_type=JSON)
    return answer.status_code, answer.get("Retry-After")


def the_app(channel: str = "pinterest") -> str:
    return gate.name_of(channel, ChannelApp.objects.get(channel=channel).client_id)


def test_while_the_breaker_is_open_a_lease_is_answered_503_without_asking(
    account: Account, job: Client, asked: list[int]
) -> None:
    before = lease(job, account)
    for _ in range(brake.TRIPS_AFTER):
        brake.failed(the_app(), waited=5)

    open_now = lease(job, account)

    assert before == (503, "30")
    assert asked == [Token.objects.get().pk]
    assert open_now[0] == 503
    assert 0 < int(open_now[1] or 0) <= brake.OPEN_FOR
    token = Token.objects.get()
    assert (token.state, token.claimed_until, token.last_check_result) == ("valid", None, "")


def test_a_job_that_is_put_off_costs_no_more_than_one_that_is_served(account: Account, job: Client) -> None:
    """Twelve a second of these ran beside the leases of others, and took the processor from them."""
    lease(job, account)
    for _ in range(brake.TRIPS_AFTER):
        brake.failed(the_app(), waited=5)

    with CaptureQueriesContext(connection) as put_off:
        status, _ = lease(job, account)

    assert status == 503
    assert len(put_off) <= 2, put_off.captured_queries


@pytest.mark.lane
def test_a_job_that_comes_when_no_worker_tried_asks_for_the_try_and_does_not_wait_for_it(
    account: Account, job: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try held a thread of the web server for up to ten seconds: with two threads, half of it."""
    opened = {"until": time.time() - brake.LEFT_TO_WORKERS - 1, "trips": 3}
    shared.write(brake._key(the_app(), "open"), opened, 60)
    brake.forget()
    monkeypatch.setattr(probe, "REFRESH_WAIT", 3600)

    asks, finds_it_asked_for = lease(job, account), lease(job, account)

    assert (asks[0], finds_it_asked_for[0]) == (503, 503)
    assert Token.objects.get().refresh_wanted_at is not None


def test_a_pause_that_the_channel_asked_for_holds_for_leases_too(
    account: Account, job: Client, asked: list[int]
) -> None:
    brake.pause(the_app(), 200)

    status, wait = lease(job, account)

    assert (status, asked) == (503, [])
    assert 190 < int(wait or 0) <= 200


@pytest.mark.django_db(transaction=True)
def test_whoever_comes_when_two_threads_wait_for_the_channel_is_sent_away_and_other_channels_are_served(
    account: Account, job: Client, asked: list[int]
) -> None:
    gate.limit_shares(8)
    release, inside = threading.Event(), threading.Barrier(3)

    def wait() -> None:
        with gate.share("pinterest"):
            inside.wait(60)
            release.wait(60)

    threads = [threading.Thread(target=wait) for _ in range(gate.SHARES_PER_CHANNEL)]
    for thread in threads:
        thread.start()
    inside.wait(60)
    sent_away = lease(job, account)
    with gate.share("facebook"):
        pass
    release.set()
    for thread in threads:
        thread.join(60)
    served = lease(job, account)

    assert sent_away == (503, str(gate.ROOM_AFTER))
    assert served == (503, "30")
    assert len(asked) == 1


def test_staff_who_renew_now_are_sent_away_when_the_threads_are_taken(account: Account) -> None:
    token = Token.objects.select_related("app").get()
    actor = make_user("mira@example.com")
    gate.limit_shares(2)
    hold, held = threading.Event(), threading.Event()

    def wait() -> None:
        with gate.share("facebook"):
            held.set()
            hold.wait(60)

    thread = threading.Thread(target=wait)
    thread.start()
    held.wait(60)
    with pytest.raises(ActionRefused, match="Too many wait for Pinterest"):
        renewing.renew(token=token, actor=actor, now=NOW)
    hold.set()
    thread.join(60)

    assert Token.objects.get().claimed_until is None


def test_tokens_that_were_not_asked_stay_due_and_come_again_once_the_channel_may_be_asked(
    account: Account,
) -> None:
    """Of a channel whose breaker opened after their check had begun: one to be renewed, two to be asked, one to have its accounts read."""
    renewed = Token.objects.select_related("app").get()
    renewed.credentials = vault.seal(renewed.owner, {"access_token": "over", "refresh_token": "good"})
    renewed.save()
    app = make_app("facebook")
    asked = [make_token(app) for _ in range(2)]
    read = make_token(app, due_for="accounts", proven_at=NOW)
    link(make_account("facebook"), read)
    Token.objects.update(due_at=NOW - timedelta(minutes=5))
    for name in (the_app("pinterest"), the_app("facebook")):
        for _ in range(brake.TRIPS_AFTER):
            brake.failed(name, waited=5)

    sweeps.check_due_tokens(now=NOW)

    due = {token.pk: token.due_at for token in Token.objects.exclude(due_at=None)}
    soon = NOW + timedelta(seconds=brake.OPEN_FOR) + models.NOT_TOGETHER
    assert all(at and NOW + timedelta(seconds=5) < at <= soon for at in due.values())
    assert len(set(due.values())) == 4, "they do not all come in one second"
    renewed.refresh_from_db()
    assert (renewed.renewal_tried_at, renewed.state) == (None, "cooling"), "its date has passed"
    assert set(Token.objects.filter(pk__in=[one.pk for one in asked]).values_list("state", "due_for")) == {
        ("valid", "probe")
    }
    assert Token.objects.get(pk=read.pk).due_for == "accounts"


def test_a_token_that_was_not_due_and_could_not_be_asked_keeps_its_date() -> None:
    token = make_token(make_app("facebook"), due_at=NOW + timedelta(hours=2))
    brake.pause(the_app("facebook"), 600)

    sweeps.check_these_tokens(token_ids=[token.pk], now=NOW, source="staff")

    token.refresh_from_db()
    assert (token.due_at, token.claimed_until) == (NOW + timedelta(hours=2), None)


def test_a_pause_of_a_day_holds_up_no_renewal_whose_date_comes_earlier() -> None:
    token = make_token(make_app("snapchat"), due_at=NOW - timedelta(minutes=5), has_refresh_token=True)
    usual, renews = token.renews_at(NOW), NOW + timedelta(hours=3)
    assert usual is not None
    token.linked_at -= usual - renews
    token.save()
    reads = make_token(make_app("pinterest"), due_at=NOW + timedelta(hours=3), due_for="refresh")
    brake.pause(the_app("snapchat"), 86_400)

    sweeps.check_these_tokens(token_ids=[token.pk], now=NOW, source="sweep")
    lifecycle.have_accounts_read(token_id=reads.pk, at=NOW + timedelta(hours=20))

    found = dict(Token.objects.values_list("pk", "due_at"))
    assert found == {token.pk: renews, reads.pk: NOW + timedelta(hours=3)}
    assert set(Token.objects.values_list("due_for", flat=True)) == {"refresh"}


def test_a_report_while_the_channel_is_dark_is_answered_retry_later_at_once(
    account: Account, job: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    Token.objects.update(access_expires_at=NOW + timedelta(days=20))
    url = f"/api/v1/accounts/pinterest/{account.native_id}/lease"
    lease_id = job.post(url, {}, content_type=JSON).json()["lease_id"]
    for _ in range(brake.TRIPS_AFTER):
        brake.failed(the_app(), waited=5)
    monkeypatch.setattr(probe, "probe_token", lambda *args, **more: pytest.fail("the channel was asked"))

    dead = {"status": 401, "body": {"code": 2, "message": "Authentication failed."}}
    said = job.post(f"/api/v1/leases/{lease_id}/report", dead, content_type=JSON).json()

    assert said["action"] == "retry_later"
    assert 0 < said["retry_after"] <= brake.OPEN_FOR
    assert Token.objects.get().state == "valid"
