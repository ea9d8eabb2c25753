"""Publishing jobs and other systems: what one comes with."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import Client

from accounts.api_keys import services as api_keys
from accounts.models import ApiKey
from broker.leases import callers
from users.models import Team, User


@contextmanager
def issued_key() -> Iterator[str]:
    """Give the secret of a key for everything of the default team. What this process knows of keys is forgotten before and after."""
    callers._facts.clear()
    yield api_keys.issue_key(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    callers._facts.clear()


def system(maker: User | None, *teams: Team, **fields: Any) -> Client:
    """Return another system with a key that somebody made, for all that a key may do unless `scopes` says less."""
    fields = {"name": "Portal", "scopes": list(ApiKey.Scope.values), **fields}
    _, secret = api_keys.issue_key(created_by=maker, teams=list(teams), **fields)
    return Client(headers={"authorization": f"Bearer {secret}"})
