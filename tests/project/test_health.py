"""Health pages, the file for process probes, schedules, the demo installation, and the refusal to start half-wired."""

import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.core.management.sql import emit_post_migrate_signal
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from pytest_django import Settings

from adtoken_project.celery import app as celery
from adtoken_project.models import BackgroundProcess
from adtoken_project.tasks import heartbeat
from adtoken_project.workers import schedules, signs_of_life
from broker.leases.callers import authenticate
from devtools import demo
from tokens.channels import declarations
from tokens.models import ChannelApp
from users.models import User

pytestmark = pytest.mark.django_db


def test_livez_touches_nothing(client: Client, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]  # pytest-django's fixture
        assert client.get("/livez").status_code == 200


def test_readyz_asks_the_database_and_the_key_ring(client: Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"database": "ok", "key_ring": "ok", "installation": "ok"}


def lives(*parts: str, name: str = "one@host", seen: timedelta = timedelta(0), host: str = "") -> None:
    now = timezone.now() - seen
    BackgroundProcess.objects.create(
        name=name, host=host or signs_of_life.host(), parts=list(parts), seen_at=now, started_at=now
    )


def test_healthz_names_the_lane_whose_last_worker_is_gone_and_ticks_that_do_not_arrive(
    client: Client,
) -> None:
    before = client.get("/healthz")
    for part in signs_of_life.PARTS:
        lives(part, name=f"{part}@host")
    lives("checks", name="dead one among many@host", seen=timedelta(minutes=2))
    fresh = client.get("/healthz")
    BackgroundProcess.objects.filter(name="refreshes@host").update(
        seen_at=timezone.now() - timedelta(minutes=2)
    )
    gone = client.get("/healthz")
    BackgroundProcess.objects.update(seen_at=timezone.now(), started_at=timezone.now() - timedelta(minutes=9))
    stuck = client.get("/healthz")
    heartbeat()
    good = client.get("/healthz")

    assert before.status_code == 503
    assert (fresh.status_code, set(fresh.json().values())) == (200, {"ok"})
    assert (gone.status_code, gone.json()["workers"]) == (503, "No worker runs for: renewals of tokens.")
    assert [part for part, said in gone.json().items() if said != "ok"] == ["workers"]
    assert (stuck.status_code, stuck.json()["lateness"]) == (
        503,
        "A tick of the clock has waited for 9 minutes.",
    )
    assert good.status_code == 200


@pytest.mark.django_db(transaction=True)
def test_the_file_that_a_probe_looks_at_is_touched_while_every_part_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "alive"
    monkeypatch.setenv(signs_of_life.FILE, str(file))
    sign = signs_of_life.Sign("all-1@host", ["mail", "checks"])

    sign.give()
    touched = file.exists()
    file.unlink()
    monkeypatch.setattr(signs_of_life, "TURNS", 0)
    sign.give()

    assert touched
    assert not file.exists()
    assert BackgroundProcess.objects.get().parts == []


def test_a_changed_schedule_reaches_an_installation_and_a_dropped_one_leaves_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schedules.install_schedules()
    own = PeriodicTask.objects.get(name="Heartbeat")
    own.pk, own.name, own.description = None, "Our own extra heartbeat", ""
    own.save()
    changed = schedules.SCHEDULES | {"Heartbeat": ("adtoken_project.tasks.renamed", 20)}
    del changed["Deliver messages"]
    monkeypatch.setattr(schedules, "SCHEDULES", changed)

    schedules.install_schedules()

    heartbeat = PeriodicTask.objects.get(name="Heartbeat")
    assert (heartbeat.task, heartbeat.interval.every) == ("adtoken_project.tasks.renamed", 20)
    assert not PeriodicTask.objects.filter(name="Deliver messages").exists()
    assert PeriodicTask.objects.filter(name="Our own extra heartbeat").exists()


def test_migrate_puts_the_schedules_right() -> None:
    schedules.install_schedules()
    other = IntervalSchedule.objects.create(every=999, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.filter(name="Heartbeat").update(interval=other)

    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")

    assert PeriodicTask.objects.get(name="Heartbeat").interval.every == schedules.SCHEDULES["Heartbeat"][1]


def test_every_schedule_names_a_task_that_exists_and_what_operators_switched_off_stays_off() -> None:
    celery.loader.import_default_modules()
    schedules.install_schedules()
    assert {task for task, _ in schedules.SCHEDULES.values()} <= set(celery.tasks)
    PeriodicTask.objects.filter(name="Heartbeat").update(enabled=False)

    schedules.install_schedules()

    assert PeriodicTask.objects.filter(name__in=schedules.SCHEDULES).count() == len(schedules.SCHEDULES)
    assert not PeriodicTask.objects.get(name="Heartbeat").enabled


def test_the_demo_is_made_once_and_keeps_its_key(settings: Settings) -> None:
    settings.DEMO = True
    first = demo.prepare()

    again = demo.prepare(api_key=str(first["api_key"]))

    assert again == first
    assert User.objects.count() == 3
    assert ChannelApp.objects.count() == len(declarations.channel_keys())
    assert authenticate(str(first["api_key"]), now=timezone.now()) is not None


def test_the_demo_is_refused_elsewhere(settings: Settings) -> None:
    settings.DEMO = False

    with pytest.raises(CommandError, match="demo mode"):
        call_command("demo")
    assert not User.objects.exists()


def test_the_demo_says_its_log_ins_as_one_line_of_json(settings: Settings) -> None:
    settings.DEMO = True
    out = io.StringIO()

    call_command("demo", stdout=out)

    said = json.loads(out.getvalue())
    assert [login["role"] for login in said["logins"]] == ["admin", "marketer", "marketer"]
