"""`manage.py doctor`: what is wrong with this installation, and what to do. Exit status 1 where something is."""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import ngettext

from adtoken_project import version
from adtoken_project.ops import health
from infra import scrub


class Command(BaseCommand):
    help = (
        "Say what is wrong with this installation and what to do about it; exit status 1 where something is."
    )
    requires_system_checks: list[str] = []  # they are one of the checks

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"AdToken {version.called()}\n\n")
        wrong = 0
        for check, problems in health.examine():
            if problems is None:
                self._say("?", f"{check.title}: not looked at, because the database is away")
            elif not problems:
                self._say("ok", check.title)
            for problem in problems or ():
                wrong += not problem.note
                self._say("note" if problem.note else "WRONG", f"{check.title}: {problem.said}")
                self._say("", f"-> {problem.cure}")
        if wrong:
            said = ngettext("%(number)s thing to fix.", "%(number)s things to fix.", wrong) % {
                "number": wrong
            }
            self.stdout.write(f"\n{said}")
            sys.exit(1)
        self.stdout.write("\nAll is well.")

    def _say(self, mark: str, text: str) -> None:
        self.stdout.write(f"{mark:6} {scrub.text(text)}")
