"""Fixtures of people."""

import pytest
from pytest_django import Settings

from tests.support.factories import make_user
from users.models import User


@pytest.fixture
def staff(settings: Settings) -> User:
    """Staff of whom a second factor is asked, as in production."""
    settings.STAFF_SECOND_FACTOR = True
    return make_user("staff@example.com", is_staff=True, is_superuser=True)
