"""Whose macros are, and who takes them over."""

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import QuerySet

from macros.models import Macro
from macros.rules import scope
from ui import kept
from users.models import User

HISTORY = "words/history.txt"


def owned_by(person: User, *, taker: User) -> QuerySet[Macro]:
    """Return the macros of a person that somebody else may take over: those that they may change."""
    if not taker.has_perm("macros.change_macro"):
        return Macro.objects.none()
    found = Macro.objects.filter(owner=person, pk__in=scope.visible_macros(taker).values("pk"))
    return (found if scope.reaches_all(taker) else found.exclude(team=None)).order_by("name")


def names(person: User, taker: User | None) -> list[str]:
    """Return what the macros of a person are called: those that `taker` may take over, or all of them."""
    found = owned_by(person, taker=taker) if taker else Macro.objects.filter(owner=person).order_by("name")
    return [one.name for one in found]


@transaction.atomic
def take_over(person: User, taker: User) -> list[str]:
    """Give the macros of a person who leaves to whoever takes them over, as far as they may, with an entry in the history of each.

    Returns their names.
    """
    found = list(owned_by(person, taker=taker).select_for_update(of=("self",)))
    Macro.objects.filter(pk__in=[one.pk for one in found]).update(owner=taker)
    said = kept.keep(HISTORY, "given", person=str(taker), note="")
    LogEntry.objects.log_actions(taker.pk, found, CHANGE, said)
    return [one.name for one in found]
