"""Which macros and teams a person may see and change.

A macro tells its recipients about accounts, so it never reaches beyond the teams of whoever writes it.
"""

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from macros.models import Macro
from users.models import Team, User

Person = User | AnonymousUser


def reaches_all(user: Person) -> bool:
    """Return whether the person sees every team's accounts, so may write macros of all teams."""
    if user.is_superuser:
        return True
    return user.is_authenticated and not Team.objects.exclude(memberships__user=user).exists()


def teams_of(user: Person) -> QuerySet[Team]:
    """Return the teams that a macro of this person may name."""
    if user.is_superuser:
        return Team.objects.all()
    return Team.objects.filter(memberships__user=user.pk)


def visible_macros(user: Person) -> QuerySet[Macro]:
    """Return the macros of the person's teams, and those of all teams to whoever may change macros."""
    if user.is_authenticated and user.sees_all_teams:
        return Macro.objects.all()
    own = Q(team__in=teams_of(user))
    return Macro.objects.filter(own | Q(team=None) if user.has_perm("macros.change_macro") else own)


def changeable_macros(user: Person) -> QuerySet[Macro]:
    """Return the visible macros that are the person's to change, see `may_change`, in one query."""
    own = Q(team__in=teams_of(user))
    return visible_macros(user).filter(own | Q(team=None) if reaches_all(user) else own)


def may_change(user: Person, macro: Macro) -> bool:
    """Return whether a macro is the person's to change: of one of their teams, or they see all teams."""
    if macro.team_id is None:
        return reaches_all(user)
    return teams_of(user).filter(pk=macro.team_id).exists()
