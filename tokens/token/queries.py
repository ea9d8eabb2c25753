"""Tokens as they are asked for: due, wanted, held and free."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Self

from django.db import models, transaction
from django.db.models import Exists, F, Q

from infra import liveness
from users.models import User

if TYPE_CHECKING:
    from tokens.token.models import Token  # for the types alone

WITNESSES = 3  # other log-ins that are asked at once, where an answer may be the channel's fault or the app's


class Claimed(NamedTuple):
    """A token under way: whose app's it is, and the number of the claim that holds it."""

    app_id: int
    claim: int


class TokenQuerySet(models.QuerySet["Token"]):
    """Tokens, by phrases that compose."""

    def living(self) -> Self:
        """Tokens that have not ended, as far as we know."""
        return self.exclude(state=self.model.State.DEAD)

    def not_removed(self) -> Self:
        """Tokens that none of our people ended on purpose."""
        return self.exclude(reason=self.model.REMOVED)

    def as_seen(self, token: "Token") -> Self:
        """This token, unless a consent or a renewal came since it was read."""
        return self.filter(pk=token.pk, generation=token.generation)

    def others_of_app(self, token: "Token") -> Self:
        """The other tokens of this one's app: what the channel says of them shows whose fault an answer is."""
        return self.filter(app=token.app_id).exclude(pk=token.pk)

    def due(self, now: datetime) -> Self:
        """Tokens whose probe or refresh is due and which no worker holds. Those that wait for a refresh are left to its lane."""
        return self.filter(due_at__lte=now).not_removed().askable(now)

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
        """Tokens whose refresh was sent by a process that is gone (where `liveness.may_take_over`): its answer is lost, if one came."""
        return self.filter(refresh_began_at__isnull=False).free(now)

    def has_refreshes(self, now: datetime) -> bool:
        """Return whether the refresh lane may have anything to do. One statement, by the indexes of the three."""
        found = (self.refresh_wanted(now), self.due_for_refresh(now), self.left_in_refresh(now))
        wanted, due, left = map(Exists, found)
        return self.filter(wanted | due | left).exists()

    def free(self, now: datetime) -> Self:
        """Tokens that no living process holds: a dead one's claim runs out by itself."""
        return self.filter(Q(claimed_until=None) | Q(claimed_until__lt=now))

    def claim(self, now: datetime) -> int:
        """Take the right to ask about these tokens. Returns the number of this claim, 0 where there are none; narrow by `free` before.

        It is short: whoever may need longer holds it by `liveness.kept(tokens.claimed_as(number).keep_claimed)`.
        """
        number = liveness.number()
        return number if self.update(claimed_until=now + liveness.CLAIM, claimed_by=number) else 0

    def claimed_as(self, *numbers: int) -> Self:
        """Those of these tokens that are held by these claims: what was claimed by others since, also in this process, is theirs."""
        return self.filter(claimed_until__isnull=False, claimed_by__in=numbers)

    def under_way(self, held: Mapping[int, Claimed]) -> Self:
        """Those of these tokens (by id) whose claims stand still."""
        return self.filter(pk__in=list(held)).claimed_as(*{one.claim for one in held.values()})

    @transaction.atomic
    def keep_claimed(self, now: datetime) -> int:
        """Renew the claims of these tokens, see `claimed_as`. Returns how many. One that is being written waits for the next time."""
        free = self.order_by("id").select_for_update(skip_locked=True, no_key=True, of=("self",))
        ids = list(free.values_list("pk", flat=True))
        return self.model.objects.filter(pk__in=ids).update(claimed_until=now + liveness.CLAIM)

    def let_go(self) -> int:
        """Give back the claims of these tokens, see `claimed_as`. Returns how many there were."""
        return self.update(claimed_until=None, claimed_by=None)

    def of_person(self, person: User) -> Self:
        """What ends with a person: all that they consented to and nobody removed, stopped ones too. System users are their team's."""
        return self.filter(consented_by=person, kind=self.model.Kind.PERSON).not_removed()

    def serving(self) -> Self:
        """Log-ins that serve accounts, or would again."""
        return self.living().filter(pool_entries__isnull=False).distinct()

    def to_revoke(self) -> Self:
        """Log-ins that were removed on purpose and are still authorised at their channel, as far as we know."""
        return self.filter(reason=self.model.REMOVED, credentials__isnull=False)

    def never_linked(self, *, before: datetime) -> Self:
        """Tokens consented to before this moment that were never in the pool of an account."""
        return self.filter(first_linked_at=None, pool_entries=None, linked_at__lt=before)

    @transaction.atomic
    def make_due(self, at: datetime) -> int:
        """Have the sweep ask the channel about these tokens from this moment on. Returns how many there are."""
        ids = list(self.locked().values_list("pk", flat=True))  # an update alone locks in any order
        return self.model.objects.filter(pk__in=ids).update(due_at=at, due_for=self.model.DueFor.PROBE)

    def ask_some(self, now: datetime) -> None:
        """Have the sweep ask about three of these that work, those first that were not asked for the longest time: witnesses.

        One of which something is said itself is none, nor one that somebody holds: its question began before.
        """
        fine = self.filter(state="valid", doubted_at=None, look_again_at=None, app_refused_at=None).free(now)
        unasked = fine.order_by(F("last_checked_at").asc(nulls_first=True), "pk")
        locked = unasked.select_for_update(skip_locked=True, no_key=True, of=("self",))
        ids = list(locked.values_list("pk", flat=True)[:WITNESSES])
        self.model.objects.filter(pk__in=ids, due_at__gt=now).make_due(now)

    def locked(self) -> Self:
        """Lock the rows in the one order that is used everywhere: by id, without blocking foreign keys."""
        return self.order_by("id").select_for_update(no_key=True, of=("self",))
