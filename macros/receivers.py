"""What follows from deleting a macro, whichever way it goes, also with its team; and from switching a person off."""

from typing import Any

from django.utils import timezone

from macros import on_it
from macros.models import MacroAction, NewsNotice, Notice
from users.models import User


def keep_name(*, instance: MacroAction, **_kwargs: Any) -> None:
    """Write the macro's name onto the notices of an action before it is deleted: what it told stays, and says whose it was."""
    for told in (Notice, NewsNotice):
        told.objects.filter(action=instance).update(macro_name=instance.macro.name)


def end_on_it(*, instance: User, raw: bool = False, **_kwargs: Any) -> None:
    """End what a person was on who was switched off, whoever did it and wherever."""
    if not instance.is_active and not raw:
        on_it.end_of_leaver(instance, now=timezone.now())


def end_on_it_of_deleted(*, instance: User, **_kwargs: Any) -> None:
    """End the same of a person who is about to be deleted."""
    on_it.end_of_leaver(instance, now=timezone.now())
