"""Which role a person has, and giving or setting one. What a role may do is in the permissions of its group (`adtoken_project.groups`)."""

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from users.models import User
from users.role_choices import GROUPS, SUPERUSER, Role

# None: single permissions may act, and an auditor sees all teams, so nobody of them becomes one by an invitation.
_NARROWEST_FIRST = (Role.MARKETER, Role.AUDITOR, None, Role.MANAGER, Role.ADMINISTRATOR)


def role_of(user: User) -> Role | None:
    """Return a person's role, the widest; None for staff of no group, whom only a command can make."""
    if user.is_superuser:
        return Role.ADMINISTRATOR
    if not user.is_staff:
        return Role.MARKETER
    names = {group.name for group in user.groups.all()}  # as the caller may have fetched them
    return next((role for role, group in GROUPS.items() if group in names), None)


def give(user: User, role: Role) -> None:
    """Give a person the role of an invitation. Whoever has a wider one keeps it: an invitation takes nothing away.

    An auditor who is to work becomes a manager, who sees the own teams alone.
    """
    if _NARROWEST_FIRST.index(role) <= _NARROWEST_FIRST.index(role_of(user)) or role == Role.MARKETER:
        return
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    user.groups.remove(*Group.objects.filter(name__in=GROUPS.values()))
    user.groups.add(Group.objects.get_or_create(name=GROUPS[role])[0])


def choices() -> list[tuple[str, StrPromise]]:
    """Return the roles that superusers give: the four, and their own."""
    return [*Role.choices, (SUPERUSER, _("Superuser"))]


def of(user: User) -> str:
    """Return which of the choices a person has; "" for staff of no group."""
    return SUPERUSER if user.is_superuser else role_of(user) or ""


@transaction.atomic
def become(user: User, role: str) -> None:
    """Make a person what was chosen, and nothing else: wider or narrower than before."""
    user.is_superuser, user.is_staff = role == SUPERUSER, role != Role.MARKETER
    user.save(update_fields=["is_superuser", "is_staff"])
    names = [GROUPS[Role(role)]] if role in GROUPS else []
    user.groups.set([Group.objects.get_or_create(name=name)[0] for name in names])


def only_looks(user: User) -> bool:
    """Return whether the person is an auditor: what auditors find, they do not touch."""
    return user.is_staff and role_of(user) == Role.AUDITOR
