"""Deleting a macro: the confirm page says what stops. What it told stays."""

from django.db.models import Exists

from accounts.models import Account
from macros.coverage import covering
from macros.models import Macro, Notice
from portal.bulk_items import number
from ui.confirm import Page


def page(macro: Macro) -> Page:
    """Return the confirm page of a macro that staff want to delete."""
    watched = Account.objects.filter(Exists(covering().filter(pk=macro.pk)))
    alone = watched.exclude(Exists(covering().exclude(pk=macro.pk)))
    told = Notice.objects.filter(action__macro=macro).count()
    last = macro.enabled and not Macro.objects.filter(enabled=True).exclude(pk=macro.pk).exists()
    return Page(
        question=f"Delete the macro “{macro}”?",
        lead="Mails of it that wait are not sent. A deleted macro cannot be brought back: to stop it for a while, switch it off.",
        facts=(
            ("Stops watching", number(watched.count(), "account")),
            ("Then watched by no macro", number(alone.count(), "account")),
            ("Stays", f"{number(told, 'notice')} of what it told, with its name, and their mails"),
        ),
        warning="No other macro is on" if last else "",
        warning_text="Without this one nobody is warned before an account stops.",
        button="Delete the macro",
        danger=True,
        ask_why=False,
    )
