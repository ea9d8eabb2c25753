"""Queues of their own: what goes where, and that no lane can take another's last worker process."""

from collections.abc import Callable
from threading import Event

import pytest
from celery.exceptions import QueueNotFound
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from adtoken_project.celery import app
from adtoken_project.workers import lanes, process, schedules
from adtoken_project.workers.process import LanePools

# What may wait for a channel, for minutes where that is away.
CALLS_CHANNELS = {
    "accounts.tasks.check_channel", "accounts.tasks.check_tokens", "accounts.tasks.tidy",
    "accounts.tasks.ask_about_refused_apps", "accounts.pushes.check_token", "accounts.pushes.read_account",
    "accounts.pushes.delete_requested",
}  # fmt: skip


def queue_of(task: str) -> str:
    options = {"queue": own} if (own := getattr(app.tasks[task], "queue", None)) else {}
    return str(app.amqp.router.route(options, task)["queue"].name)


def ours() -> set[str]:
    app.loader.import_default_modules()
    return {name for name in app.tasks if not name.startswith("celery.")}


def test_every_task_has_a_lane_and_none_of_the_lane_for_mails_waits_for_a_channel() -> None:
    of_mail = {task for task in ours() if queue_of(task) == "mail"}

    assert {queue_of(task) for task in ours()} <= set(lanes.QUEUES)
    assert {queue_of(task) for task, _ in schedules.SCHEDULES.values()} <= set(lanes.QUEUES)
    assert ours() >= CALLS_CHANNELS
    assert of_mail.isdisjoint(CALLS_CHANNELS)
    assert {
        "notifications.deliver_messages",
        "macros.evaluate_if_due",
        "adtoken_project.tasks.heartbeat",
    } <= of_mail
    assert queue_of("accounts.tasks.check_tokens") == "pushes"


def test_each_lane_but_that_of_refreshes_has_a_queue() -> None:
    assert {queue.name for queue in settings.CELERY_TASK_QUEUES} == set(lanes.QUEUES)
    assert set(lanes.LANES) == {*lanes.QUEUES, lanes.REFRESHES}


def test_a_call_to_a_queue_that_nobody_takes_from_is_refused_at_once() -> None:
    with pytest.raises(QueueNotFound):
        app.send_task("accounts.tasks.tidy", queue="tidying")


def test_a_lane_whose_threads_are_all_busy_holds_up_no_other() -> None:
    pools, over, done = LanePools(limit=1, app=app), Event(), Event()

    def begin(queue: str, work: Callable[..., object]) -> None:
        call = ("task", "1", {"delivery_info": {"routing_key": queue}})
        pools.on_apply(work, call, callback=lambda _: None)

    for _ in range(lanes.LANES["checks"].threads + 1):
        begin("checks", lambda *_: over.wait(60))
    begin("mail", lambda *_: done.set())

    assert done.wait(60)
    over.set()
    pools.on_stop()


@pytest.mark.parametrize(
    ("lane", "given", "connections"), [("checks", "", 14), ("all", "", 48), ("all", "50", 8)]
)
def test_a_worker_may_hold_a_connection_for_each_of_its_threads(
    lane: str, given: str, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = {"max_size": 8}
    monkeypatch.setenv("DATABASE_POOL", given)
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "pool", pool)
    monkeypatch.setattr(process.WorkerProcess, "run", lambda self: 0)

    with pytest.raises(SystemExit):
        call_command("worker", lane)

    assert pool["max_size"] == connections
