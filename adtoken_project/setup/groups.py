"""The groups of an installation, each of a role: Administrators (everything), Staff (the daily actions), Auditors (look at everything).

What a role may do is written here, and every `migrate` sets it: nobody changes it by hand.
"""

from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth.models import Group, Permission
from django.db.models import Q

from users.people.models import ADMINISTRATORS_GROUP, AUDITORS_GROUP, SEE_ALL_TEAMS, STAFF_GROUP

OUR_APPS = ["users", "tokens", "notifications", "accounts", "macros", "adtoken_project"]

# Addresses and browsers of people are for administrators.
NOT_FOR_STAFF = ["view_loginrecord", "view_session"]

# What Staff may do beyond looking.
STAFF_ACTIONS = {
    "accounts": ["link_account", "switch_active_token", "rank_token", "unlink_token", "pause_account", "resume_account",
                 "import_account", "move_account", "add_backup"],
    "tokens": ["probe_token", "renew_token", "ask_token", "revoke_token"],
    "macros": [
        *(f"{verb}_{model}" for verb in ("add", "change", "delete")
          for model in ("macro", "macroaction", "macroaccount")),
        "apply_macro", "snooze_account",
    ],
    "notifications": ["retry_message"],
    "users": ["invite_user", "end_sessions", "offboard_user", "release_address"],
}  # fmt: skip


def ensure_groups() -> None:
    """Make the groups, and give each what its role may do."""
    ours = Permission.objects.filter(content_type__app_label__in=OUR_APPS)
    looks = Q(codename__startswith="view_")
    works = looks & ~Q(codename__in=NOT_FOR_STAFF)
    for app, codenames in STAFF_ACTIONS.items():
        works |= Q(content_type__app_label=app, codename__in=codenames)
    for name, found in (
        (ADMINISTRATORS_GROUP, ours),
        (AUDITORS_GROUP, ours.filter(looks | Q(codename=SEE_ALL_TEAMS.partition(".")[2]))),
        (STAFF_GROUP, ours.filter(works)),
    ):
        Group.objects.get_or_create(name=name)[0].permissions.set(found)


def after_migrate(*, sender: AppConfig, **_kwargs: Any) -> None:
    """Make the groups once per `migrate`, after the last app: only then all permissions exist."""
    if sender is [config for config in apps.get_app_configs() if config.models_module][-1]:
        ensure_groups()
