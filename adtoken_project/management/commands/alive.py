"""`manage.py alive worker|beat`: exit status 0 where the part wrote its heartbeat lately, for process probes."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from adtoken_project import health


class Command(BaseCommand):
    help = "Tell by exit status whether worker or beat wrote a heartbeat within the last three minutes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("part", choices=["worker", "beat"])

    def handle(self, *args: Any, **options: Any) -> None:
        if not health.is_alive(options["part"]):
            raise CommandError(f"The {options['part']} wrote no heartbeat within {health.FRESH}.")
        self.stdout.write("alive")
