"""The stand-in channels with our apps set up, and somebody who links there."""

import pytest
from django.test import Client

from tests.support import native
from tests.support.factories import make_user
from tests.support.sandbox import Sandbox


@pytest.fixture
def world(channels_world: Sandbox) -> Sandbox:
    """The stand-in channels, with our apps."""
    native.set_up_apps(channels_world)
    return channels_world


@pytest.fixture
def ada() -> Client:
    """Ada's browser, logged in."""
    client = Client()
    client.force_login(make_user("ada@example.com", name="Ada"))
    return client
