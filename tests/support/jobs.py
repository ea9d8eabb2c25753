"""Publishing jobs: what one comes with."""

from collections.abc import Iterator
from contextlib import contextmanager

from accounts.api_keys import services as api_keys
from accounts.models import ApiKey
from broker.leases import callers
from users.models import Team


@contextmanager
def issued_key() -> Iterator[str]:
    """Give the secret of a key for everything of the default team. What this process knows of keys is forgotten before and after."""
    callers._facts.clear()
    yield api_keys.issue_key(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    callers._facts.clear()
