"""What follows from deleting a macro, whichever way it goes, also with its team; and from switching a person off."""

from typing import Any

from django.utils import timezone

from macros import new_address
from macros.models import Macro, MacroAction, Notice, Told
from macros.mutes import acknowledging as on_it
from users.models import User


def keep_name(*, instance: MacroAction, origin: Any = None, **_kwargs: Any) -> None:
    """Write onto the notices of an action that is deleted the macro's name, and its id where it stays: what was told stays, too."""
    alone = getattr(origin, "model", type(origin)) is MacroAction
    for told in (Notice, Told):
        told.objects.filter(action=instance).update(
            macro_name=instance.macro.name, was_of=instance.macro_id if alone else None
        )


def forget_macro(*, instance: Macro, **_kwargs: Any) -> None:
    """Take the id of a macro that is about to be deleted from what it told before an edit."""
    for told in (Notice, Told):
        told.objects.filter(was_of=instance.pk).update(was_of=None)


def end_on_it(*, instance: User, raw: bool = False, **_kwargs: Any) -> None:
    """End what a person was on who was switched off, whoever did it and wherever."""
    if not instance.is_active and not raw:
        on_it.end_of_leaver(instance, now=timezone.now())


def end_on_it_of_deleted(*, instance: User, **_kwargs: Any) -> None:
    """End the same of a person who is about to be deleted."""
    on_it.end_of_leaver(instance, now=timezone.now())


def end_of_deleted(*, instance: User, **_kwargs: Any) -> None:
    """End what a person who was deleted had snoozed and stopped."""
    new_address.end_of_deleted(instance=instance, now=timezone.now())
