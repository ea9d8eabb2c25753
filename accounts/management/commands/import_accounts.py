"""`manage.py import_accounts FILE|- [--dry-run] [--quietly]`."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from accounts import importing

SHOWN = 50


class Command(BaseCommand):
    help = f"Import accounts and tokens from CSV with the columns {', '.join(importing.COLUMNS)}; the first two are required."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="A CSV file in UTF-8, or - for standard input.")
        parser.add_argument("--dry-run", action="store_true", help="Check everything and write nothing.")
        parser.add_argument(
            "--quietly", action="store_true", help="Mail nobody that their log-in was imported."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            lines = self._read(options["file"])
        except importing.ImportRefused as refused:
            for problem in refused.problems[:SHOWN]:
                self.stderr.write(str(problem))
            more = len(refused.problems) - SHOWN
            tail = f" ({more} more not shown)" if more > 0 else ""
            raise CommandError(f"{len(refused.problems)} problems{tail}. Nothing was imported.") from refused
        result = importing.write(
            lines,
            now=timezone.now(),
            dry_run=options["dry_run"],
            progress=self._progress,
            tell=not options["quietly"],
        )
        verb = "Would import" if options["dry_run"] else "Imported"
        self.stdout.write(
            f"{verb} {result.lines} lines: {result.accounts} new accounts, {result.tokens} new tokens, "
            f"{result.links} new links; {result.kept} tokens were linked already and stay as they are."
        )
        if not options["dry_run"] and result.tokens:
            minutes = 1 + result.tokens // importing.CHECKED_A_MINUTE
            self.stdout.write(
                "Their end dates are not available until the channel was asked about each. That begins within seconds and takes about "
                f"{minutes} {'minute' if minutes == 1 else 'minutes'} where it answers quickly, longer where it is slow or limits calls."
            )

    def _read(self, name: str) -> list[importing.ImportLine]:
        if name == "-":
            return importing.read(sys.stdin, self._progress)
        try:
            with Path(name).open(encoding="utf-8-sig", newline="") as source:
                return importing.read(source, self._progress)
        except OSError as error:
            raise CommandError(f"{name} cannot be read: {error.strerror}.") from error

    def _progress(self, items: Iterable[Any], what: str) -> Iterable[Any]:
        source: TextIO = sys.stderr
        return tqdm(items, desc=what, file=source, disable=None)
