"""`manage.py release --same | --copy`."""

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone
from tqdm import tqdm

from accounts import restoring
from adtoken_project import releasing
from notifications.models import Message
from tokens.channels import declarations
from tokens.models import Token
from users import hold, installation

WIPES = "All log-ins and secrets in the database {} are wiped for good. If it is the original, stop here. Type wipe to go on: "


class Command(BaseCommand):
    help = "End the hold of this installation: see docs/restore.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument(
            "--same",
            action="store_true",
            help="It takes the place of the original, which no longer runs. Asks about all log-ins, then goes on.",
        )
        which.add_argument(
            "--copy",
            action="store_true",
            help="The original goes on. Wipes all credentials here, revokes the API keys, switches the macros off.",
        )
        parser.add_argument(
            "--without-answers",
            action="store_true",
            help="With --same: go on although a channel gave no answer about some log-ins.",
        )

        parser.add_argument(
            "--no-input", action="store_false", dest="interactive", help="With --copy: do not ask first."
        )

    def handle(
        self, *args: Any, same: bool, without_answers: bool, interactive: bool, **options: Any
    ) -> None:
        found = hold.current()
        if found is None:
            raise CommandError("This installation is not on hold, so nothing was done.")
        self.stdout.write(f"{found}")
        if same:
            self._same(without_answers=without_answers)
        elif interactive and input(WIPES.format(connection.settings_dict["NAME"])) != "wipe":
            raise CommandError("Nothing was done.")
        else:
            self._copy()

    def _same(self, *, without_answers: bool) -> None:
        since = installation.begin_round(now=timezone.now())
        with tqdm(
            total=restoring.waiting(since=since), desc="log-ins asked", file=self.stderr, disable=None
        ) as bar:
            done = releasing.release_same(
                clock=timezone.now, progress=bar.update, without_answers=without_answers
            )
        asked = done.asked
        self.stdout.write(
            f"Log-ins asked about: {asked.work} that work, {asked.doubtful} refused, which are checked again, "
            f"{len(asked.silent)} without an answer, {asked.closed} that do not open."
        )
        if done.messages is None:
            raise CommandError(
                f"Still on hold: no answer from {_channels(asked.silent)} about the log-ins {_some(asked.silent)}. "
                "Run it again, or add --without-answers."
            )
        self._cancelled(done.messages)
        self.stdout.write("Released as the same installation. Checks, renewals and mails go on.")

    def _copy(self) -> None:
        done = releasing.release_copy(now=timezone.now())
        self._cancelled(done.messages)
        self.stdout.write(
            f"Released as a copy: {done.log_ins} log-ins wiped, {done.api_keys} API keys revoked, {done.macros} macros "
            "switched off, everybody logged out, the secrets of all channel apps wiped."
        )

    def _cancelled(self, messages: Sequence[Message]) -> None:
        self.stdout.write(f"Messages that waited and were cancelled: {len(messages)}")
        for one in messages:
            self.stdout.write(
                f"  {one.pk}  {one.queued_at:%Y-%m-%d %H:%M} UTC  {one.kind}  to {one.recipient}"
            )


def _channels(ids: Sequence[int]) -> str:
    """Return which channels these log-ins are at, with their number: what is looked at next is the channel."""
    found = Counter(Token.objects.filter(pk__in=ids).values_list("app__channel", flat=True))
    return ", ".join(f"{declarations.label(channel)} ({number})" for channel, number in found.most_common())


def _some(ids: Sequence[int], most: int = 20) -> str:
    shown = ", ".join(map(str, ids[:most]))
    return f"{shown} and {len(ids) - most} more" if len(ids) > most else shown
