"""Named filters of tokens."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, F, Func, Q
from django.db.models.sql.compiler import SQLCompiler

from users import connection_numbers

if TYPE_CHECKING:
    from tokens.models import Token  # noqa: F401  # named as text below: models imports this module


CLAIM = timedelta(seconds=180)  # longer than the slowest token with its accounts takes
# A claim so young is never taken for a dead worker's: its connection may be newer than the list of connections that is looked at.
YOUNG = timedelta(seconds=3)
# A refresh's claim is short and kept alive by the process that made it (see tokens.refresh_lane), also where a pooler hands its database
# connections to others: it ends this long after the process.
REFRESH_CLAIM = timedelta(seconds=20)


class _OwnConnection(Expression):
    """The number of the database connection that asks."""

    output_field = models.IntegerField()

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[str | int, ...]]:
        """Compile it."""
        numbers = connection_numbers.parameters(connection)
        told, pooled = numbers["told"], numbers["pooled"]
        return connection_numbers.OWN % dict.fromkeys(numbers, "%s"), (told, told, pooled)


class _ConnectionIsGone(Func):
    """Whether the database connection of this number has ended, as it does the moment a process dies."""

    template = "not exists (select 1 from pg_stat_activity live where live.pid = %(expressions)s)"
    output_field = models.BooleanField()


class _ServerIsUp(Func):
    """Whether PostgreSQL has been up for so long that whoever holds a claim could have kept it alive since."""

    template = f"(pg_postmaster_start_time() < clock_timestamp() - interval '{REFRESH_CLAIM.total_seconds():.0f} seconds')"
    output_field = models.BooleanField()


class TokenQuerySet(models.QuerySet["Token"]):
    """Tokens, by phrases that compose."""

    def due(self, now: datetime) -> Self:
        """Tokens whose probe or refresh is due and which no worker holds. Those that wait for a refresh are left to its lane."""
        return self.filter(due_at__lte=now).exclude(reason=self.model.REMOVED).askable(now)

    def askable(self, now: datetime) -> Self:
        """Tokens that nobody holds and that do not wait for a refresh, so that anybody may ask about them."""
        return self.filter(refresh_wanted_at=None, refresh_began_at=None).free(now)

    def due_for_refresh(self, now: datetime) -> Self:
        """Tokens whose date says that they are to be renewed."""
        return self.due(now).filter(due_for=self.model.DueFor.REFRESH)

    def refresh_wanted(self, now: datetime) -> Self:
        """Tokens for which somebody asked for a refresh that nobody is making, nor was left in the middle of."""
        wanted = self.filter(refresh_wanted_at__isnull=False, refresh_began_at=None)
        return wanted.exclude(reason=self.model.REMOVED).free(now)

    def left_in_refresh(self, now: datetime) -> Self:
        """Tokens whose refresh was sent by a process that is gone: its answer is lost, if one came.

        All claims look over where PostgreSQL itself was away, so those who hold them get the time to say that they live.
        """
        return self.filter(Q(_ServerIsUp()), refresh_began_at__isnull=False).free(now)

    def free(self, now: datetime) -> Self:
        """Tokens that no living worker holds. A dead one's claim counts as free within seconds, whatever it was claimed for."""
        left_behind = Q(claimed_until__lt=now + CLAIM - YOUNG, claimed_by__gt=0)
        return self.filter(
            Q(claimed_until=None)
            | Q(claimed_until__lt=now)
            | (left_behind & Q(_ConnectionIsGone(F("claimed_by"))))
        )

    def claim(self, now: datetime) -> int:
        """Take the right to ask about these tokens. Returns how many there are; narrow by `free` before."""
        return self.update(claimed_until=now + CLAIM, claimed_by=_OwnConnection())

    def claim_for_refresh(self, now: datetime) -> int:
        """Take the right to ask about these tokens for a process that keeps it alive while it lives. Narrow by `free` before."""
        return self.update(claimed_until=now + REFRESH_CLAIM, claimed_by=None)

    def keep_claimed(self, now: datetime) -> int:
        """Keep what is claimed of these tokens alive. Returns how many there are."""
        held = self.filter(claimed_until__isnull=False, claimed_by=None)
        return held.update(claimed_until=now + REFRESH_CLAIM)

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
