"""Which teams and people somebody of staff sees and manages: their own teams', and all for administrators. And whom a viewer knows."""

from collections.abc import Iterable

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, Q, QuerySet

from ui.name_visibility import NameVisibility
from users.models import Membership, Team, User
from users.people.models import SEE_ALL_TEAMS


def teams_of(user: User) -> QuerySet[Team]:
    """Return the teams whose people and invitations the person manages."""
    return Team.objects.all() if user.is_administrator else Team.objects.filter(memberships__user=user)


def teams_seen_by(user: User) -> QuerySet[Team]:
    """Return the teams whose people and invitations the person may look at: those above, and all for auditors."""
    return Team.objects.all() if user.sees_all_teams else teams_of(user)


def people_of(user: User) -> QuerySet[User]:
    """Return the people whom the person sees on the pages of people: those of the teams above, and themselves."""
    if user.is_administrator or user.sees_all_teams:
        return User.objects.all()
    mates = User.objects.filter(memberships__team__in=teams_of(user))
    return User.objects.filter(pk__in=[user.pk]) | User.objects.filter(pk__in=mates.values("pk"))


def manages(user: User, other: User) -> bool:
    """Return whether all teams of the other person are the person's own.

    Whoever changes an e-mail can take the log-in over, and with it every team that it opens.
    """
    if user.is_administrator:
        return True
    foreign = other.teams.exclude(pk__in=teams_of(user).values("pk"))
    return other.teams.exists() and not foreign.exists()


def managed_by(user: User) -> QuerySet[User]:
    """Return those whom the person manages, as `manages` says of one."""
    if user.is_administrator:
        return User.objects.all()
    of_them = Membership.objects.filter(user=OuterRef("pk"))
    foreign = of_them.exclude(team__in=teams_of(user).values("pk"))
    return User.objects.filter(Exists(of_them), ~Exists(foreign))


def names_for(viewer: User | AnonymousUser | None) -> NameVisibility:
    """Return which names a viewer may read. Reads their colleagues once.

    A viewer of None is an address that staff wrote into a rule: it reads all names.
    """
    if viewer is None:
        return NameVisibility(sees_all=True)
    if isinstance(viewer, User) and (viewer.is_superuser or (viewer.is_staff and viewer.sees_all_teams)):
        return NameVisibility(sees_all=True, viewer_id=viewer.pk)
    mine = Membership.objects.filter(user=viewer.pk).values("team")
    rows = list(Membership.objects.filter(team__in=mine).values_list("team_id", "user_id"))
    return NameVisibility(
        sees_all=False,
        viewer_id=viewer.pk,
        teams=frozenset(team for team, _ in rows),
        colleagues=frozenset(user for _, user in rows),
    )


def addresses_that_see_all() -> frozenset[str]:
    """Return the addresses of those who see all teams and can log in. One query."""
    holders = ModelBackend().with_perm(SEE_ALL_TEAMS).filter(Q(is_superuser=True) | Q(is_staff=True))
    return frozenset(holders.values_list("email", flat=True))


def names_for_teams(teams: frozenset[int] | None, *, people: Iterable[int | None]) -> NameVisibility:
    """Return which names an API key of these teams may read, of these people (ids of users); None: our own key, all names."""
    if teams is None:
        return NameVisibility(sees_all=True)
    known = [one for one in people if one is not None]
    rows = Membership.objects.filter(team__in=teams, user__in=known)
    return NameVisibility(
        sees_all=False, teams=teams, colleagues=frozenset(rows.values_list("user_id", flat=True))
    )
