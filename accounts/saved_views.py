"""Saved views of Social Accounts: who sees which, and how one is kept. A view is an address: what it shows is what its reader may see."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.errors import ActionRefused
from accounts.models import SavedView
from users import visibility
from users.models import Membership, Team, User

MOST = 30  # views of one person
_NOT_KEPT = frozenset({"p", "ids", "across", "e", "select_across", "index", "action"})


def normal(query: str) -> str:
    """Return the filters and the order of an address as they are kept: sorted, without the page. Never raises."""
    pairs = [(key, value) for key, value in parse_qsl(query.lstrip("?")) if key not in _NOT_KEPT and value]
    return urlencode(sorted(pairs))


def filters_of(view: SavedView) -> Mapping[str, str]:
    """Return the filters by their parameters, for whoever reads accounts by them."""
    return dict(parse_qsl(view.query))


def seen_by(user: User) -> QuerySet[SavedView]:
    """Return a person's own views, and those that are shared with a team of theirs. By name."""
    teams = Membership.objects.filter(user=user).values("team")
    return SavedView.objects.filter(Q(owner=user) | Q(team__in=teams)).order_by("name", "pk")


def shared_by(owner: User, *, viewer: User) -> QuerySet[SavedView]:
    """Return what a person shares with teams whose people the viewer manages. By name."""
    teams = visibility.teams_of(viewer).values("pk")
    return SavedView.objects.filter(owner=owner, team__in=teams).select_related("team").order_by("name", "pk")


def changed_by(user: User) -> QuerySet[SavedView]:
    """Return the views that a person of staff may rename and delete: their own, and those shared with teams whose people they manage
    where the owner no longer can: a team must not keep for ever what nobody can change.
    """
    left = Q(owner__is_active=False) | Q(owner__is_staff=False)
    return SavedView.objects.filter(Q(owner=user) | left & Q(team__in=visibility.teams_of(user).values("pk")))


def is_left(owner: User) -> bool:
    """Return whether the owner of a view can no longer change it: switched off, or no longer let into the portal."""
    return not (owner.is_active and owner.is_staff)


@transaction.atomic
def pass_on(*, owner: User, to: User) -> None:
    """Give what a person shares with teams to another one: with whoever is deleted, teams would lose it, and calendars end that show it."""
    taken = set(SavedView.objects.filter(owner=to).values_list("name", flat=True))
    for view in SavedView.objects.filter(owner=owner).exclude(team=None).order_by("pk"):
        name, number = view.name, 1
        while name in taken:
            number += 1
            name = f"{view.name[:55]} {number}"
        taken.add(name)
        SavedView.objects.filter(pk=view.pk).update(owner=to, name=name)


@transaction.atomic
def save(*, owner: User, name: str, query: str, team: Team | None, now: datetime) -> SavedView:
    """Keep a view. Raises ActionRefused for a second one of a name, and for too many."""
    User.objects.select_for_update(no_key=True).get(
        pk=owner.pk
    )  # two presses at once are one after the other
    mine = SavedView.objects.filter(owner=owner)
    if mine.filter(name=name).exists():
        raise ActionRefused("view_of_that_name", name=name)
    if mine.count() >= MOST:
        raise ActionRefused("too_many_views")
    return SavedView.objects.create(
        owner=owner, name=name, query=normal(query)[:2000], team=team, created_at=now
    )


@transaction.atomic
def change(*, view: SavedView, name: str, by: User, team: Team | None = None) -> None:
    """Rename a view; where it is `by`'s own, share it with `team`, or take it back. Of somebody else's only the name is written.

    Raises ActionRefused where another one of the owner has that name.
    """
    mine = view.owner_id == by.pk
    if SavedView.objects.filter(owner=view.owner_id, name=name).exclude(pk=view.pk).exists():
        raise ActionRefused("view_of_that_name" if mine else "view_of_that_name_there", name=name)
    said = {"name": name, "team": team} if mine else {"name": name}
    SavedView.objects.filter(pk=view.pk).update(**said)
