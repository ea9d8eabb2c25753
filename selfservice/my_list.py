"""What "My accounts" lists, in SQL: a page costs the same whether a person's teams have 300 accounts or 30,000."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Lower

from accounts.models import Account, AccountToken
from tokens.channels import declarations
from tokens.models import Token
from ui.calendar_days import AT_RISK, end_of_window
from users.models import User

PAGE = 100
STOPPED, ATTENTION, WORKING = "stopped", "attention", "working"
GROUPS = {STOPPED: 0, ATTENTION: 1, WORKING: 2}  # in the order of the page
_CHANNELS = [When(channel=key, then=Value(place)) for place, key in enumerate(declarations.channel_keys())]
_LIVING = (
    Q(access=AccountToken.Access.OK)
    & ~Q(can_publish=AccountToken.CanPublish.NO)
    & ~Q(token__state=Token.State.DEAD)
)


@dataclass(frozen=True)
class Counts:
    """How many accounts are in each group, and how many of the stopped ones only a channel's restriction stops."""

    stopped: int = 0
    restricted: int = 0
    attention: int = 0
    working: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.stopped + self.attention + self.working


def own_entries(user: User) -> list[AccountToken]:
    """Return the pool entries of a person's own log-ins, without their accounts: one log-in may reach thousands."""
    tokens = {
        token.pk: token
        for token in Token.objects.filter(consented_by=user).select_related("app").defer("credentials")
    }
    entries = list(AccountToken.objects.filter(token__in=tokens).order_by("token_id", "id"))
    for entry in entries:
        entry.token = tokens[entry.token_id]
    return entries


def worst(account_ids: list[int], count: int) -> QuerySet[Account]:
    """Return the first accounts that a log-in's row names: those that have stopped, then by name."""
    stopped = Q(state=Account.State.DEACTIVATED)
    return Account.objects.filter(pk__in=account_ids).order_by(
        Case(When(stopped, then=0), default=1), "name", "pk"
    )[:count]


def others(
    user: User, *, without: list[int], log_in: Token | None, search: str, now: datetime, zone: tzinfo
) -> QuerySet[Any]:
    """Return the person's accounts, or those of one log-in, but those named above.

    Each has its `group`: what has stopped comes first, then what stops first, then by name.
    """
    own = AccountToken.objects.filter(account=OuterRef("pk"), token__consented_by=user)
    connected = Q(state=Account.State.CONNECTED, paused_at=None, restriction="")
    worrying = (
        Q(deadline__lt=end_of_window(AT_RISK, now=now, zone=zone))
        | Q(deadline_kind__in=[Account.DeadlineKind.UNKNOWN, Account.DeadlineKind.NONE])
        | Q(people_count__lte=1)
        | (Exists(own) & ~Exists(own.filter(_LIVING)))
    )
    group = Case(
        When(~connected, then=Value(STOPPED)), When(worrying, then=Value(ATTENTION)), default=Value(WORKING)
    )
    place = Case(
        When(state=Account.State.DEACTIVATED, then=0),
        When(state=Account.State.INTERRUPTED, then=1),
        When(state=Account.State.CONNECTED, then=2),
        default=3,
    )
    found = Account.objects.of_person(user).exclude(pk__in=without)
    if log_in is not None:
        found = found.filter(pk__in=log_in.pool_entries.values("account"))
    if search:
        found = found.filter(Q(name__icontains=search) | Q(native_id__icontains=search.removeprefix("act_")))
    in_order = Case(*(When(group=name, then=Value(number)) for name, number in GROUPS.items()))
    return found.annotate(group=group).order_by(
        in_order, place, F("deadline").asc(nulls_last=True), Lower("name"), Case(*_CHANNELS), "pk"
    )


def count(found: QuerySet[Any]) -> Counts:
    """Count the accounts of each group."""
    restricted = Count("pk", filter=Q(state=Account.State.CONNECTED, paused_at=None) & ~Q(restriction=""))
    rows = found.order_by().values("group").annotate(number=Count("pk"), restricted=restricted)
    numbers = {row["group"]: row for row in rows}
    return Counts(
        stopped=numbers.get(STOPPED, {}).get("number", 0),
        restricted=numbers.get(STOPPED, {}).get("restricted", 0),
        attention=numbers.get(ATTENTION, {}).get("number", 0),
        working=numbers.get(WORKING, {}).get("number", 0),
    )
