"""Named filters of tokens."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from tokens.models import Token  # noqa: F401  # named as text below: models imports this module


class TokenQuerySet(models.QuerySet["Token"]):
    """Tokens, by phrases that compose."""

    def due(self, now: datetime) -> Self:
        """Tokens whose probe or refresh is due and which no worker holds."""
        return self.filter(due_at__lte=now).free(now)

    def free(self, now: datetime) -> Self:
        """Tokens that no worker holds."""
        return self.filter(Q(claimed_until=None) | Q(claimed_until__lt=now))

    def never_linked(self, *, before: datetime) -> Self:
        """Tokens consented to before this moment that never stood in the pool of an account."""
        return self.filter(first_linked_at=None, pool_entries=None, linked_at__lt=before)

    def make_due(self, at: datetime) -> int:
        """Have the sweep ask the channel about these tokens from this moment on. Returns how many there are."""
        return self.update(due_at=at, due_for=self.model.DueFor.PROBE)

    def locked(self) -> Self:
        """Lock the rows in the one order that is used everywhere: by id, without blocking foreign keys."""
        return self.order_by("id").select_for_update(no_key=True, of=("self",))
