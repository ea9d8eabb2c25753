"""Subscribing to a channel's news of ad accounts, where it wants a subscription for each, made with a token that sees it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from accounts.models import Account
from tokens import push_addresses
from tokens.channels.kinds import ChannelError
from tokens.channels.pushes import Subscriptions
from tokens.models import Token
from tokens.vault import VaultError


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
            callback_url=subscriptions.callback_url(push_addresses.place(app)),
            native_ids=[account.native_id for account in batch.accounts],
        )
    except (ChannelError, VaultError, ValueError) as error:
        raise NotSubscribed(str(error)) from error
