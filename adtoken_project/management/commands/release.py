"""`manage.py release --same [--cancel-waiting] | --copy`: ends a hold, see docs/restore.md."""

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.checks import restoring
from macros.models import Macro
from notifications.delivery import claims
from notifications.models import Message
from tokens.channels import declarations
from tokens.models import Token
from ui import stored_phrases as kept
from users.installation import hold
from users.installation import services as installation
from users.models import Session

MOMENT = "%Y-%m-%d %H:%M UTC"
WIPES = "All log-ins and secrets in the database {} are wiped for good. If it is the original, stop here. Type wipe to go on: "
SHOWN = 20  # ids of log-ins


def _not_ended() -> QuerySet[Message]:
    return Message.objects.filter(state__in=[Message.State.QUEUED, Message.State.SENDING])


class Command(BaseCommand):
    help = "End the hold of this installation: see docs/restore.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        of_same = (
            "It takes the place of the original, which no longer runs. Asks about all log-ins, then goes on."
        )
        of_copy = (
            "The original goes on. Wipes all credentials here, revokes the API keys, switches the macros off."
        )
        which.add_argument("--same", action="store_true", help=of_same)
        which.add_argument("--copy", action="store_true", help=of_copy)
        without = "With --same: go on although a channel gave no answer about some log-ins."
        parser.add_argument("--without-answers", action="store_true", help=without)
        cancel = "With --same: mails that wait are cancelled and count as told, because the original sent them after it was copied."
        parser.add_argument("--cancel-waiting", action="store_true", help=cancel)
        ask = "With --copy: do not ask first."
        parser.add_argument("--no-input", action="store_false", dest="interactive", help=ask)

    def handle(self, *args: Any, **options: Any) -> None:
        found = hold.current()
        if found is None:
            raise CommandError("This installation is not on hold, so nothing was done.")
        self.stdout.write(f"{found}")
        if options["same"]:
            self._same(options["without_answers"], cancel_waiting=options["cancel_waiting"])
        elif options["interactive"] and input(WIPES.format(connection.settings_dict["NAME"])) != "wipe":
            raise CommandError("Nothing was done.")
        else:
            self._copy()

    def _same(self, without_answers: bool, *, cancel_waiting: bool) -> None:  # an option
        """Ask about all log-ins, keep or cancel what waited to be mailed, and go on as the same installation.

        Stays on hold where a channel gave no answer about some of the log-ins: a renewal that comes before the question may spend a refresh
        token that is no longer the newest. What this round found, and only this database knows, is told all the same.
        """
        since = installation.begin_round(now=timezone.now())
        number = restoring.count_waiting(since=since)
        asked = restoring.ask_all_log_ins(
            since=since,
            clock=timezone.now,
            progress=lambda done: self.stderr.write(f"{done} of {number} log-ins asked"),
        )
        self.stdout.write(
            f"Log-ins asked about: {asked.work} that work, {asked.doubtful} refused, which are checked again, "
            f"{len(asked.silent)} without an answer, {asked.closed} that do not open."
        )
        if asked.silent and not without_answers:
            raise CommandError(
                f"Still on hold: no answer from {_channels(asked.silent)} about the log-ins {_some(asked.silent)}. "
                "Run it again, or add --without-answers."
            )
        with transaction.atomic():
            written = _not_ended().filter(created_at__lt=since)
            cancelled = claims.cancel_all(written, reason=_reason()) if cancel_waiting else []
            # The 48 hours until a mail is given up begin anew.
            _not_ended().filter(queued_at__lt=timezone.now()).update(queued_at=timezone.now())
            left = _not_ended().count()
            installation.release_hold()
        self.stdout.write(f"Mails that waited and leave now, as far as they still hold: {left}")
        self._cancelled(cancelled)
        self.stdout.write("Released as the same installation. Checks, renewals and mails go on.")

    def _copy(self) -> None:
        """Throw away what acts on the world: credentials, API keys, sessions, waiting mails; switch the macros off; go on as a copy."""
        now = timezone.now()
        with transaction.atomic():
            log_ins, api_keys = restoring.throw_credentials_away(now=now)
            macros = Macro.objects.filter(enabled=True).update(enabled=False)
            Session.objects.all().delete()
            messages = claims.cancel_all(_not_ended(), reason=_reason())
            installation.release_hold(as_copy=True)
        self._cancelled(messages)
        self.stdout.write(
            f"Released as a copy: {log_ins} log-ins wiped, {api_keys} API keys revoked, {macros} macros "
            "switched off, everybody logged out, the secrets of all channel apps wiped."
        )

    def _cancelled(self, messages: Sequence[Message]) -> None:
        self.stdout.write(f"Mails that waited and were cancelled: {len(messages)}")
        for one in messages:
            self.stdout.write(f"  {one.pk}  {one.queued_at:{MOMENT}}  {one.kind}  to {one.recipient}")


def _reason() -> str:
    """Return why what waited is not mailed, as it is kept."""
    return kept.keep("words/background_work.txt", "cancelled_by_release")


def _channels(ids: Sequence[int]) -> str:
    """Return which channels these log-ins are at, with their number: what is looked at next is the channel."""
    found = Counter(Token.objects.filter(pk__in=ids).values_list("app__channel", flat=True))
    return ", ".join(f"{declarations.label(channel)} ({number})" for channel, number in found.most_common())


def _some(ids: Sequence[int]) -> str:
    shown = ", ".join(map(str, ids[:SHOWN]))
    return f"{shown} and {len(ids) - SHOWN} more" if len(ids) > SHOWN else shown
