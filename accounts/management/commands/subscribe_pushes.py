"""`manage.py subscribe_pushes CHANNEL [--dry-run]`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import ngettext

from accounts.pushes import subscribing
from tokens.channels import registry
from tokens.channels.pushes import Subscriptions


class Command(BaseCommand):
    help = (
        "Subscribe at a channel to the news of its ad accounts, through the token that is active for each."
        " For channels that want a subscription for each ad account."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("channel", choices=sorted(_subscribable()))
        parser.add_argument(
            "--dry-run", action="store_true", help="Say what would be subscribed; call nothing."
        )

    def handle(self, *args: Any, channel: str, **options: Any) -> None:
        subscriptions = _subscribable()[channel]
        failed = 0
        for batch in subscribing.batches(channel, subscriptions):
            count = len(batch.accounts)
            what = ngettext(
                "%(number)s ad account through token %(token)s",
                "%(number)s ad accounts through token %(token)s",
                count,
            ) % {"number": count, "token": batch.token.pk}
            if options["dry_run"]:
                self.stdout.write(f"Would subscribe {what}.")
                continue
            try:
                made = subscribing.subscribe(batch, subscriptions)
                self.stdout.write(f"Subscribed {what}: subscription {made}.")
            except subscribing.NotSubscribed as refused:
                failed += 1
                self.stderr.write(f"Not subscribed, {what}: {refused}")
        if failed:
            raise CommandError(
                f"Subscriptions that failed: {failed}. The checks still find what they tell of."
            )


def _subscribable() -> dict[str, Subscriptions]:
    """Return the channels that are subscribed to ad account by ad account."""
    return {
        key: channel.pushes.subscriptions
        for key, channel in registry.CHANNELS.items()
        if channel.pushes is not None and channel.pushes.subscriptions is not None
    }
