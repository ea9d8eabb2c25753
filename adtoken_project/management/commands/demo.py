"""`manage.py demo`: makes the demo people, channel apps and API key; prints them as one line of JSON. `--fill` makes its ad accounts."""

import json
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from adtoken_project import demo, demo_fleet


class Command(BaseCommand):
    help = "Make the demo's people, channel apps and API key (idempotent). DEMO_API_KEY names a key to keep."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--fill", metavar="SANDBOX", help="Fill an empty demo with ad accounts, linked at this sandbox."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["fill"]:
            self.stdout.write(json.dumps({"accounts": demo_fleet.fill(sandbox=options["fill"])}))
            return
        self.stdout.write(json.dumps(demo.prepare(api_key=os.environ.get("DEMO_API_KEY", ""))))
