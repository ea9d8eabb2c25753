"""What "My accounts" lists, in SQL: a page costs the same whether a person's teams have 300 accounts or 30,000."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Case, Count, F, Q, QuerySet, Value, When, Window
from django.db.models.functions import Lower, RowNumber

from accounts.linking import overview
from accounts.models import Account, AccountToken
from accounts.pool.queries import name_holds
from tokens.channels import declarations
from tokens.models import Token
from users.models import User

PAGE, FIRST = 50, 8  # accounts on a page of a list, and of each group on the page of all
# What the reader keeps, or kept until their log-in stopped; and what others of their teams keep.
GROUPS = (
    "own_dark",
    "own_working",
    "teams_dark",
    "teams_working",
)  # in the order of the page, which is that of their letters
OWN_DARK, OWN_WORKING, TEAMS_DARK, TEAMS_WORKING = GROUPS
_CHANNELS = [When(channel=key, then=Value(place)) for place, key in enumerate(declarations.channel_keys())]
# What `AccountToken.reason` and `is_living` read of a pool entry, beside its token.
_TOLD_BY = ("access", "access_reason", "can_publish")
CONNECTED = Q(state=Account.State.CONNECTED, paused_at=None, restriction="")


@dataclass(frozen=True)
class Needing:
    """A log-in that needs its person, and in how many pools. `entries` finds those."""

    token: Token
    entries: Q
    number: int


def log_ins_needing(user: User, now: datetime) -> list[Needing]:
    """Return the person's log-ins that need them, each with the accounts that a new consent helps.

    One log-in may reach thousands of accounts, so its entries are told apart by what says whether they are helped
    (`AccountToken.reason`), and counted.
    """
    mine = Token.objects.filter(consented_by=user).select_related("app").defer("credentials")
    tokens = {token.pk: token for token in mine}
    kinds = AccountToken.objects.filter(token__in=tokens).order_by("token_id").values("token_id", *_TOLD_BY)
    by_token: dict[int, list[tuple[AccountToken, int]]] = {}
    for kind in kinds.annotate(number=Count("pk")):
        number = kind.pop("number")
        entry = AccountToken(**kind)  # stands for all of its kind
        entry.token = tokens[entry.token_id]
        by_token.setdefault(entry.token_id, []).append((entry, number))
    found = []
    for pk, counted in by_token.items():
        helped = overview.helped_by_consent([entry for entry, _ in counted], now)
        number = sum(number for entry, number in counted if entry in helped)
        if helped:
            found.append(Needing(tokens[pk], _any_of(helped), number))
    return found


def _any_of(entries: Iterable[AccountToken]) -> Q:
    """Return the condition of pool entries that are like one of these."""
    alike = (
        Q(token=entry.token_id, **{name: getattr(entry, name) for name in _TOLD_BY}) for entry in entries
    )
    return reduce(or_, alike)


def worst_accounts(found: Sequence[Needing], count: int) -> dict[int, list[int]]:
    """Return token -> the first accounts (ids) that its row names: those that have stopped, then by name."""
    if not found:
        return {}
    stopped = Case(When(account__state=Account.State.DEACTIVATED, then=0), default=1)
    place = Window(RowNumber(), partition_by="token_id", order_by=[stopped, "account__name", "account_id"])
    entries = AccountToken.objects.filter(accounts_of(found)).annotate(place=place).filter(place__lte=count)
    named: dict[int, list[int]] = {}
    for token, account in entries.order_by("token_id", "place").values_list("token_id", "account_id"):
        named.setdefault(token, []).append(account)
    return named


def accounts_of(found: Sequence[Needing]) -> Q:
    """Return the condition of the pool entries of these log-ins that are helped."""
    return reduce(or_, (one.entries for one in found))


def listed_accounts(
    user: User, *, without: Sequence[Needing], log_in: Token | None, search: str
) -> QuerySet[Any]:
    """Return the person's accounts, or those of one log-in, but those of the log-ins above.

    Each has its `group`. In each what stops first comes first.
    """
    own = Q(pk__in=AccountToken.objects.filter(token__in=Token.objects.of_person(user)).values("account"))
    group = Case(
        When(CONNECTED & own, then=Value(OWN_WORKING)),
        When(CONNECTED, then=Value(TEAMS_WORKING)),
        When(own, then=Value(OWN_DARK)),
        default=Value(TEAMS_DARK),
    )
    place = Case(
        When(state=Account.State.DEACTIVATED, then=0),
        When(state=Account.State.INTERRUPTED, then=1),
        When(state=Account.State.CONNECTED, then=2),
        default=3,
    )
    found = Account.objects.of_person(user)
    if without:
        found = found.exclude(pk__in=AccountToken.objects.filter(accounts_of(without)).values("account"))
    if log_in is not None:
        found = found.filter(pk__in=log_in.pool_entries.values("account"))
    if search:
        found = found.filter(name_holds(search))
    return found.annotate(group=group).order_by(
        "group", place, F("deadline").asc(nulls_last=True), Lower("name"), Case(*_CHANNELS), "pk"
    )


def without_backup(user: User) -> QuerySet[Account]:
    """Return the accounts that work through the person alone, and for which they may invite a second one."""
    if not user.may_make_links():
        return Account.objects.none()
    mine = AccountToken.objects.filter(token__consented_by=user).living().values("account")
    teams = user.teams_managed.order_by().values("pk")
    return Account.objects.filter(CONNECTED, people_count=1, team__in=teams, pk__in=mine)


def alone_by_team(user: User) -> Sequence[Any]:
    """Return the teams of these accounts: `team` (id), `called`, `names` and `number` of the accounts."""
    by_team = without_backup(user).order_by("team__name", "team").values("team", called=F("team__name"))
    return list(by_team.annotate(names=ArrayAgg("name", order_by="name"), number=Count("pk")))
