"""Which role a person has, and giving or setting one. What a role may do: the permissions of its group (`adtoken_project.setup.groups`)."""

from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from users.models import User
from users.people.models import GROUPS, SUPERUSER, Role

# None: single permissions may act, and an auditor sees all teams, so nobody of them becomes one by an invitation.
_NARROWEST_FIRST = (Role.MARKETER, Role.AUDITOR, None, Role.MANAGER, Role.ADMINISTRATOR)
LONGEST_ADDRESS = 254  # as the column


def address_of(said: str) -> str:
    """Return the e-mail address that another system says of a person, in lower case; "" where it is none that a person here can have.

    ASCII alone: lower case makes a letter k of the Kelvin sign, and so the address of somebody else.
    """
    email = said.strip()
    try:
        validate_email(email)
    except ValidationError:
        return ""
    return email.lower() if email.isascii() and len(email) <= LONGEST_ADDRESS else ""


def give_role(user: User, role: Role) -> None:
    """Give a person the role of an invitation. Whoever has a wider one keeps it: an invitation takes nothing away.

    The same role, which the company's groups gave, is the invitation's from then on.

    An auditor who is to work becomes a manager, who sees the own teams alone.
    """
    wider = _NARROWEST_FIRST.index(role) < _NARROWEST_FIRST.index(user.role)
    if wider or role == Role.MARKETER or user.is_superuser:
        return
    user.is_staff, user.role_from_groups = True, False
    user.save(update_fields=["is_staff", "role_from_groups"])
    user.groups.remove(*Group.objects.filter(name__in=GROUPS.values()))
    user.groups.add(Group.objects.get_or_create(name=GROUPS[role])[0])


def widest(roles: Iterable[Role]) -> Role:
    """Return the widest of these roles; marketer for none."""
    return max(roles, key=_NARROWEST_FIRST.index, default=Role.MARKETER)


def role_choices() -> list[tuple[str, StrPromise]]:
    """Return the roles that superusers give: the four, and their own."""
    return [*Role.choices, (SUPERUSER, _("Superuser"))]


@transaction.atomic
def set_role(user: User, role: str, *, from_groups: bool = False) -> None:
    """Make a person what was chosen, and nothing else: wider or narrower than before. `from_groups`: by the company's groups."""
    user.is_superuser, user.is_staff = role == SUPERUSER, role != Role.MARKETER
    user.role_from_groups = from_groups
    user.save(update_fields=["is_superuser", "is_staff", "role_from_groups"])
    names = [GROUPS[Role(role)]] if role in GROUPS else []
    user.groups.set([Group.objects.get_or_create(name=name)[0] for name in names])
