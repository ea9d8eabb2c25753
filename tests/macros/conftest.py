"""The tables start without the macro that comes with an installation, unless a test makes it."""

from collections.abc import Iterator

import pytest
import time_machine
from django.db import connection
from pytest_django import Settings

from tests.support.factories import NOW


@pytest.fixture(autouse=True)
def _no_default_macro(request: pytest.FixtureRequest) -> None:
    marker = request.node.get_closest_marker("django_db")
    if marker is not None:
        request.getfixturevalue("transactional_db" if marker.kwargs.get("transaction") else "db")
        with connection.cursor() as cursor:
            cursor.execute("delete from macros_macroaction; delete from macros_macro")


@pytest.fixture
def at_noon(settings: Settings) -> Iterator[None]:
    """It is NOW, one operator is there, and staff need no second factor."""
    settings.STAFF_SECOND_FACTOR = False
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    with time_machine.travel(NOW, tick=False):
        yield
