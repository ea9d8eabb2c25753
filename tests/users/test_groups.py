"""The groups of the roles have the permissions that the code names, after every `migrate`."""

import pytest
from django.contrib.auth.models import Group, Permission

from adtoken_project.setup.groups import OUR_APPS, STAFF_ACTIONS, ensure_groups
from users.people.models import ADMINISTRATORS_GROUP, STAFF_GROUP

pytestmark = pytest.mark.django_db


def codenames(group: str) -> set[str]:
    return set(Group.objects.get(name=group).permissions.values_list("codename", flat=True))


def test_migrate_makes_administrators_with_all_our_permissions() -> None:
    ours = Permission.objects.filter(content_type__app_label__in=OUR_APPS)

    assert codenames(ADMINISTRATORS_GROUP) == set(ours.values_list("codename", flat=True))


def test_migrate_makes_staff_with_the_daily_actions_and_views_only() -> None:
    actions = {codename for names in STAFF_ACTIONS.values() for codename in names}

    found = codenames(STAFF_GROUP)

    assert actions <= found
    assert all(codename.startswith("view_") for codename in found - actions)
    assert not found & {"change_user", "add_user", "delete_user", "change_channelapp"}


def test_what_was_given_or_taken_by_hand_is_as_the_code_has_it_after_a_migrate() -> None:
    staff, before = Group.objects.get(name=STAFF_GROUP), codenames(STAFF_GROUP)
    staff.permissions.remove(*staff.permissions.filter(codename="pause_account"))
    staff.permissions.add(Permission.objects.get(codename="change_user"))

    ensure_groups()

    assert codenames(STAFF_GROUP) == before
