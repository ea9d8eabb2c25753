"""A new installation has two groups with permissions."""

import pytest
from django.contrib.auth.models import Group, Permission

from adtoken_project.groups import ADMINISTRATORS, OUR_APPS, STAFF_DEEDS, ensure_groups
from users.invitations import STAFF_GROUP

pytestmark = pytest.mark.django_db


def codenames(group: str) -> set[str]:
    return set(Group.objects.get(name=group).permissions.values_list("codename", flat=True))


def test_migrate_makes_administrators_with_all_our_permissions() -> None:
    ours = Permission.objects.filter(content_type__app_label__in=OUR_APPS)

    assert codenames(ADMINISTRATORS) == set(ours.values_list("codename", flat=True))


def test_migrate_makes_staff_with_the_daily_deeds_and_views_only() -> None:
    deeds = {codename for names in STAFF_DEEDS.values() for codename in names}

    found = codenames(STAFF_GROUP)

    assert deeds <= found
    assert all(codename.startswith("view_") for codename in found - deeds)
    assert not found & {"change_user", "add_user", "delete_user", "change_channelapp"}


def test_what_superusers_took_from_staff_stays_taken() -> None:
    staff = Group.objects.get(name=STAFF_GROUP)
    staff.permissions.remove(*staff.permissions.filter(codename="pause_account"))

    ensure_groups()

    assert "pause_account" not in codenames(STAFF_GROUP)
