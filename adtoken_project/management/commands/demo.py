"""`manage.py demo`: makes the demo people, channel apps and API key, with `--fill` ad accounts; prints them as one line of JSON."""

import json
import os
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from devtools import demo, demo_fleet


class Command(BaseCommand):
    help = "Make the demo's people, channel apps and API key (idempotent). DEMO_API_KEY names a key to keep."
    requires_system_checks = ()  # each process that is started makes them, too

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--migrate", action="store_true", help="Bring the tables up to date before.")
        parser.add_argument(
            "--fill", metavar="SANDBOX", help="Fill an empty demo with ad accounts, linked at this sandbox."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["migrate"]:
            call_command("migrate", interactive=False, verbosity=0)
        made = demo.prepare(api_key=os.environ.get("DEMO_API_KEY", ""))
        if options["fill"]:
            made["accounts"] = demo_fleet.fill(sandbox=options["fill"])
        self.stdout.write(json.dumps(made))
