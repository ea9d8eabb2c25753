"""The names of permissions that code asks for."""

import pytest
from django.contrib.auth.models import Permission

from accounts.pool import permissions


@pytest.mark.django_db
def test_each_permission_that_is_asked_for_exists() -> None:
    named = {value for name, value in vars(permissions).items() if name.isupper()}

    there = set(Permission.objects.values_list("content_type__app_label", "codename"))

    assert named - {f"{app}.{codename}" for app, codename in there} == set()
    assert len(named) > 10
