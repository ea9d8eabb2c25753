"""A mail server that the outbox really talks to, and a kind of message to send."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from notifications.models import Message
from notifications.outbox import KINDS, Mail, MailKind
from tests.notifications.smtp import MailServer, running_server
from users.models import Team

KIND = "test"


def build(message: Message) -> Mail:
    return Mail(
        subject=message.payload.get("subject", "Hello"),
        text="Text for you",
        html="<style>p { color: red }</style><p>HTML for you</p>",
    )


@pytest.fixture
def mail_server(settings: Settings) -> Iterator[MailServer]:
    with running_server() as (server, port):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield server


@pytest.fixture(autouse=True)
def known_kinds() -> Iterator[dict[str, MailKind]]:
    """The kinds of one test: messages of kind "test" can be built."""
    before = dict(KINDS)
    KINDS[KIND] = MailKind("Test", build)
    yield KINDS
    KINDS.clear()
    KINDS.update(before)


@pytest.fixture(autouse=True)
def _default_team(request: pytest.FixtureRequest) -> None:
    """A test with real transactions empties all tables afterwards, what the migrations wrote included."""
    marker = request.node.get_closest_marker("django_db")
    if marker is not None:
        request.getfixturevalue("transactional_db" if marker.kwargs.get("transaction") else "db")
        Team.objects.get_or_create(is_default=True, defaults={"name": "General"})
