"""A lane that is late: what the reading says, who is told, and what waits on purpose."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from adtoken_project.models import BackgroundProcess, Heartbeat
from adtoken_project.ops import lateness
from adtoken_project.tasks import heartbeat, watch_lanes
from adtoken_project.workers import lanes, signs_of_life
from macros.models import Evaluation, Macro
from notifications.models import Message
from notifications.outbox import KINDS
from tests.support.factories import make_app, make_token, make_user
from tokens.channels import brake, gate
from tokens.models import ChannelApp, DeletionRequest

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _all_run(settings: Any) -> None:
    """Workers of all lanes and a clock that have run for a day, and ticks that arrive."""
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    Macro.objects.all().delete()  # a new installation has one
    for part in signs_of_life.PARTS:
        BackgroundProcess.objects.create(
            name=f"{part}@host", host="host", parts=[part], started_at=NOW - timedelta(days=1), seen_at=NOW
        )
    Heartbeat.objects.create(name=lateness.TICKS, at=NOW)


def said() -> list[tuple[str, str]]:
    return [(work.lane, work.words(NOW)) for work in lateness.late(NOW)]


def test_each_lane_is_late_by_its_oldest_work() -> None:
    app = make_app("facebook")
    make_token(app, due_at=NOW - 20 * MINUTE)
    make_token(app, due_at=NOW - 40 * MINUTE, due_for="refresh")
    make_token(make_app("x"), due_at=NOW - 5 * MINUTE)
    make_token(make_app("snapchat"), due_at=NOW - 20 * MINUTE, refresh_wanted_at=NOW - 6 * MINUTE)
    Message.objects.create(
        kind="test", recipient="a@example.com", dedupe_key="a", next_attempt_at=NOW - 6 * MINUTE
    )
    Message.objects.create(
        kind="test", recipient="b@example.com", dedupe_key="b", next_attempt_at=NOW + MINUTE
    )

    assert said() == [
        ("mail", "A mail has waited for 6 minutes"),
        ("refreshes", "A renewal asked for at Snapchat has waited for 6 minutes"),
        ("refreshes", "A renewal at Facebook has waited for 40 minutes"),
        ("checks", "A check at Facebook has waited for 20 minutes"),
    ]


def test_an_evaluation_that_did_not_run_is_missed_an_hour_after_its_time_and_not_without_macros(
    settings: Any,
) -> None:
    settings.MACROS_HOUR = 7
    without = said()
    Macro.objects.create(name="Warn")
    missed = said()
    Evaluation.objects.create(on_date=NOW.date(), started_at=NOW, finished_at=NOW)

    assert without == []
    assert [lane for lane, _ in missed] == ["mail"]
    assert missed[0][1].startswith("The daily evaluation of macros has waited for")
    assert said() == []


def test_what_waits_longer_than_its_workers_run_counts_from_their_start() -> None:
    make_token(due_at=NOW - timedelta(hours=9))
    BackgroundProcess.objects.filter(name="checks@host").update(started_at=NOW - 10 * MINUTE)
    begun = said()
    BackgroundProcess.objects.filter(name="checks@host").update(started_at=NOW - 16 * MINUTE)

    assert begun == []
    assert said() == [("checks", "A check at Facebook has waited for 16 minutes")]


def test_an_app_that_does_not_answer_or_is_braked_is_no_lane_that_is_late() -> None:
    dark, limited = make_app("facebook"), make_app("x")
    for app in (dark, limited):
        make_token(app, due_at=NOW - timedelta(hours=1))
    for _ in range(brake.TRIPS_AFTER):
        brake.failed(gate.name_of("facebook", dark.client_id), waited=10)
    brake.pause(gate.name_of("x", limited.client_id), 600)

    assert said() == []


def test_operators_are_told_once_while_it_lasts_and_the_mail_says_how_it_stands() -> None:
    token = make_token(due_at=NOW - 20 * MINUTE)

    told = [lateness.tell_operators(now=NOW)]
    message = Message.objects.get()
    Message.objects.update(state=Message.State.SENT)
    told += [lateness.tell_operators(now=NOW + minutes * MINUTE) for minutes in (1, 2)]
    token.due_at = None
    token.save()
    Heartbeat.objects.filter(name=lateness.TICKS).update(at=NOW + 90 * MINUTE)
    fine = lateness.tell_operators(now=NOW + 90 * MINUTE)
    mail = KINDS[message.kind].build(message)
    token.due_at = NOW + 80 * MINUTE
    token.save()
    Heartbeat.objects.filter(name=lateness.TICKS).update(at=NOW + 100 * MINUTE)
    again = lateness.tell_operators(now=NOW + 100 * MINUTE)

    assert (told, fine, again) == ([1, 0, 0], 0, 1)
    assert message.recipient == "ops@example.com"
    assert mail.subject == "AdToken: Background work is late (checks)"
    assert "It has caught up" in mail.text
    assert "manage.py worker checks" in " ".join(mail.text.split())


def goes(part: str) -> None:
    BackgroundProcess.objects.filter(name=f"{part}@host").delete()


def fails(**fields: Any) -> None:
    ChannelApp.objects.filter(channel="x").update(**fields)


def is_limited() -> None:
    brake.pause(gate.name_of("x", ChannelApp.objects.get(channel="x").client_id), 600)


def waits(**fields: Any) -> None:
    make_token(due_at=timezone.now() - timedelta(hours=1), **fields)


def mail(**fields: Any) -> None:
    Message.objects.create(kind="test", recipient="a@example.com", dedupe_key="a", **fields)


def deletion() -> None:
    app = ChannelApp.objects.get(channel="x")
    received = timezone.now() - timedelta(hours=2)
    DeletionRequest.objects.create(app=app, native_user_id="1", code="abc", received_at=received)


@pytest.mark.parametrize(
    ("line", "tone", "cause"),
    [
        ("Messages", "warn", lambda: mail(state="failed")),
        ("X app main", "warn", is_limited),
    ],
)
def test_the_start_page_names_what_is_not_well_and_nothing_else(
    client: Client, settings: Settings, line: str, tone: str, cause: Callable[[], None]
) -> None:
    settings.MAIL_SERVICE, settings.MAIL_WEBHOOK_SECRET = "postmark", "secret"
    client.force_login(make_user(is_staff=True, is_superuser=True))
    make_app("x", label="main")
    BackgroundProcess.objects.update(seen_at=timezone.now())
    Heartbeat.objects.update(at=timezone.now())
    before = client.get("/admin/").context["unwell"]

    cause()
    after = client.get("/admin/").context["unwell"]

    assert before == []
    assert [(one.name, one.tone) for one in after] == [(line, tone)]


def test_health_and_the_start_page_say_it(client: Client) -> None:
    BackgroundProcess.objects.update(seen_at=timezone.now())  # the heartbeat forgets those of long ago
    heartbeat()
    make_token(due_at=timezone.now() - 20 * MINUTE)
    BackgroundProcess.objects.filter(name="pushes@host").delete()
    silent = make_app("tiktok", label="main")
    for _ in range(brake.TRIPS_AFTER):
        brake.failed(gate.name_of("tiktok", silent.client_id), waited=10)
    client.force_login(make_user("mira@example.com", is_staff=True, is_superuser=True))

    health = client.get("/healthz")
    page = client.get("/admin/").content.decode()
    watch_lanes()

    assert health.status_code == 503
    assert health.json()["lateness"] == "A check at Facebook has waited for 20 minutes."
    assert health.json()["workers"] == f"No worker runs for: {lanes.LANES['pushes'].does}."
    assert "A check at Facebook has waited for 20 minutes." in page
    assert "TikTok app main gets no answer. AdToken goes on trying." in page
    assert f"No worker runs for: {lanes.LANES['pushes'].does}." in page
    assert Message.objects.filter(kind="operators", payload__has_key="lane").exists()
