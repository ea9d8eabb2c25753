"""What follows from deleting a macro, whichever way it goes: also with its team."""

from typing import Any

from macros.models import MacroAction, NewsNotice, Notice


def keep_name(*, instance: MacroAction, **_kwargs: Any) -> None:
    """Write the macro's name onto the notices of an action before it is deleted: what it told stays, and says whose it was."""
    for told in (Notice, NewsNotice):
        told.objects.filter(action=instance).update(macro_name=instance.macro.name)
