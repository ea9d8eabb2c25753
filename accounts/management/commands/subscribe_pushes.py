"""`manage.py subscribe_pushes CHANNEL [--dry-run]`."""

from argparse import ArgumentParser
from itertools import batched, groupby
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import ngettext

from accounts.models import Account
from tokens.channels import registry
from tokens.channels.kinds import ChannelError
from tokens.channels.pushes import Subscriptions
from tokens.vault.services import VaultError


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
        subscriptions, failed = _subscribable()[channel], 0
        connected = Account.objects.filter(
            channel=channel, state=Account.State.CONNECTED, active_token__isnull=False
        )
        served = connected.select_related("active_token__app").order_by("active_token_id", "id")
        for token, of_token in groupby(served, key=lambda account: account.active_token):
            for some in batched(of_token, subscriptions.most, strict=False):
                what = ngettext(
                    "%(number)s ad account through token %(token)s",
                    "%(number)s ad accounts through token %(token)s",
                    len(some),
                ) % {"number": len(some), "token": token.pk}
                if options["dry_run"]:
                    self.stdout.write(f"Would subscribe {what}.")
                    continue
                try:  # it may end, without a word from the channel, when its token is revoked
                    made = subscriptions.subscribe(
                        token.app.keys(),
                        token.unseal(),
                        callback_url=subscriptions.callback_url(token.app.push_place),
                        native_ids=[account.native_id for account in some],
                    )
                    self.stdout.write(f"Subscribed {what}: subscription {made}.")
                except (ChannelError, VaultError, ValueError) as error:
                    failed += 1
                    self.stderr.write(f"Not subscribed, {what}: {error}")
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
