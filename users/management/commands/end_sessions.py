"""Log people out: everybody, or one person."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from users.models import Session, User


class Command(BaseCommand):
    help = "End all sessions at once, for instance after a leak of the database. People log in again; nothing else changes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", help="end the sessions of this person only")

    def handle(self, *_args: Any, email: str | None = None, **_options: Any) -> None:
        sessions = Session.objects.all()
        if email:
            user = User.objects.filter(email=email.lower()).first()
            if user is None:
                raise CommandError(f"Nobody here has the e-mail address {email}.")
            sessions = sessions.filter(user=user)
        number, _ = sessions.delete()
        self.stdout.write(f"Sessions ended: {number}.")
