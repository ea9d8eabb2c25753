"""`manage.py worker LANE`: becomes a worker process of that lane. Stop it with SIGTERM."""

import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from adtoken_project import lanes


class Command(BaseCommand):
    help = "Run one worker process of a lane. Each lane needs one; more of them take more work at once."
    requires_system_checks = ()  # the worker itself makes them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("lane", choices=lanes.LANES, help=_described())
        parser.add_argument(
            "--threads", type=int, default=0, help="how many tasks at once; 0: the lane's usual number"
        )
        parser.add_argument("--loglevel", default=settings.LOG_LEVEL)

    def handle(self, *args: Any, **options: Any) -> None:
        lane = lanes.LANES[options["lane"]]
        command = lanes.command(lane, threads=options["threads"], loglevel=options["loglevel"])
        own = lanes.environment(lane, threads=options["threads"])
        environment = {**os.environ, **{name: os.environ.get(name) or usual for name, usual in own.items()}}
        os.execve(command[0], command, environment)  # noqa: S606  # the same process goes on as Celery's worker


def _described() -> str:
    return "; ".join(f"{lane.name}: {lane.does}" for lane in lanes.LANES.values())
