"""Queues of their own: what goes where, and that no lane can take another's last worker process."""

import os

import pytest
from celery.exceptions import QueueNotFound
from django.conf import settings
from django.core.management import call_command

from adtoken_project import lanes, schedules
from adtoken_project.celery import app
from adtoken_project.launcher import Launcher, Options

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


def test_each_lane_takes_from_queues_of_its_own_and_together_they_take_from_all() -> None:
    taken = [queue for lane in lanes.LANES.values() for queue in lane.queues]

    assert len(taken) == len(set(taken))
    assert {queue.name for queue in settings.CELERY_TASK_QUEUES} == set(taken)
    assert lanes.OLD_QUEUE in taken
    assert lanes.served(["checks"]) == ["checks"]
    without_refreshes = [name for name in lanes.LANES if name != lanes.REFRESHES]
    assert lanes.served(lanes.QUEUES) == without_refreshes  # a worker without --queues, as of before


def test_a_call_to_a_queue_that_nobody_takes_from_is_refused_at_once() -> None:
    with pytest.raises(QueueNotFound):
        app.send_task("accounts.tasks.tidy", queue="tidying")


def test_the_launcher_starts_a_process_for_each_lane(tmp_path: object) -> None:
    options = Options(web_port=0, sandbox_port=0, var=tmp_path, database_url="", redis_url="")  # type: ignore[arg-type]
    launcher = Launcher(options, env={"A": "b"})

    workers = {name: launcher._worker(lane) for name, lane in lanes.LANES.items()}

    assert workers[lanes.REFRESHES]._command[-3:] == ["run_refreshes", "--threads", "24"]
    for name, child in workers.items():
        if queues := lanes.LANES[name].queues:
            at = child._command.index("--queues")
            assert child._command[at + 1] == ",".join(queues)
        assert int(child._env["DATABASE_POOL"]) > lanes.LANES[name].threads


@pytest.mark.parametrize(("given", "connections"), [(None, "34"), ("", "34"), ("50", "50")])
def test_the_command_becomes_a_worker_of_its_lane(
    given: str | None, connections: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if given is not None:
        monkeypatch.setenv("DATABASE_POOL", given)
    became: list[str] = []
    monkeypatch.setattr(
        os, "execve", lambda path, command, env: became.extend([path, *command, env["DATABASE_POOL"]])
    )

    call_command("worker", "checks", "--threads", "30")

    said = " ".join(became)
    assert "worker --queues checks --hostname checks-" in said
    assert said.rstrip().endswith(
        "--pool threads --concurrency 30 --loglevel INFO --without-mingle --without-gossip " + connections
    )
