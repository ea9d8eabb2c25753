"""Which teams and people somebody of staff sees and manages: their own teams', and all for administrators."""

from django.db.models import QuerySet

from users.models import Team, User

ADMINISTRATORS_GROUP = "Administrators"  # may do everything, and hear of faults of our channel apps


def is_administrator(user: User) -> bool:
    """Return whether the person manages people of all teams: a superuser, or a member of the group Administrators."""
    return bool(user.is_superuser) or user.groups.filter(name=ADMINISTRATORS_GROUP).exists()


def teams_of(user: User) -> QuerySet[Team]:
    """Return the teams whose people and invitations the person manages."""
    return Team.objects.all() if is_administrator(user) else Team.objects.filter(memberships__user=user)


def people_of(user: User) -> QuerySet[User]:
    """Return the people whom the person sees on the pages of people: those of the teams above, and themselves."""
    if is_administrator(user):
        return User.objects.all()
    mates = User.objects.filter(memberships__team__in=teams_of(user))
    return User.objects.filter(pk__in=[user.pk]) | User.objects.filter(pk__in=mates.values("pk"))


def manages(user: User, other: User) -> bool:
    """Return whether all teams of the other person are the person's own.

    Whoever changes an e-mail can take the log-in over, and with it every team that it opens.
    """
    if is_administrator(user):
        return True
    foreign = other.teams.exclude(pk__in=teams_of(user).values("pk"))
    return other.teams.exists() and not foreign.exists()
