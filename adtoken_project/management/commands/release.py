"""`manage.py release --same [--keep-waiting | --cancel-waiting] | --copy`."""

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

MOMENT = "%Y-%m-%d %H:%M UTC"
MUST_CHOOSE = (
    "{waiting} Nothing was done: this is another database than the one that AdToken ran on, and only you know which it is.\n"
    "- The original went on after this was copied (a restored backup): it sent most of them. Add --cancel-waiting; they count as told.\n"
    "- Nobody sent mails from then on (a move or a dump after everything was stopped or on hold, pg_upgrade): add --keep-waiting; each "
    "leaves then, as it holds then.\n"
    "The last mail that this database knows to have left: {last}."
)
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
        mails = parser.add_mutually_exclusive_group()
        mails.add_argument(
            "--keep-waiting",
            action="store_true",
            help="With --same: mails that wait leave then. So it is by itself where the database is the very one as before.",
        )
        mails.add_argument(
            "--cancel-waiting",
            action="store_true",
            help="With --same: mails that wait are cancelled and count as told, because the original sent most of them.",
        )
        parser.add_argument(
            "--no-input", action="store_false", dest="interactive", help="With --copy: do not ask first."
        )

    def handle(
        self,
        *args: Any,
        same: bool,
        without_answers: bool,
        keep_waiting: bool,
        cancel_waiting: bool,
        interactive: bool,
        **options: Any,
    ) -> None:
        found = hold.current()
        if found is None:
            raise CommandError("This installation is not on hold, so nothing was done.")
        if keep_waiting and not same:
            raise CommandError("A copy mails nobody of what waits. Nothing was done.")
        self.stdout.write(f"{found}")
        if same:
            self._say_what_waits(keep=keep_waiting, cancel=cancel_waiting)
            self._same(without_answers=without_answers, cancel_waiting=cancel_waiting)
        elif interactive and input(WIPES.format(connection.settings_dict["NAME"])) != "wipe":
            raise CommandError("Nothing was done.")
        else:
            self._copy()

    def _say_what_waits(self, *, keep: bool, cancel: bool) -> None:
        """Say what becomes of it, before. Raises CommandError where only an operator knows, and has not said."""
        found = releasing.waiting()
        if not found.number:
            return
        said = f"Mails that wait: {found.number}, the oldest since {found.since:{MOMENT}}."
        if found.elsewhere and not keep and not cancel:
            last = f"{found.last_left:{MOMENT}}" if found.last_left else "none"
            raise CommandError(MUST_CHOOSE.format(waiting=said, last=last))
        self.stdout.write(
            f"{said} {'They are cancelled, and count as told.' if cancel else 'They are kept.'}"
        )

    def _same(self, *, without_answers: bool, cancel_waiting: bool) -> None:
        since = installation.begin_round(now=timezone.now())
        with tqdm(
            total=restoring.waiting(since=since), desc="log-ins asked", file=self.stderr, disable=None
        ) as bar:
            done = releasing.release_same(
                clock=timezone.now,
                progress=bar.update,
                without_answers=without_answers,
                cancel_waiting=cancel_waiting,
            )
        asked = done.asked
        self.stdout.write(
            f"Log-ins asked about: {asked.work} that work, {asked.doubtful} refused, which are checked again, "
            f"{len(asked.silent)} without an answer, {asked.closed} that do not open."
        )
        if done.cancelled is None:
            raise CommandError(
                f"Still on hold: no answer from {_channels(asked.silent)} about the log-ins {_some(asked.silent)}. "
                "Run it again, or add --without-answers."
            )
        self.stdout.write(f"Mails that waited and leave now, as far as they still hold: {done.kept}")
        self._cancelled(done.cancelled)
        self.stdout.write("Released as the same installation. Checks, renewals and mails go on.")

    def _copy(self) -> None:
        done = releasing.release_copy(now=timezone.now())
        self._cancelled(done.messages)
        self.stdout.write(
            f"Released as a copy: {done.log_ins} log-ins wiped, {done.api_keys} API keys revoked, {done.macros} macros "
            "switched off, everybody logged out, the secrets of all channel apps wiped."
        )

    def _cancelled(self, messages: Sequence[Message]) -> None:
        self.stdout.write(f"Mails that waited and were cancelled: {len(messages)}")
        for one in messages:
            self.stdout.write(f"  {one.pk}  {one.queued_at:{MOMENT}}  {one.kind}  to {one.recipient}")


def _channels(ids: Sequence[int]) -> str:
    """Return which channels these log-ins are at, with their number: what is looked at next is the channel."""
    found = Counter(Token.objects.filter(pk__in=ids).values_list("app__channel", flat=True))
    return ", ".join(f"{declarations.label(channel)} ({number})" for channel, number in found.most_common())


def _some(ids: Sequence[int], most: int = 20) -> str:
    shown = ", ".join(map(str, ids[:most]))
    return f"{shown} and {len(ids) - most} more" if len(ids) > most else shown
