"""`manage.py set_up FILE`: teams, channel apps, API keys and people from a file, for whoever sets installations up by machine."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from adtoken_project import set_up
from users.models import User


class Command(BaseCommand):
    help = "Set up teams, channel apps, API keys and people as a file says (TOML; - is standard input). May be run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file")
        parser.add_argument(
            "--by", metavar="EMAIL", help="In whose name; a superuser. Without it: the first one."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["file"])
        try:
            text = sys.stdin.read() if options["file"] == "-" else path.read_text()
            folder = Path.cwd() if options["file"] == "-" else path.parent
            done = set_up.apply(set_up.read(text), by=_by(options["by"]), now=timezone.now(), folder=folder)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read: {error}") from error
        except set_up.SetUpRefused as refused:
            raise CommandError("Nothing was changed.\n" + "\n".join(refused.problems)) from refused
        self.stdout.write("\n".join(done) if done else "All is as the file says.")


def _by(email: str | None) -> User:
    users = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
    found = users.filter(email=email.lower()).first() if email else users.first()
    if found is None:
        wanted = f"{email} is no active superuser." if email else "There is no superuser yet."
        raise CommandError(
            f"{wanted} Make one: DJANGO_SUPERUSER_EMAIL=... DJANGO_SUPERUSER_PASSWORD=... manage.py createsuperuser --no-input"
        )
    return found
