"""The tables start without the macro that comes with an installation, unless a test makes it."""

import pytest

from macros.models import Macro
from users.models import Team


@pytest.fixture(autouse=True)
def _no_default_macro(request: pytest.FixtureRequest) -> None:
    marker = request.node.get_closest_marker("django_db")
    if marker is not None:
        request.getfixturevalue("transactional_db" if marker.kwargs.get("transaction") else "db")
        Macro.objects.all().delete()
        # A test with real transactions empties all tables afterwards, what the migrations wrote included.
        Team.objects.get_or_create(is_default=True, defaults={"name": "General"})
