"""A running sandbox behind the settings, the apps' keys, and who links."""

from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from tests.support.factories import make_user
from tests.support.sandbox import Sandbox
from tokens.channels.kinds import AppKeys
from users.models import User

BASE = "http://testserver"


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[Sandbox]:
    """One process for the whole run."""
    with Sandbox(redirect_bases=(BASE,)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(sandbox_process: Sandbox, settings: Settings) -> Sandbox:
    """The sandbox as on its first day, named by the settings."""
    sandbox_process.reset()
    for channel in ("facebook", "x"):
        sandbox_process.put_app(
            channel, redirect_uris=[f"{BASE}/link/{channel}/callback/"], suspended=False, proof_required=True
        )
    sandbox_process.put_app("facebook", secret=sandbox_process.FACEBOOK_SECRET)
    sandbox_process.put_app("x", secret=sandbox_process.X_SECRET)
    settings.FACEBOOK_WWW_URL = settings.FACEBOOK_GRAPH_URL = sandbox_process.facebook
    settings.X_API_URL = settings.X_ADS_URL = sandbox_process.x
    settings.CHANNEL_TIMEOUT = 5
    return sandbox_process


@pytest.fixture
def user(db: None) -> User:
    return make_user("ada@example.com", name="Ada Okafor")


@pytest.fixture
def client(user: User) -> Client:
    """Ada's browser."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def facebook_app() -> AppKeys:
    return _keys("facebook", Sandbox.FACEBOOK_CLIENT_ID, Sandbox.FACEBOOK_SECRET)


@pytest.fixture
def x_app() -> AppKeys:
    return _keys("x", Sandbox.X_CLIENT_ID, Sandbox.X_SECRET)


def _keys(channel: str, client_id: str, secret: str) -> AppKeys:
    return AppKeys(client_id, (secret,), f"{BASE}/link/{channel}/callback/", ())
