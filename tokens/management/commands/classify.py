"""`manage.py classify [--staff | --no-staff] < unknown_answers.jsonl`."""

import json
import os
import sys
from argparse import ArgumentParser, BooleanOptionalAction
from collections.abc import Iterator
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.utils import timezone

from tokens import classifying, unknown_answers

PATIENCE = 2  # seconds that a database may take to say that it is there
NOT_APPLIED = "The database cannot be reached, so what staff said about unknown answers is not applied."


class Command(BaseCommand):
    help = (
        "Say what answers of channels mean. Reads a JSON object per line from standard input, with channel, call, status, headers and "
        "body, and writes verdict, reason and row per line. Needs neither database nor settings. A bad line is answered with its error "
        "and stops nothing; the exit status is 1 then."
    )
    requires_system_checks: list[str] = []  # it must run where nothing else is set up

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--staff",
            action=BooleanOptionalAction,
            help="Heed what staff said of unknown answers. Without either: where the database can be reached.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        named = bool(connection.settings_dict["NAME"])
        if options["staff"] or (named and options["staff"] is None):
            self._learn(must=bool(options["staff"]))
        good = True
        try:
            for number, line in _lines():
                good = self._answer(line, number) and good
        except BrokenPipeError:  # whoever read the answers has enough, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            good = False
        if not good:
            sys.exit(1)

    def _answer(self, line: str, number: int) -> bool:
        """Write what one line means; return whether it could be read."""
        said = self._say(line, number)
        self.stdout.write(json.dumps(said))
        self.stdout.flush()
        return "error" not in said

    def _say(self, line: str, number: int) -> dict[str, Any]:
        try:
            return dict(
                classifying.classify_line(line, note=lambda text: self._note(f"Line {number}: {text}"))
            )
        except classifying.BadLine as error:
            return {"error": str(error), "line": number}
        except Exception as error:  # noqa: BLE001  # a fault of a table must not end the stream either
            return {
                "error": f"AdToken failed at this line ({type(error).__name__}): this is a bug.",
                "line": number,
            }

    def _learn(self, *, must: bool) -> None:
        try:
            _reach()
            unknown_answers.reload(timezone.now())
        except (psycopg.Error, DatabaseError) as error:
            if must:
                raise CommandError(f"{NOT_APPLIED} Leave --staff out, or set DATABASE_URL.") from error
            self._note(NOT_APPLIED)

    def _note(self, text: str) -> None:
        self.stderr.write(text.encode("ascii", "backslashreplace").decode())


def _reach() -> None:
    """Find out within seconds whether the database answers: the pool of connections would try for long. Raises psycopg.Error."""
    known = connection.settings_dict
    psycopg.connect(
        host=known["HOST"] or None,
        port=known["PORT"] or None,
        user=known["USER"] or None,
        password=known["PASSWORD"] or None,
        dbname=known["NAME"],
        connect_timeout=PATIENCE,
    ).close()


def _lines() -> Iterator[tuple[int, str]]:
    """Yield the lines of standard input as they come, with their numbers; bytes that are no UTF-8 make a bad line, not an end."""
    for number, line in enumerate(sys.stdin.buffer, start=1):
        text = line.decode("utf-8", "replace")
        if text.strip("\ufeff \t\r\n\f\v"):
            yield number, text
