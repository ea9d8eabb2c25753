"""Switching many macros on or off, and whose they are."""

from collections.abc import Collection

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import QuerySet

from macros import scope
from macros.models import Macro
from ui import kept
from users.models import User

HISTORY = "words/history.txt"


@transaction.atomic
def switch(*, macros: Collection[Macro], on: bool, actor: User, note: str) -> int:
    """Switch macros on or off, with an entry in the history of each. Returns how many were not so before."""
    before = Macro.objects.select_for_update().order_by("pk")
    found = list(before.filter(pk__in=[one.pk for one in macros], enabled=not on))
    Macro.objects.filter(pk__in=[one.pk for one in found]).update(enabled=on)
    _log(found, actor, kept.keep(HISTORY, "switched_on" if on else "switched_off", note=note))
    return len(found)


@transaction.atomic
def give(*, macros: Collection[Macro], owner: User, actor: User, note: str) -> int:
    """Give macros to a person who looks after them, with an entry in the history of each. Returns how many were not theirs before."""
    before = Macro.objects.select_for_update().order_by("pk").filter(pk__in=[one.pk for one in macros])
    found = [one for one in before if one.owner_id != owner.pk]
    Macro.objects.filter(pk__in=[one.pk for one in found]).update(owner=owner)
    _log(found, actor, kept.keep(HISTORY, "given", person=str(owner), note=note))
    return len(found)


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


def take_over(person: User, taker: User) -> list[str]:
    """Give the macros of a person who leaves to whoever takes them over, as far as they may. Returns their names."""
    found = list(owned_by(person, taker=taker))
    give(macros=found, owner=taker, actor=taker, note="")
    return [one.name for one in found]


def _log(macros: Collection[Macro], actor: User, said: str) -> None:
    LogEntry.objects.log_actions(actor.pk, list(macros), CHANGE, said)
