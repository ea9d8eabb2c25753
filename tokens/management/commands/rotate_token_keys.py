"""`manage.py rotate_token_keys [--check]`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from infra.keys import UNKNOWN, SealedRows, fingerprints
from tokens.vault.queries import PLACES


class Command(BaseCommand):
    help = (
        "Encrypt log-ins, secrets of channel apps and second factors anew under the newest key of FERNET_KEYS, while AdToken runs. "
        "Stopped or killed, it goes on where it was when it is started again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="Open every row and change nothing. Exit status 1 unless all are encrypted under the newest key.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"The newest key is {fingerprints()[0]}; {len(fingerprints())} in FERNET_KEYS.")
        work = self._check if options["check"] else self._rotate
        left = sum(work(place) for place in PLACES)
        if left:
            raise CommandError(f"{left} rows are not under the newest key. Keep the other keys.")
        self.stdout.write(
            "All rows are under the newest key." + ("" if options["check"] else " Make sure with --check.")
        )

    def _rotate(self, place: SealedRows) -> int:
        done = place.rotate()
        self.stdout.write(f"{place.label}: {done.moved} moved to the newest key.")
        if done.closed:
            self.stderr.write(
                f"{place.label}: {done.closed} rows open with no key of FERNET_KEYS; they stay as they are."
            )
        if done.missed:
            self.stderr.write(f"{place.label}: {done.missed} rows were held all the time. Run this again.")
        return done.closed + done.missed

    def _check(self, place: SealedRows) -> int:
        opened = place.keys()
        for key, count in sorted(opened.items()):
            what = f"key {key}" if key != UNKNOWN else "no key of FERNET_KEYS"
            self.stdout.write(f"{place.label}: {count} rows open with {what}.")
        return opened.total() - opened[fingerprints()[0]]
