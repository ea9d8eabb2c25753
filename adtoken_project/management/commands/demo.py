"""`manage.py demo`: makes the demo people, channel apps and API key; prints them as one line of JSON."""

import json
import os
from typing import Any

from django.core.management.base import BaseCommand

from adtoken_project import demo


class Command(BaseCommand):
    help = "Make the demo's people, channel apps and API key (idempotent). DEMO_API_KEY names a key to keep."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(demo.prepare(api_key=os.environ.get("DEMO_API_KEY", ""))))
