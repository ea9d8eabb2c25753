"""`manage.py classify [--staff] < answers.jsonl`."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from tokens import answers, classifying


class Command(BaseCommand):
    help = (
        "Say what answers of channels mean. Reads a JSON object per line from standard input, with channel, call, status, headers and "
        "body, and writes verdict, reason and row per line. Needs no database. A bad line is answered with its error and stops nothing; "
        "the exit status is 1 then."
    )
    requires_system_checks: list[str] = []  # it must run where nothing else is set up

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--staff",
            action="store_true",
            help="Heed what staff said of unknown answers: needs the database.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["staff"]:
            self._learn()
        bad = 0
        for number, line in enumerate(_lines(), start=1):
            if not line.strip():
                continue
            said = self._say(line, number)
            bad += "error" in said
            self.stdout.write(json.dumps(said, ensure_ascii=False))
            self.stdout.flush()
        if bad:
            sys.exit(1)

    def _say(self, line: str, number: int) -> dict[str, Any]:
        try:
            return dict(classifying.classify_line(line))
        except classifying.BadLine as error:
            return {"error": str(error), "line": number}
        except Exception as error:  # noqa: BLE001  # a fault of a table must not end the stream either
            return {
                "error": f"AdToken failed at this line ({type(error).__name__}): a fault of ours.",
                "line": number,
            }

    def _learn(self) -> None:
        try:
            answers.reload(timezone.now())
        except DatabaseError as error:
            raise CommandError(
                "The database cannot be reached, so what staff said is not known. Leave --staff out, or set DATABASE_URL."
            ) from error


def _lines() -> Any:
    """Yield the lines of standard input as they come; bytes that are no UTF-8 make a bad line, not an end."""
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "replace")
