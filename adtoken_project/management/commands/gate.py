"""`manage.py gate --bind ADDRESS`: the web server once more, on an address of its own, for machines apart from people."""

import os
import sys
from argparse import ArgumentParser
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Serve what the web server serves on an address of its own, so that machines and people are apart."
    requires_system_checks = ()  # the web server itself makes them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1:8010", help="address and port, or unix:PATH")
        parser.add_argument("--workers", type=int, default=settings.WEB_CONCURRENCY, help="processes")

    def handle(self, *args: Any, **options: Any) -> NoReturn:
        served = settings.BASE_DIR / "deploy" / "gunicorn.conf.py"
        flags = [f"--bind={options['bind']}", f"--workers={options['workers']}"]
        os.execv(sys.executable, [sys.executable, "-m", "gunicorn", f"--config={served}", *flags])  # noqa: S606  # ours
