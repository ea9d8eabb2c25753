"""What keeps warnings back of accounts that move to another team: it was said for the former team, and ends where it is not the new one's.

A snooze for everybody ends. "I am on it" ends where the account does not concern whoever said so (`macros.mutes.mails`). What an address
snoozed for itself goes on: it keeps nothing from others.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from accounts.models import Account
from accounts.pool import signals as moves
from macros.models import Acknowledgement, Mute
from macros.mutes import acknowledging as on_it
from macros.mutes import services
from users.models import User

MOVED = "moved"  # the cause of an event


@dataclass(frozen=True)
class Ends:
    """How many accounts have something that ends with a move, or may: that depends on the team."""

    snoozed: int
    on_it: int


def numbers(accounts: QuerySet[Account]) -> Ends:
    """Count what a move of these accounts ends, or may end. Two queries, however many accounts."""
    ids = accounts.order_by().values("pk")
    return Ends(
        snoozed=Mute.objects.running().for_everybody().filter(account__in=ids).count(),
        on_it=len({one.account_id for one in Acknowledgement.objects.running(ids)}),
    )


def end(account_ids: Collection[int], actor: User, now: datetime) -> None:
    """End it, in the transaction that moved the accounts (ids), with one event for each that ran."""
    for_all = Mute.objects.running().for_everybody().filter(account__in=account_ids)
    services.end(mutes=for_all, by=actor, now=now, cause=MOVED)
    on_it.end_of_moved(account_ids, cause=MOVED, actor=actor, now=now)


def register() -> None:
    """Say that this follows from a move. Called once, when the app starts."""
    moves.register(end)
