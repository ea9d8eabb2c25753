"""Who receives the answer to one of our mails."""

from collections.abc import Iterable

from django.conf import settings

from users.models import Membership, User

MOST = 3  # addresses in one Reply-To


def reply_to(team_ids: Iterable[int | None], *, reader: str = "") -> str:
    """Return the addresses for Reply-To: CONTACT_EMAIL, else the leads of the teams, else the first of OPERATOR_EMAILS; "" for none.

    Nobody is asked to answer to themselves: `reader` is left out.
    """
    if settings.CONTACT_EMAIL:
        return str(settings.CONTACT_EMAIL)
    ids = [pk for pk in team_ids if pk is not None]
    leads = User.objects.filter(
        memberships__team__in=ids, memberships__role=Membership.Role.TEAM_LEAD, is_active=True
    )
    found = list(
        leads.exclude(email=reader).order_by("email").values_list("email", flat=True).distinct()[:MOST]
    )
    return ", ".join(found or [email for email in settings.OPERATOR_EMAILS if email != reader][:1])
