"""Fixtures of accounts."""

import pytest
from django.test import Client

from users.models import User


@pytest.fixture
def browser(ada: User) -> Client:
    """Ada's browser, logged in."""
    client = Client()
    client.force_login(ada)
    return client
