"""People, log-ins and accounts of those who leave."""

from collections import Counter
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Account, ReachedAccount
from accounts.pool import services as pool
from notifications.models import Message
from tests.support.factories import link, make_account, make_app, make_token, make_user
from tokens.models import Token
from users.models import Membership, Team, User


def person(name: str, **fields: Any) -> User:
    """Somebody with a log-in here."""
    return make_user(f"{name.lower()}@example.com", name=name, **fields)


def superuser(name: str = "Mira") -> User:
    """Somebody who may everything."""
    return person(name, is_staff=True, is_superuser=True)


def lead(name: str, team: Team) -> User:
    """The lead of a team."""
    found = person(name, team=team)
    Membership.objects.filter(user=found, team=team).update(role=Membership.Role.TEAM_LEAD)
    return found


def log_in(of: User | None, channel: str = "facebook", **fields: Any) -> Token:
    """A log-in that was linked before."""
    fields.setdefault("first_linked_at", timezone.now())
    return make_token(make_app(channel), consented_by=of, **fields)


def carried(*tokens: Token, **fields: Any) -> Account:
    """An account with these log-ins in its pool."""
    account = make_account(tokens[0].app.channel, **fields)
    for token in tokens:
        link(account, token)
    settle(account)
    return account


def settle(*accounts: Account) -> None:
    """Settle the accounts, and read them again."""
    with transaction.atomic():
        pool.settle(account_ids=[one.pk for one in accounts], cause="linked", now=timezone.now())
    for account in accounts:
        account.refresh_from_db()


def reaches(token: Token, *accounts: Account) -> None:
    """The channel's list of a log-in names these accounts."""
    facts: dict[str, Any] = {"can_publish": "yes", "role": "Admin", "seen_at": timezone.now()}
    ReachedAccount.objects.bulk_create(
        ReachedAccount(token=token, native_id=one.native_id, **facts) for one in accounts
    )


def mails() -> Counter[tuple[str, str]]:
    """Return how many mails of each kind were written to whom."""
    return Counter(Message.objects.values_list("kind", "recipient"))


def states(*tokens: Token) -> set[tuple[str, str]]:
    """Return in which states log-ins are, and why."""
    return set(Token.objects.filter(pk__in=[one.pk for one in tokens]).values_list("state", "reason"))
