"""Evaluate all macros by hand."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from macros.warnings import services as evaluation
from users.installation import hold


class Command(BaseCommand):
    help = "Evaluate all macros now. It may run at any time and sends only what no run has found."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--on", type=date.fromisoformat, metavar="DATE", help="as if today were DATE (2026-11-30)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        hold.refuse()  # what a copy finds is the original's to tell
        run = evaluation.evaluate(now=timezone.now(), on=options["on"])
        self.stdout.write(
            f"{run.on_date}: {run.notice_count} notices found, {run.message_count} messages written."
        )
