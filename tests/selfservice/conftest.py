"""Who makes client links, and the team that they are for."""

import pytest

from tests.support.factories import make_team, make_user
from users.models import Team, User


@pytest.fixture
def team() -> Team:
    return make_team("Lumen")


@pytest.fixture
def mira(team: Team) -> User:
    return make_user("mira@example.com", name="Mira Ode", team=team)
