"""`manage.py worker all`, or `manage.py worker LANE`: one worker process. Stop it with SIGTERM."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from adtoken_project.workers import lanes
from adtoken_project.workers.process import WorkerProcess


class Command(BaseCommand):
    help = "Run one worker process: of all lanes, or of one. More of them take more work at once."
    requires_system_checks = ()  # the worker itself makes them

    def add_arguments(self, parser: ArgumentParser) -> None:
        described = "; ".join(f"{lane.name}: {lane.does}" for lane in lanes.LANES.values())
        parser.add_argument("lane", choices=[lanes.ALL, *lanes.LANES], help=described)

    def handle(self, *args: Any, **options: Any) -> None:
        if not os.environ.get("DATABASE_POOL"):
            connection.settings_dict["OPTIONS"]["pool"]["max_size"] = lanes.connections(options["lane"])
        sys.exit(WorkerProcess(options["lane"]).run())
