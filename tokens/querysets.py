"""Named filters of tokens."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Func, Q

if TYPE_CHECKING:
    from tokens.models import Token  # noqa: F401  # named as text below: models imports this module


CLAIM = timedelta(seconds=180)  # longer than the slowest token with its accounts takes
# A claim so young is never taken for a dead worker's: its connection may be newer than the list of connections that is looked at.
YOUNG = timedelta(seconds=3)


class _OwnConnection(Func):
    """The number of the database connection that asks."""

    function = "pg_backend_pid"
    output_field = models.IntegerField()


class _ConnectionIsGone(Func):
    """Whether the database connection of this number has ended, as it does the moment a process dies."""

    template = "not exists (select 1 from pg_stat_activity live where live.pid = %(expressions)s)"
    output_field = models.BooleanField()


class TokenQuerySet(models.QuerySet["Token"]):
    """Tokens, by phrases that compose."""

    def due(self, now: datetime) -> Self:
        """Tokens whose probe or refresh is due and which no worker holds."""
        return self.filter(due_at__lte=now).exclude(reason=self.model.REMOVED).free(now)

    def free(self, now: datetime) -> Self:
        """Tokens that no living worker holds. A dead one's claim counts as free within seconds, whatever it was claimed for."""
        left_behind = Q(claimed_until__lt=now + CLAIM - YOUNG, claimed_by__isnull=False)
        return self.filter(
            Q(claimed_until=None)
            | Q(claimed_until__lt=now)
            | (left_behind & Q(_ConnectionIsGone(F("claimed_by"))))
        )

    def claim(self, now: datetime) -> int:
        """Take the right to ask about these tokens. Returns how many there are; narrow by `free` before."""
        return self.update(claimed_until=now + CLAIM, claimed_by=_OwnConnection())

    def let_go(self) -> int:
        """Give back what this connection claimed of these tokens. Returns how many there were."""
        return self.filter(claimed_by=_OwnConnection()).update(claimed_until=None, claimed_by=None)

    def to_revoke(self) -> Self:
        """Log-ins that were removed on purpose and are still authorised at their channel, as far as we know."""
        return self.filter(reason=self.model.REMOVED, credentials__isnull=False)

    def never_linked(self, *, before: datetime) -> Self:
        """Tokens consented to before this moment that were never in the pool of an account."""
        return self.filter(first_linked_at=None, pool_entries=None, linked_at__lt=before)

    def make_due(self, at: datetime) -> int:
        """Have the sweep ask the channel about these tokens from this moment on. Returns how many there are."""
        return self.update(due_at=at, due_for=self.model.DueFor.PROBE)

    def locked(self) -> Self:
        """Lock the rows in the one order that is used everywhere: by id, without blocking foreign keys."""
        return self.order_by("id").select_for_update(no_key=True, of=("self",))
