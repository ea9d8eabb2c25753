"""Subscribing to TikTok's news of ad accounts. TikTok alone wants a subscription for each account, made with a token that sees it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from accounts.models import Account
from tokens import push_addresses
from tokens.channels.base import ChannelError
from tokens.channels.tiktok import pushes as tiktok
from tokens.models import Token
from tokens.vault import VaultError


class NotSubscribed(Exception):  # noqa: N818  # a refusal with a reason
    """TikTok did not take a subscription. The text says why."""


@dataclass(frozen=True)
class Batch:
    """Accounts that one token carries: at most as many as one subscription takes."""

    token: Token
    accounts: Sequence[Account]


def batches() -> Iterator[Batch]:
    """Go through all connected TikTok accounts by the token that is active for them."""
    accounts = Account.objects.filter(channel="tiktok", state=Account.State.CONNECTED)
    served = accounts.select_related("active_token__app").order_by("active_token_id", "id")
    for token, of_token in groupby(served, key=lambda account: account.active_token):
        held = list(of_token)
        if token is not None:
            for start in range(0, len(held), tiktok.MOST_ACCOUNTS):
                yield Batch(token, held[start : start + tiktok.MOST_ACCOUNTS])


def subscribe(batch: Batch) -> str:
    """Subscribe to the news of these accounts and return TikTok's id of the subscription. Raises NotSubscribed.

    It ends, without a word from TikTok, when its token is revoked.
    """
    app = batch.token.app
    try:
        return tiktok.subscribe(
            app.keys(),
            batch.token.unseal(),
            callback_url=push_addresses.tiktok_webhook(app),
            native_ids=[account.native_id for account in batch.accounts],
        )
    except (ChannelError, VaultError, ValueError) as error:
        raise NotSubscribed(str(error)) from error
