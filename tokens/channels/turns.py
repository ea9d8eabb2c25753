"""Whose turn it is: where a channel is asked about many things within a limited time, the next round goes on where this one ended.

The place is kept by log-in, where all processes know it.
"""

import hashlib
from collections.abc import Sequence

from tokens.channels import shared

KEPT = 7 * 86_400  # seconds


class Turns:
    """The place of one log-in in one kind of question. `secret` tells log-ins apart; only its hash is kept."""

    def __init__(self, name: str, secret: str) -> None:
        self._key = f"{name}:{hashlib.sha256(secret.encode()).hexdigest()[:32]}"

    def last(self) -> str:
        """Return what the last round ended with, or "" where that is not known."""
        return str(shared.read([self._key]).get(self._key, ""))

    def end(self, place: str) -> None:
        """Keep what this round ended with."""
        shared.write(self._key, place, KEPT)


def beginning_at[T](found: Sequence[T], start: int) -> list[T]:
    """Return all of them in their order, beginning at this index."""
    return [*found[start:], *found[:start]]
