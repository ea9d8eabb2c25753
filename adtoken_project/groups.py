"""The groups of an installation: Administrators (everything), Staff (the daily actions), Auditors (look at everything).

Staff is the superusers' to change. Each permission is given to it once: what they take away stays away. What a newer version adds comes
with `migrate`, but for an app of which they have taken something away.
"""

import logging
from collections.abc import Iterable
from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.db.models import Q, QuerySet

from adtoken_project.models import StaffGrant
from users.role_choices import ADMINISTRATORS_GROUP, AUDITORS_GROUP, SEE_ALL_TEAMS, STAFF_GROUP

logger = logging.getLogger(__name__)

ADMINISTRATORS = ADMINISTRATORS_GROUP
OUR_APPS = ["users", "tokens", "notifications", "accounts", "macros", "adtoken_project"]

# Addresses and browsers of people are for administrators.
NOT_FOR_STAFF = ["view_loginrecord", "view_session", "view_retentionperiod"]

# What Staff may do beyond looking. A permission that is added here reaches existing installations too.
STAFF_ACTIONS = {
    "accounts": ["link_account", "switch_active_token", "rank_token", "unlink_token", "pause_account", "resume_account",
                 "import_account", "move_account", "add_backup", "save_view", "run_campaign"],
    "tokens": ["probe_token", "renew_token", "ask_token", "revoke_token"],
    "macros": [
        *(f"{verb}_{model}" for verb in ("add", "change", "delete")
          for model in ("macro", "macroaction", "macroaccount")),
        "apply_macro", "evaluate_macro", "snooze_account",
    ],
    "notifications": ["retry_message"],
    "users": ["invite_user", "end_sessions", "offboard_user", "release_address"],
}  # fmt: skip


def ensure_groups() -> None:
    """Make the groups, and give them what a newer version adds.

    Administrators get all of our own, Auditors all that is for looking, Staff what it was never given before.
    """
    administrators, _ = Group.objects.get_or_create(name=ADMINISTRATORS)
    administrators.permissions.add(*Permission.objects.filter(content_type__app_label__in=OUR_APPS))
    auditors, _ = Group.objects.get_or_create(name=AUDITORS_GROUP)
    auditors.permissions.add(*_permissions_to_look())
    staff, _ = Group.objects.get_or_create(name=STAFF_GROUP)
    wanted = _staff_permissions()
    staff.permissions.add(*(_new_to(staff, wanted) if staff.permissions.exists() else wanted))
    StaffGrant.objects.bulk_create(
        [StaffGrant(permission=permission) for permission in wanted], ignore_conflicts=True
    )


def _permissions_to_look() -> QuerySet[Permission]:
    """Return what shows something: of our models, whatever the team, and of groups, which are Django's."""
    looks = Q(codename__startswith="view_") | Q(codename=SEE_ALL_TEAMS.partition(".")[2])
    groups = Q(content_type__app_label="auth", codename="view_group")
    return Permission.objects.filter(looks & Q(content_type__app_label__in=OUR_APPS) | groups)


def _new_to(staff: Group, wanted: Iterable[Permission]) -> list[Permission]:
    """Return what the group was never given, without the apps in which superusers took something away: those are named in the log."""
    given = set(StaffGrant.objects.values_list("permission_id", flat=True))
    held = set(staff.permissions.values_list("pk", flat=True))
    narrowed = {one.content_type.app_label for one in wanted if one.pk in given - held}
    new = [one for one in wanted if one.pk not in given | held]
    for one in new:
        if one.content_type.app_label in narrowed:
            logger.warning(
                '%s does not get the new permission "%s": permissions of its kind were taken from it. Give it under Groups if it should.',
                staff.name,
                one.name,
            )
    return [one for one in new if one.content_type.app_label not in narrowed]


def _staff_permissions() -> list[Permission]:
    wanted = Q(content_type__app_label__in=OUR_APPS, codename__startswith="view_")
    for app, codenames in STAFF_ACTIONS.items():
        wanted |= Q(content_type__app_label=app, codename__in=codenames)
    found = Permission.objects.filter(wanted).exclude(codename__in=NOT_FOR_STAFF)
    return list(found.select_related("content_type"))


def after_migrate(*, sender: AppConfig, **_kwargs: Any) -> None:
    """Make the groups once per `migrate`, after the last app: only then all permissions exist.

    Not where it went to before there was a memory of what Staff was given: `migrate users`, or back to an older version.
    """
    is_last = sender is [config for config in apps.get_app_configs() if config.models_module][-1]
    table = StaffGrant._meta.db_table  # noqa: SLF001  # documented API
    if is_last and table in connection.introspection.table_names():
        ensure_groups()
