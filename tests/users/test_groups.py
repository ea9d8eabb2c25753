"""An installation has two groups with permissions: all of them when it is new, and those that a newer version adds."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from adtoken_project.groups import ADMINISTRATORS, OUR_APPS, STAFF_ACTIONS, ensure_groups
from adtoken_project.models import StaffGrant
from users.role_choices import STAFF_GROUP

pytestmark = pytest.mark.django_db


def codenames(group: str) -> set[str]:
    return set(Group.objects.get(name=group).permissions.values_list("codename", flat=True))


def test_migrate_makes_administrators_with_all_our_permissions() -> None:
    ours = Permission.objects.filter(content_type__app_label__in=OUR_APPS)

    assert codenames(ADMINISTRATORS) == set(ours.values_list("codename", flat=True))


def test_migrate_makes_staff_with_the_daily_actions_and_views_only() -> None:
    actions = {codename for names in STAFF_ACTIONS.values() for codename in names}

    found = codenames(STAFF_GROUP)

    assert actions <= found
    assert all(codename.startswith("view_") for codename in found - actions)
    assert not found & {"change_user", "add_user", "delete_user", "change_channelapp"}


def test_what_superusers_took_from_staff_stays_taken() -> None:
    staff = Group.objects.get(name=STAFF_GROUP)
    staff.permissions.remove(*staff.permissions.filter(codename="pause_account"))

    ensure_groups()

    assert "pause_account" not in codenames(STAFF_GROUP)


def not_given_yet(*names: str) -> None:
    """Bring the group back to before a version that adds these permissions."""
    new = Permission.objects.filter(codename__in=names)
    Group.objects.get(name=STAFF_GROUP).permissions.remove(*new)
    StaffGrant.objects.filter(permission__in=new).delete()


def test_what_a_newer_version_adds_reaches_the_staff_of_an_existing_installation_once() -> None:
    not_given_yet("revoke_token", "view_silence")

    ensure_groups()
    arrived = codenames(STAFF_GROUP)
    Group.objects.get(name=STAFF_GROUP).permissions.remove(Permission.objects.get(codename="view_silence"))
    ensure_groups()

    assert {"revoke_token", "view_silence"} <= arrived
    assert "view_silence" not in codenames(STAFF_GROUP)


def test_staff_that_was_narrowed_gets_nothing_new_of_that_kind_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    not_given_yet("revoke_token", "move_account")
    Group.objects.get(name=STAFF_GROUP).permissions.remove(Permission.objects.get(codename="ask_token"))

    ensure_groups()
    ensure_groups()

    assert "revoke_token" not in codenames(STAFF_GROUP)
    assert "move_account" in codenames(STAFF_GROUP)
    assert [
        line for line in caplog.messages if "Can revoke log-ins at the channel" in line
    ] == caplog.messages


@pytest.mark.django_db(transaction=True)
def test_the_upgrade_takes_what_staff_had_before_as_given() -> None:
    call_command("migrate", "adtoken_project", "0002", verbosity=0)
    staff = Group.objects.get(name=STAFF_GROUP)
    new = ["move_account", "end_sessions", "view_leaserecord"]
    staff.permissions.remove(*Permission.objects.filter(codename__in=["import_account", *new]))

    call_command("migrate", verbosity=0)

    assert "end_sessions" in codenames(STAFF_GROUP)
    assert not codenames(STAFF_GROUP) & {"import_account", "move_account", "view_leaserecord"}
