"""What a worker does about a push that is only a hint: it asks the channel, and only that answer is written."""

from datetime import datetime, timedelta

from django.utils import timezone

from accounts import account_sync, pool_entries, sweeps
from accounts.models import Account
from tokens.clock import Clock
from tokens.models import Token
from tokens.vault import VaultError

SOURCE = "push"
ONCE_MORE_AFTER = timedelta(minutes=1)


def check_token(*, token_id: int, now: datetime) -> None:
    """Ask about a token and its ad accounts at once, unless it has died or gone meanwhile.

    An answer that was already on its way when the push came may be older than the news, so after it the channel is asked again. And as
    a push may be ahead of the channel's own answers, a token that still works is looked at once more by the sweep in a minute.
    """
    living = Token.objects.select_related("app").filter(pk=token_id).exclude(state=Token.State.DEAD)
    token = living.first()
    if token is None:
        return
    under_way = token.claimed_until is not None and token.claimed_until > now
    sweeps.check_now(token, now=now, source=SOURCE)
    if under_way and (token := living.first()) is not None:
        sweeps.check_now(token, now=timezone.now(), source=SOURCE)
    again_at = timezone.now() + ONCE_MORE_AFTER
    living.filter(due_at__gt=again_at).make_due(again_at)


def read_account(*, account_id: int, now: datetime) -> None:
    """Read an ad account with the token that is active for it, and write what the channel answers."""
    account = Account.objects.select_related("active_token__app").filter(pk=account_id).first()
    token = account.active_token if account else None
    if account is None or token is None:
        return
    clock = Clock(now)
    facts = pool_entries.facts_of(token, [account.pk])
    try:
        found = account_sync.read(token, [(account.pk, account.native_id)], facts=facts)
    except (VaultError, ValueError):
        return  # the sweep meets the same and says so
    account_sync.record(token, found, now=now, source=SOURCE, answered_at=clock.read())
