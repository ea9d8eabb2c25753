"""What follows in an app above when accounts move to another team, one or many. It registers what."""

from collections.abc import Callable, Collection
from datetime import datetime

from users.models import User

Follow = Callable[[Collection[int], User, datetime], None]  # ids of the accounts, who moved them, when
_FOLLOWS: list[Follow] = []


def register(follow: Follow) -> None:
    """Say what follows, in the transaction that moved the accounts and holds their rows."""
    _FOLLOWS.append(follow)


def follow(*, account_ids: Collection[int], actor: User, now: datetime) -> None:
    """Have that follow which apps above registered, in the caller's transaction."""
    for one in _FOLLOWS:
        one(account_ids, actor, now)
