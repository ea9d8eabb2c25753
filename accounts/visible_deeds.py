"""Whose deeds on many a person sees in the portal: their own, and everybody's where all teams are theirs to look at."""

from django.db.models import Exists, OuterRef, QuerySet

from accounts import jobs
from accounts.deed_kinds import KINDS
from accounts.leaving.deed import REMOVE
from accounts.models import Deed
from users.models import User


def visible_to(user: User) -> QuerySet[Deed]:
    """Return the deeds whose pages the person may open, without what they name. Log-ins that go are seen in their lists."""
    found = Deed.objects.defer("keys").filter(kind__in=KINDS.keys() - {REMOVE})
    return found if user.sees_all_teams else found.filter(user=user)


def under_way(user: User) -> QuerySet[Deed]:
    """Return what the person asked for and is not over yet, newest first."""
    return visible_to(user).filter(user=user, state__in=jobs.GOING).order_by("-pk")


def with_undos(found: QuerySet[Deed]) -> QuerySet[Deed]:
    """Return the same, each with whether it was taken back (`undone`)."""
    undos = Deed.objects.filter(undoes=OuterRef("pk")).exclude(state=Deed.State.FAILED)
    return found.annotate(undone=Exists(undos))
