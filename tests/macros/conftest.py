"""The tables start without the macro that comes with an installation, unless a test makes it."""

from collections.abc import Iterator

import pytest
import time_machine
from pytest_django import Settings

from macros.models import Macro
from tests.support.factories import NOW
from users.models import Team


@pytest.fixture(autouse=True)
def _no_default_macro(request: pytest.FixtureRequest) -> None:
    marker = request.node.get_closest_marker("django_db")
    if marker is not None:
        request.getfixturevalue("transactional_db" if marker.kwargs.get("transaction") else "db")
        Macro.objects.all().delete()
        # A test with real transactions empties all tables afterwards, what the migrations wrote included.
        Team.objects.get_or_create(is_default=True, defaults={"name": "General"})


@pytest.fixture
def at_noon(settings: Settings) -> Iterator[None]:
    """It is NOW, one operator is there, and staff need no second factor."""
    settings.STAFF_SECOND_FACTOR = False
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    with time_machine.travel(NOW, tick=False):
        yield
