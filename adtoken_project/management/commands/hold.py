"""`manage.py hold [--because TEXT]`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from users.installation import services as installation


class Command(BaseCommand):
    help = "Put this installation on hold: within a second no process calls a channel, sends a mail or hands out a token."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--because", default="", help="Why, for the banner that staff see.")

    def handle(self, *args: Any, because: str, **options: Any) -> None:
        installation.put_on(because=because or "an operator put it on hold.", now=timezone.now())
        self.stdout.write("On hold. manage.py release --same ends it; mails that wait are kept.")
