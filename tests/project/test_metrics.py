"""`/metrics`: who may read it, that its figures are those of the rows, and that no process and no failure bends them."""

import json
import multiprocessing
import time
from datetime import timedelta
from typing import Any

import pytest
import redis
import time_machine
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import AccountEvent
from accounts.tasks import tell_people
from adtoken_project import schedules
from adtoken_project.metrics import collector, counted, view
from adtoken_project.metrics.collector import registry
from adtoken_project.version import VERSION
from notifications.models import Message
from tests.support.ends import make_doubt
from tests.support.factories import make_account, make_app, make_token, make_user
from tokens.channels import declarations
from tokens.models import Token

pytestmark = pytest.mark.django_db

TOKEN = "a-token-of-thirty-two-characters!"


@pytest.fixture(autouse=True)
def _asked_anew(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.METRICS_TOKEN = TOKEN
    monkeypatch.setattr(view, "_registry", registry())
    redis.Redis.from_url(settings.CACHES["calls"]["LOCATION"]).delete(counted.SUMS, counted.MOMENTS)
    counted._begin_anew()


def scrape(client: Client, **headers: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}", **headers})
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def of(found: dict[Any, float], name: str, **labels: str) -> float | None:
    return found.get((name, frozenset(labels.items())))


def test_without_the_setting_there_is_no_such_page_and_only_its_token_opens_it(
    client: Client, settings: Settings
) -> None:
    opened = client.get("/metrics", headers={"authorization": f"bearer {TOKEN}"})
    wrong = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}x"})
    none = client.get("/metrics")
    staff = Client()
    staff.force_login(make_user(is_staff=True, is_superuser=True))
    by_session = staff.get("/metrics")
    settings.METRICS_TOKEN = ""
    missing = client.get("/metrics", headers={"authorization": "Bearer "})

    assert (opened.status_code, opened["Cache-Control"]) == (200, "no-store")
    assert opened["Content-Type"].startswith("text/plain; version=")
    assert [wrong.status_code, none.status_code, by_session.status_code] == [401, 401, 401]
    assert missing.status_code == 404


def test_the_version_that_runs_is_a_label(client: Client, settings: Settings) -> None:
    settings.RELEASE = "blue"

    assert of(scrape(client), "adtoken_build_info", version=VERSION, release="blue") == 1


def test_the_figures_are_those_of_the_rows(client: Client) -> None:
    now = timezone.now()
    app = make_app("snapchat", fault_since=now, fault="wrong secret")
    make_token(
        app, renewed_at=now - timedelta(minutes=5), due_at=now - timedelta(minutes=20), due_for="refresh"
    )
    make_token(app, state="dead", reason="password_changed", state_since=now - timedelta(minutes=5))
    make_token(app, state="dead", reason="password_changed", state_since=now - timedelta(hours=5))
    make_doubt(make_token(app, state="cooling", reason=Token.DOUBTED), now=now)
    account = make_account("snapchat", state="deactivated")
    AccountEvent.objects.create(account=account, kind="shifted", at=now - timedelta(minutes=1))
    AccountEvent.objects.create(account=account, kind="shifted", at=now - timedelta(hours=2))
    Message.objects.create(
        kind="x", recipient="ada@example.com", dedupe_key="1", next_attempt_at=now - timedelta(minutes=10)
    )
    Message.objects.create(
        kind="x", recipient="ada@example.com", dedupe_key="2", next_attempt_at=now + timedelta(minutes=10)
    )

    found = scrape(client)

    snap = {"channel": "snapchat"}
    assert of(found, "adtoken_tokens", **snap, state="valid", reason="") == 1
    assert of(found, "adtoken_tokens", **snap, state="dead", reason="password_changed") == 2
    assert of(found, "adtoken_tokens_died_1h", **snap, reason="password_changed") == 1
    assert of(found, "adtoken_tokens_renewed_1h", **snap) == 1
    assert of(found, "adtoken_tokens_due", **snap, lane="refreshes") == 1
    assert of(found, "adtoken_oldest_due_seconds", **snap, lane="refreshes") == pytest.approx(1200, abs=60)
    assert of(found, "adtoken_oldest_due_seconds", channel="x", lane="checks") == 0
    assert of(found, "adtoken_accounts", **snap, state="deactivated") == 1
    assert of(found, "adtoken_account_events_1h", kind="shifted") == 1
    assert of(found, "adtoken_tokens_doubted", **snap, app=str(app.pk)) == 1
    assert of(found, "adtoken_channel_app_fault", **snap, app=str(app.pk)) == 1
    assert of(found, "adtoken_messages_due") == 1
    assert of(found, "adtoken_oldest_message_due_seconds") == pytest.approx(600, abs=60)
    assert sum(value for (name, _), value in found.items() if name == "adtoken_encrypted_rows") == 5
    assert not any(value for (name, _), value in found.items() if name == "adtoken_figures_missing")
    assert of(found, "adtoken_processes", part="pushes") == 0


def test_nothing_of_a_person_is_in_it_and_labels_do_not_grow_with_the_rows(client: Client) -> None:
    app = make_app("facebook")
    user = make_user("grace.hopper@example.com", name="Grace Hopper")
    first = make_token(app, native_user_name="Grace H", consented_by=user)
    before = scrape(client)
    for number in range(20):
        make_token(app, native_user_name=f"Somebody {number}", consented_by=user)
        client.get(f"/api/v1/accounts/facebook/{number}{number}")
        client.post(f"/api/v1/leases/{number}abc/report")
    view._registry = registry()
    after = scrape(client)

    text = json.dumps([[name, sorted(labels)] for name, labels in after])
    assert not [
        word for word in ("grace", "hopper", first.native_user_id, "example.com") if word in text.lower()
    ]
    grown = {name for name, _ in after.keys() - before.keys()}
    assert {name.rpartition("_")[0] for name in grown} <= {
        "adtoken_api_requests", "adtoken_api_request_duration_seconds",
    }  # fmt: skip
    assert len(after) - len(before) < 40


def _ask(host: str, times: int) -> None:
    for _ in range(times):
        counted.add("request", "lease", "200")
        counted.took("request seconds", "lease", seconds=0.02)
    counted.flush()


def test_counters_are_the_sums_of_all_processes_and_survive_their_end(client: Client) -> None:
    client.get("/api/v1/accounts")
    forked = multiprocessing.get_context("fork")
    workers = [forked.Process(target=_ask, args=("", 50)) for _ in range(4)]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    found = scrape(client)
    name = "adtoken_api_request_duration_seconds"
    assert of(found, "adtoken_api_requests_total", operation="lease", status="200") == 200
    assert of(found, "adtoken_api_requests_total", operation="accounts", status="401") == 1
    assert of(found, f"{name}_count", operation="lease") == 200
    assert of(found, f"{name}_bucket", operation="lease", le="0.01") == 0
    assert of(found, f"{name}_bucket", operation="lease", le="0.025") == 200
    assert of(found, f"{name}_sum", operation="lease") == pytest.approx(4)


def test_runs_of_tasks_are_counted_with_their_failures(client: Client) -> None:
    from adtoken_project.celery import app

    @app.task(name="tests.fails")
    def fails() -> None:
        raise ValueError("no")

    tell_people.apply()
    fails.apply()

    found = scrape(client)
    task = tell_people.name
    assert of(found, "adtoken_task_duration_seconds_count", task=task) == 1
    assert of(found, "adtoken_task_last_success_timestamp_seconds", task=task) == pytest.approx(
        timezone.now().timestamp(), abs=60
    )
    assert of(found, "adtoken_task_failures_total", task="tests.fails") == 1
    assert of(found, "adtoken_task_last_success_timestamp_seconds", task="tests.fails") is None


def test_a_queue_that_nobody_takes_from_says_for_how_long(client: Client) -> None:
    tell_people.apply_async()
    sent = time.time()
    tell_people.apply_async()
    with time_machine.travel(sent + 90, tick=False):
        found = scrape(client)

    assert of(found, "adtoken_queue_length", queue="mail") == 2
    assert of(found, "adtoken_queue_age_seconds", queue="mail") == pytest.approx(90, abs=5)
    assert of(found, "adtoken_queue_age_seconds", queue="checks") == 0


def test_the_schedules_stand_there_with_their_intervals(client: Client) -> None:
    schedules.install()

    found = scrape(client)

    intervals = {
        dict(labels)["schedule"]: value for (name, labels), value in found.items() if "interval" in name
    }
    assert intervals == {name: seconds for name, (_, seconds) in schedules.SCHEDULES.items()}


def test_a_valkey_that_is_away_takes_its_own_figures_with_it_and_nothing_is_lost(
    client: Client, settings: Settings
) -> None:
    there = settings.CACHES["calls"]["LOCATION"]
    settings.CACHES["calls"]["LOCATION"] = "redis://127.0.0.1:1/0"
    counted.add("request", "lease", "503")

    away = scrape(client)
    settings.CACHES["calls"]["LOCATION"] = there
    back = scrape(client)

    assert (of(away, "adtoken_redis_up"), of(away, "adtoken_messages_due")) == (0, 0)
    assert of(back, "adtoken_redis_up") == 1
    assert of(back, "adtoken_api_requests_total", operation="lease", status="503") == 1


def test_one_query_that_fails_leaves_the_other_figures_alone(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adtoken_project.metrics.rows._DUE", "select pg_sleep(9)")
    monkeypatch.setattr("adtoken_project.metrics.collector.LONGEST", 20)

    found = scrape(client)

    assert of(found, "adtoken_figures_missing", figures="due") == 1
    assert of(found, "adtoken_figures_missing", figures="tokens") == 0
    assert of(found, "adtoken_messages_due") == 0


def test_who_asks_every_second_does_not_ask_the_database_every_second(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    scrape(client)

    with django_assert_max_num_queries(2):  # whether PostgreSQL answers
        scrape(client)
        assert len(list(collector.Figures().collect())) > 20, "another process is given what this one read"


def test_every_channel_has_its_line_of_what_is_due(client: Client) -> None:
    found = scrape(client)

    lines = {dict(labels)["channel"] for name, labels in found if name == "adtoken_oldest_due_seconds"}
    assert lines == set(declarations.channel_keys())


def test_mails_that_our_own_mail_server_does_not_take_are_old_although_each_try_puts_them_off(
    client: Client,
) -> None:
    now = timezone.now()
    soon, since = now + timedelta(minutes=10), now - timedelta(minutes=30)
    Message.objects.create(
        kind="x", recipient="ada@example.com", dedupe_key="1", next_attempt_at=soon, waits_since=since
    )

    found = scrape(client)

    assert of(found, "adtoken_messages_due") == 0
    assert of(found, "adtoken_oldest_message_due_seconds") == pytest.approx(1800, abs=60)


def test_what_healthz_calls_late_is_late_here(client: Client) -> None:
    now = timezone.now()
    Message.objects.create(
        kind="x", recipient="ada@example.com", dedupe_key="1", next_attempt_at=now - timedelta(minutes=10)
    )

    found = scrape(client)

    assert "A mail has waited for 10 minutes" in client.get("/healthz").json()["lateness"]
    assert of(found, "adtoken_work_late", lane="mail")
    assert of(found, "adtoken_work_late", lane="checks") == 0
