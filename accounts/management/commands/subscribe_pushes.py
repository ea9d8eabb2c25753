"""`manage.py subscribe_pushes CHANNEL [--dry-run]`."""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import ngettext

from accounts.models import Account
from tokens.channels import registry
from tokens.channels.kinds import ChannelError
from tokens.channels.pushes import Subscriptions
from tokens.models import Token
from tokens.vault.services import VaultError


class NotSubscribed(Exception):  # noqa: N818  # a refusal with a reason
    """The channel did not take a subscription. The text says why."""


@dataclass(frozen=True)
class Batch:
    """Accounts that one token carries: at most as many as one subscription takes."""

    token: Token
    accounts: Sequence[Account]


def batches(channel: str, subscriptions: Subscriptions) -> Iterator[Batch]:
    """Go through all connected accounts of a channel by the token that is active for them."""
    accounts = Account.objects.filter(channel=channel, state=Account.State.CONNECTED)
    served = accounts.select_related("active_token__app").order_by("active_token_id", "id")
    for token, of_token in groupby(served, key=lambda account: account.active_token):
        held = list(of_token)
        if token is not None:
            for start in range(0, len(held), subscriptions.most):
                yield Batch(token, held[start : start + subscriptions.most])


def subscribe(batch: Batch, subscriptions: Subscriptions) -> str:
    """Subscribe to the news of these accounts and return the channel's id of the subscription. Raises NotSubscribed.

    It may end, without a word from the channel, when its token is revoked.
    """
    app = batch.token.app
    try:
        return subscriptions.subscribe(
            app.keys(),
            batch.token.unseal(),
            callback_url=subscriptions.callback_url(app.push_place),
            native_ids=[account.native_id for account in batch.accounts],
        )
    except (ChannelError, VaultError, ValueError) as error:
        raise NotSubscribed(str(error)) from error


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
        for batch in batches(channel, subscriptions):
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
                made = subscribe(batch, subscriptions)
                self.stdout.write(f"Subscribed {what}: subscription {made}.")
            except NotSubscribed as refused:
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
