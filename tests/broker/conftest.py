"""Who keys belong to, and what a process remembers of keys."""

from collections.abc import Iterator

import pytest

from broker.leases import callers
from tests.support.factories import make_team, make_user
from users.models import Team, User


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    callers._facts.clear()
    yield
    callers._facts.clear()


@pytest.fixture
def team() -> Team:
    return make_team("Lumen")


@pytest.fixture
def boss() -> User:
    return make_user("boss@example.com", name="Mira Boss", is_staff=True, is_superuser=True)


@pytest.fixture
def mara(team: Team) -> User:
    return make_user("mara@example.com", name="Mara Lindt", team=team)
