"""The two groups of a new installation: Administrators (everything) and Staff (the daily deeds)."""

from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth.models import Group, Permission
from django.db.models import Q

from users.invitations import STAFF_GROUP
from users.visibility import ADMINISTRATORS_GROUP

ADMINISTRATORS = ADMINISTRATORS_GROUP
OUR_APPS = ["users", "tokens", "notifications", "accounts", "macros", "adtoken_project"]

# Addresses and browsers of people are for administrators.
NOT_FOR_STAFF = ["view_loginrecord", "view_session"]

# What Staff may do beyond looking. Superusers change it in the admin; it is filled only when the group is made.
STAFF_DEEDS = {
    "accounts": ["link_account", "switch_active_token", "rank_token", "unlink_token", "pause_account", "resume_account",
                 "import_account", "move_account"],
    "tokens": ["probe_token", "renew_token", "ask_token", "revoke_token"],
    "macros": [
        *(f"{verb}_{model}" for verb in ("add", "change", "delete")
          for model in ("macro", "macroaction", "macroaccount")),
        "apply_macro", "evaluate_macro",
    ],
    "notifications": ["retry_message"],
    "users": ["invite_user", "end_sessions"],
}  # fmt: skip


def ensure_groups() -> None:
    """Make both groups. Administrators also get what a newer version adds; Staff stays as it was set by hand."""
    administrators, _ = Group.objects.get_or_create(name=ADMINISTRATORS)
    administrators.permissions.add(*Permission.objects.filter(content_type__app_label__in=OUR_APPS))
    staff, _ = Group.objects.get_or_create(name=STAFF_GROUP)
    if not staff.permissions.exists():
        staff.permissions.add(*_staff_permissions())


def _staff_permissions() -> list[Permission]:
    wanted = Q(content_type__app_label__in=OUR_APPS, codename__startswith="view_")
    for app, codenames in STAFF_DEEDS.items():
        wanted |= Q(content_type__app_label=app, codename__in=codenames)
    return list(Permission.objects.filter(wanted).exclude(codename__in=NOT_FOR_STAFF))


def after_migrate(*, sender: AppConfig, **_kwargs: Any) -> None:
    """Make the groups once per `migrate`, after the last app: only then all permissions exist."""
    if sender is [config for config in apps.get_app_configs() if config.models_module][-1]:
        ensure_groups()
