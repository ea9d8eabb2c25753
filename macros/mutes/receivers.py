"""What keeps warnings back ends with accounts that move and with people who leave, and goes along to a person's new address.

"I am on it" was said for the former team. What an address snoozed goes on: it keeps nothing from others. Links in mails that went to a
person's old address say nothing of the new one, since somebody else may read it.
"""

from datetime import datetime
from typing import Any

from django.db.models.signals import ModelSignal, post_delete, post_save, pre_delete
from django.utils import timezone

from accounts.pool.jobs import register_follow_up
from macros.mutes import acknowledgements, services
from macros.mutes.models import Acknowledgement
from users.models import User
from users.signals import address_changed


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
    register_follow_up(acknowledgements.end_of_moved)
    post_save.connect(end_of_leaver, sender=User, dispatch_uid="macros.mutes.receivers")
    pre_delete.connect(end_of_leaver, sender=User, dispatch_uid="macros.mutes.receivers")
    post_delete.connect(end_of_deleted, sender=User, dispatch_uid="macros.mutes.receivers")
    address_changed.connect(take_along, sender=User, dispatch_uid="macros.mutes.receivers")
