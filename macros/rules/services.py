"""Whose macros are, who takes them over, and how far ahead they warn: what can be renewed without a person is renewed before that."""

import time
from datetime import timedelta

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import QuerySet

from accounts.leaving import handing_over
from macros.rules.models import Macro, MacroAction
from tokens.token import renewal
from ui import stored_phrases as kept
from users.models import User

HISTORY = "words/history.txt"
REMEMBERED = 60.0  # seconds; every token that is checked asks

_widest: list[tuple[float, timedelta]] = []


def macros_to_take_over(person: User, *, taker: User) -> QuerySet[Macro]:
    """Return the macros of a person that somebody else may take over: those that they may change."""
    if not taker.has_perm("macros.change_macro"):
        return Macro.objects.none()
    found = Macro.objects.filter(owner=person, pk__in=Macro.objects.visible_to(taker).values("pk"))
    return (found if taker.is_in_all_teams else found.exclude(team=None)).order_by("name")


def names_of_owned(person: User, taker: User | None) -> list[str]:
    """Return what the macros of a person are called: those that `taker` may take over, or all of them."""
    found = (
        macros_to_take_over(person, taker=taker)
        if taker
        else Macro.objects.filter(owner=person).order_by("name")
    )
    return [one.name for one in found]


@transaction.atomic
def take_over_macros(person: User, taker: User) -> list[str]:
    """Give the macros of a person who leaves to whoever takes them over, as far as they may, with an entry in the history of each.

    Returns their names.
    """
    found = list(macros_to_take_over(person, taker=taker).select_for_update(of=("self",)))
    Macro.objects.filter(pk__in=[one.pk for one in found]).update(owner=taker)
    said = kept.keep(HISTORY, "given", person=str(taker), note="")
    LogEntry.objects.log_actions(taker.pk, found, CHANGE, said)
    return [one.name for one in found]


def widest_warning() -> timedelta:
    """Return the earliest warning of all enabled macros, before the deadline."""
    for asked_at, answer in tuple(_widest):  # another thread may forget it meanwhile
        if time.monotonic() - asked_at <= REMEMBERED:
            return answer
    days = MacroAction.objects.filter(macro__enabled=True).values_list("days", flat=True)
    most = timedelta(days=max((max(some) for some in days if some), default=0))
    _widest[:] = [(time.monotonic(), most)]
    return most


def forget_widest() -> None:
    """Ask the database next time."""
    _widest.clear()


def register() -> None:
    """Say whose macros are handed over, and what is renewed before they warn."""
    handing_over.register_dependents(names_of_owned, take_over_macros)
    renewal.register_widest_warning(widest_warning)
