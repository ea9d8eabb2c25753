"""What a worker does about pushes: of one that is only a hint it asks the channel, and only that answer is written.

Each task is kicked as soon as the push is committed; what a lost kick leaves behind is swept up.
"""

from datetime import datetime, timedelta

from celery import shared_task
from django.utils import timezone

from accounts.checks import services as account_checks
from accounts.models import Account
from accounts.pushes import deletion
from accounts.sync import services as account_sync
from accounts.sync.services import LinkedAccount
from infra import database_clock
from infra.io_steps import Clock
from tokens.models import Token
from tokens.vault.services import VaultError

SOURCE = "push"
SCHEDULE = {"Carry out deletion requests": ("accounts.pushes.delete_requested", 300)}
ONCE_MORE_AFTER = timedelta(minutes=1)


def ask_about_token(*, token_id: int, now: datetime) -> None:
    """Ask about a token and its ad accounts at once, unless it has died or gone meanwhile.

    An answer that was already on its way when the push came may be older than the news, so after it the channel is asked again. And as
    a push may be ahead of the channel's own answers, a token that still works is looked at once more by the sweep in a minute.
    """
    living = Token.objects.living().select_related("app").filter(pk=token_id)
    token = living.first()
    if token is None:
        return
    under_way = token.claimed_until is not None and token.claimed_until > now
    account_checks.check_now(token, now=now, source=SOURCE)
    if under_way and (token := living.first()) is not None:
        account_checks.check_now(token, now=timezone.now(), source=SOURCE)
    again_at = timezone.now() + ONCE_MORE_AFTER
    living.filter(due_at__gt=again_at).make_due(again_at)


def ask_about_account(*, account_id: int, now: datetime) -> None:
    """Read an ad account with the token that is active for it, and write what the channel answers."""
    account = Account.objects.select_related("active_token__app").filter(pk=account_id).first()
    token = account.active_token if account else None
    if account is None or token is None:
        return
    clock = Clock(now)
    try:
        found = account_sync.read_accounts(token, [LinkedAccount(account.pk, account.native_id)])
    except (VaultError, ValueError):
        return  # the sweep meets the same and says so
    account_sync.record_readings(token, found, now=now, source=SOURCE, answered_at=clock.read())


@shared_task(name="accounts.pushes.check_token")
def check_token(token_id: int) -> None:
    """Ask the channel about a token that a push was about."""
    ask_about_token(token_id=token_id, now=database_clock.now())


@shared_task(name="accounts.pushes.read_account")
def read_account(account_id: int) -> None:
    """Read an ad account that a push was about."""
    ask_about_account(account_id=account_id, now=database_clock.now())


@shared_task(name="accounts.pushes.delete_requested")
def delete_requested() -> None:
    """Carry out what people asked to have deleted. Also a sweep: a request whose worker was killed is found again."""
    deletion.carry_out_deletions(now=database_clock.now())
