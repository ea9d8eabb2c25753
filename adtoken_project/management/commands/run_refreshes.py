"""The process behind `manage.py worker refreshes`. It needs PostgreSQL and the channels, and neither Valkey nor beat."""

import os
import signal
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts import tasks
from accounts.pushes.tasks import soon
from adtoken_project import lanes, signs_of_life
from tokens.refresh_lane import FOR_EACH, RefreshLane
from users import database_clock


class Command(BaseCommand):
    help = (
        "Make the refreshes of log-ins that are asked for or due, until SIGTERM. Then nothing new is taken, and the process ends once the "
        "last answer is stored. Started by `manage.py worker refreshes`; several share the work."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--threads",
            type=int,
            default=lanes.LANES[lanes.REFRESHES].threads,
            help=f"that write at once; for each of them {FOR_EACH} refreshes may be under way",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        sign = _Sign()
        at_once = options["threads"] * FOR_EACH
        lane = RefreshLane(at_once=at_once, beat=sign.give, checked=_read_accounts)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: lane.stop())
        self.stderr.write("Refreshes: ready.")
        lane.run()
        sign.take_back()
        self.stderr.write("Refreshes: stopped.")


class _Sign:
    """This process's sign of life."""

    def __init__(self) -> None:
        self._name = f"{lanes.REFRESHES}-{os.getpid()}@{signs_of_life.host()}"
        self._next = 0.0

    def give(self) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + signs_of_life.EVERY
            signs_of_life.write(name=self._name, parts=[lanes.REFRESHES], now=database_clock.now())

    def take_back(self) -> None:
        signs_of_life.forget(name=self._name)


def _read_accounts(token_id: int) -> None:
    soon(tasks.check_tokens, token_id)
