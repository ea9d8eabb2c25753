"""Which role a person has, and giving one. What a role may do is in the permissions of its group (`adtoken_project.groups`)."""

from collections.abc import Iterable

from django.contrib.auth.models import Group

from users.models import User
from users.role_choices import AUDITORS_GROUP, GROUPS, Role

# None: groups of their own may act, and an auditor sees all teams, so nobody of them becomes one by an invitation.
_NARROWEST_FIRST = (Role.MARKETER, Role.AUDITOR, None, Role.MANAGER, Role.ADMINISTRATOR)


def role_of(user: User) -> Role | None:
    """Return a person's role, the widest; None for staff who are in groups that superusers made."""
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


def only_looks(user: User) -> bool:
    """Return whether the person is an auditor: what auditors find, they do not touch."""
    return user.is_staff and role_of(user) == Role.AUDITOR


def contradict(groups: Iterable[Group]) -> bool:
    """Return whether an auditor would change something: what two groups permit adds up, and an auditor sees all teams."""
    names = {group.name for group in groups}
    return AUDITORS_GROUP in names and len(names) > 1
