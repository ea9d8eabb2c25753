"""What keeps warnings back ends with accounts that move and with people who leave, and goes along to a person's new address.

It was said for the former team: a snooze for everybody, and "I am on it". What an address snoozed for itself goes on: it keeps nothing
from others. Links in mails that went to a person's old address say nothing of the new one, since somebody else may read it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.db.models.signals import ModelSignal, post_delete, post_save, pre_delete
from django.utils import timezone

from accounts.models import Account
from accounts.pool.jobs import register_follow_up
from macros.mutes import acknowledgements, services
from macros.mutes.models import Acknowledgement, Mute
from users.models import User
from users.signals import address_changed

MOVED = "moved"  # the cause of an event


@dataclass(frozen=True)
class Ends:
    """How many accounts have something that ends with a move."""

    snoozed: int
    on_it: int


def count_ends(accounts: QuerySet[Account]) -> Ends:
    """Count what a move of these accounts ends. Two queries, however many accounts."""
    ids = accounts.order_by().values("pk")
    return Ends(
        snoozed=Mute.objects.running().for_everybody().filter(account__in=ids).count(),
        on_it=len({one.account_id for one in Acknowledgement.objects.running(ids)}),
    )


def end_of_moved(account_ids: Collection[int], actor: User, now: datetime) -> None:
    """End it, in the transaction that moved the accounts (ids), with one event for each that ran."""
    for_all = Mute.objects.running().for_everybody().filter(account__in=account_ids)
    services.end_mutes(mutes=for_all, by=actor, now=now, cause=MOVED)
    acknowledgements.end_of_moved(account_ids, cause=MOVED, actor=actor, now=now)


def take_along(*, user: User, old: str, now: datetime, **_kwargs: Any) -> None:
    """Have it be of a person's new address, in the same transaction. Where the same runs there already, what was of the old one ends."""
    services.move_to_address(user.email, old=old, now=now)
    Acknowledgement.objects.filter(email=old).update(email=user.email)


def end_of_leaver(*, instance: User, signal: ModelSignal, raw: bool = False, **_kwargs: Any) -> None:
    """End what a person was on who was switched off, or is about to be deleted, whoever did it and wherever."""
    if signal is pre_delete or not (instance.is_active or raw):
        acknowledgements.end_of_leaver(instance, now=timezone.now())


def end_of_deleted(*, instance: User, **_kwargs: Any) -> None:
    """End what a person who was deleted had snoozed and stopped: whoever gets the address later is mailed."""
    services.forget_address(instance.email, now=timezone.now())


def register() -> None:
    """Say that this follows."""
    register_follow_up(end_of_moved)
    post_save.connect(end_of_leaver, sender=User, dispatch_uid="macros.mutes.receivers")
    pre_delete.connect(end_of_leaver, sender=User, dispatch_uid="macros.mutes.receivers")
    post_delete.connect(end_of_deleted, sender=User, dispatch_uid="macros.mutes.receivers")
    address_changed.connect(take_along, sender=User, dispatch_uid="macros.mutes.receivers")
