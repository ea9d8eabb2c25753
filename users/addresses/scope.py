"""Which addresses that mail does not reach, or that are told nothing, a member of staff may know of."""

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from notifications.models import Message
from users.models import RefusedAddress, Team, User
from users.people import visibility


def visible_to(viewer: User) -> QuerySet[RefusedAddress]:
    """Return the parked addresses of the viewer's people, and those that their teams' mails went to."""
    return known(RefusedAddress.objects.all(), viewer)


def known[Row: Model](rows: QuerySet[Row], viewer: User) -> QuerySet[Row]:
    """Keep the rows with an `email` that the viewer may know of."""
    if viewer.sees_all_teams or visibility.is_administrator(viewer):
        return rows
    teams = Team.objects.filter(memberships__user=viewer.pk).values("pk")
    mailed = Message.objects.filter(recipient=OuterRef("email"), team__in=teams)
    return rows.filter(Q(email__in=visibility.people_of(viewer).values("email")) | Exists(mailed))
