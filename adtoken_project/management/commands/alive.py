"""`manage.py alive PART`: exit status 0 where a process of that part gave a sign of life lately, for process probes."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from adtoken_project import lanes, signs_of_life
from users import database_clock


class Command(BaseCommand):
    help = "Tell by exit status whether a process of a lane, or beat, lives on this host."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("part", choices=[*signs_of_life.PARTS, "worker"], help="worker: every lane")
        parser.add_argument("--anywhere", action="store_true", help="on any host, not only on this one")

    def handle(self, *args: Any, **options: Any) -> None:
        parts = lanes.LANES if options["part"] == "worker" else [options["part"]]
        on = "" if options["anywhere"] else signs_of_life.host()
        living = signs_of_life.living(now=database_clock.now(), on=on)
        if silent := [part for part in parts if not living[part]]:
            where = f"on {on}" if on else "on any host"
            seconds = signs_of_life.FRESH.seconds
            raise CommandError(f"No sign of life within {seconds} s {where}: {', '.join(silent)}.")
        self.stdout.write("alive")
