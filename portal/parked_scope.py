"""Which parked addresses a member of staff may know of."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from notifications.models import Message
from users import visibility
from users.models import RefusedAddress, Team, User


def visible_to(viewer: User) -> QuerySet[RefusedAddress]:
    """Return the parked addresses of the viewer's people, and those that their teams' mails went to."""
    rows = RefusedAddress.objects.all()
    if viewer.sees_all_teams or visibility.is_administrator(viewer):
        return rows
    teams = Team.objects.filter(memberships__user=viewer.pk).values("pk")
    mailed = Message.objects.filter(recipient=OuterRef("email"), team__in=teams)
    return rows.filter(Q(email__in=visibility.people_of(viewer).values("email")) | Exists(mailed))
