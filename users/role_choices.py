"""The four roles of people, and the groups that make them. `users.people.roles` gives them; docs/roles.md shows what each may do."""

from django.db import models
from django.utils.translation import gettext_lazy as _

ADMINISTRATORS_GROUP = "Administrators"  # may do everything, and hear of faults of our channel apps
STAFF_GROUP = "Staff"  # managers; the group is older than the role's name
AUDITORS_GROUP = "Auditors"
SUPERUSER = "superuser"  # an administrator who gives rights, too; a flag of Django, without a group
SEE_ALL_TEAMS = "users.see_all_teams"  # reading alone: what somebody may do, other permissions say


class Role(models.TextChoices):
    """What a person is here. Superusers are administrators who also give rights and set passwords."""

    MARKETER = "marketer", _("Marketer")  # their own pages, no portal
    MANAGER = "manager", _("Manager")  # the portal, for the accounts of their teams
    AUDITOR = "auditor", _("Auditor")  # looks at everything in the portal, changes nothing
    ADMINISTRATOR = "administrator", _("Administrator")  # everything, in all teams


GROUPS = {
    Role.ADMINISTRATOR: ADMINISTRATORS_GROUP,
    Role.MANAGER: STAFF_GROUP,
    Role.AUDITOR: AUDITORS_GROUP,
}
