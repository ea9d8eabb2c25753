"""The stand-ins behind the settings, and who links."""

from collections.abc import Callable

import pytest
import redis
from django.test import Client
from pytest_django.fixtures import Settings

from tests.support.factories import make_user
from tests.support.sandbox import Sandbox
from tests.tokens.channels.worlds import World
from users.models import User

At = Callable[[str], World]


@pytest.fixture
def sandbox(channels_world: Sandbox, settings: Settings) -> Sandbox:
    """The stand-ins on their first day, each app with our way back."""
    for channel in Sandbox.APPS:
        address = f"http://testserver/link/{channel}/callback/"
        if channels_world.redirects.get(channel) != [address]:
            channels_world.put_app(channel, redirect_uris=[address])
    settings.CHANNEL_TIMEOUT = 5
    return channels_world


@pytest.fixture
def at(sandbox: Sandbox, db: None, valkey: redis.Redis) -> At:
    """The world of a channel."""
    return lambda key: World(key, sandbox)


@pytest.fixture
def world(request: pytest.FixtureRequest, at: At) -> World:
    """The world of the channel that a test names by its parameter `key`, else by its file: test_facebook.py."""
    given = getattr(request.node, "callspec", None)
    key = given.params["key"] if given is not None and "key" in given.params else ""
    return at(key or request.path.stem.removeprefix("test_"))


@pytest.fixture
def user(db: None) -> User:
    return make_user("ada@example.com", name="Ada Okafor")


@pytest.fixture
def client(user: User) -> Client:
    """Ada's browser."""
    client = Client()
    client.force_login(user)
    return client
