"""Fixtures of the portal."""

import pytest
from django.test import Client

from tests.support.factories import make_user
from users.models import User


@pytest.fixture
def boss(client: Client) -> User:
    """Somebody who may do everything, logged in."""
    user = make_user("boss@example.com", name="Mira Boss", is_staff=True, is_superuser=True)
    client.force_login(user)
    return user
