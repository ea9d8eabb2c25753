"""`/metrics`: who may read it, that its figures are those of the rows and of all processes, and that no failure bends them."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as given
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from adtoken_project.ops import metrics
from adtoken_project.version import VERSION
from notifications.models import Message
from tests.support.ends import make_doubt
from tests.support.factories import make_account, make_app, make_token, make_user
from tokens.models import Token

pytestmark = pytest.mark.django_db

TOKEN = "a-token-of-thirty-two-characters!"


@pytest.fixture(autouse=True)
def _may_be_asked(settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN


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


def test_the_figures_are_those_of_the_rows(client: Client, settings: Settings) -> None:
    settings.RELEASE = "blue"
    now = timezone.now()
    app = make_app("snapchat", fault_since=now, fault="wrong secret")
    make_token(app)
    make_token(app, state="dead", reason="password_changed", state_since=now - timedelta(minutes=5))
    make_token(app, state="dead", reason="password_changed", state_since=now - timedelta(hours=5))
    make_doubt(make_token(app, state="cooling", reason=Token.DOUBTED), now=now)
    make_account("snapchat", state="deactivated")
    due = now - timedelta(minutes=10)
    Message.objects.create(kind="x", recipient="ada@example.com", dedupe_key="1", next_attempt_at=due)

    found = scrape(client)

    snap = {"channel": "snapchat"}
    assert of(found, "adtoken_build_info", version=VERSION, release="blue") == 1
    assert of(found, "adtoken_tokens", **snap, state="valid", reason="") == 1
    assert of(found, "adtoken_tokens", **snap, state="dead", reason="password_changed") == 2
    assert of(found, "adtoken_tokens_died_1h", **snap, reason="password_changed") == 1
    assert of(found, "adtoken_accounts", **snap, state="deactivated") == 1
    assert of(found, "adtoken_tokens_doubted", **snap, app=str(app.pk)) == 1
    assert of(found, "adtoken_channel_app_fault", **snap, app=str(app.pk)) == 1
    assert of(found, "adtoken_messages_1d", state="queued") == 1
    assert (of(found, "adtoken_database_up"), of(found, "adtoken_figures_missing")) == (1, 0)
    assert of(found, "adtoken_redis_up") == 1
    assert of(found, "adtoken_processes", part="pushes") == 0
    # what /healthz calls late
    assert "A mail has waited for 10 minutes" in client.get("/healthz").json()["lateness"]
    assert of(found, "adtoken_work_late", lane="mail")
    assert of(found, "adtoken_work_late", lane="checks") == 0


def test_nothing_of_a_person_is_in_it_and_labels_do_not_grow_with_the_rows(client: Client) -> None:
    app = make_app("facebook")
    user = make_user("grace.hopper@example.com", name="Grace Hopper")
    first = make_token(app, native_user_name="Grace H", consented_by=user)
    for way in ("get", "post"):
        getattr(client, way)("/api/v1/accounts/facebook/1"), client.post("/api/v1/leases/1abc/report")
    before = scrape(client)
    for number in range(20):
        make_token(app, native_user_name=f"Somebody {number}", consented_by=user)
        client.get(f"/api/v1/accounts/facebook/{number}{number}")
        client.post(f"/api/v1/leases/{number}abc/report")
    after = scrape(client)

    text = json.dumps([[name, sorted(labels)] for name, labels in after]).lower()
    assert not [word for word in ("grace", "hopper", first.native_user_id, "example.com") if word in text]
    assert after.keys() == before.keys()


COUNTS = """
import multiprocessing, os
from adtoken_project.ops import metrics
from prometheus_client import exposition
def ask():
    for _ in range(50):
        metrics.count_request(path="/api/v1/accounts/x/1/lease", status=200, seconds=0.02)
workers = [multiprocessing.get_context("fork").Process(target=ask) for _ in range(4)]
[one.start() for one in workers], [one.join() for one in workers]
metrics.Figures.collect = lambda self: iter(())
print(exposition.generate_latest(metrics.registry()).decode())
"""


def test_counters_are_the_sums_of_all_processes_of_a_web_server_and_survive_their_end(tmp_path: Path) -> None:
    env = {
        **os.environ,
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "adtoken_project.settings",
    }
    code = f"import django; django.setup()\n{COUNTS}"

    said = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=given.BASE_DIR, capture_output=True, text=True, check=True
    ).stdout

    name = "adtoken_api_request_duration_seconds"
    assert 'adtoken_api_requests_total{operation="lease",status="200"} 200.0' in said
    assert 'adtoken_leases_total{status="200"} 200.0' in said
    assert f'{name}_bucket{{le="0.01",operation="lease"}} 0.0' in said
    assert f'{name}_bucket{{le="0.025",operation="lease"}} 200.0' in said


def test_a_valkey_and_a_statement_that_do_not_answer_leave_the_rest(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(metrics, "LONGEST", "1ms")
    monkeypatch.setattr("adtoken_project.ops.lateness.late", _too_long)

    found = scrape(client)

    assert of(found, "adtoken_redis_up") == 0
    assert (of(found, "adtoken_database_up"), of(found, "adtoken_figures_missing")) == (1, 1)


def _too_long(_now: object) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("select pg_sleep(9)")
