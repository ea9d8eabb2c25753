"""Which log-ins could be asked for, whom an ask for them would reach, which asks a person sees, and what was asked for today."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django_stubs_ext import StrOrPromise

from accounts.models import Account, AccountToken
from accounts.pool.models import CAN_SERVE, LIVING
from tokens.channels.kinds import AN_APPEAL_HELPS
from tokens.models import Token, TokenEvent
from tokens.token import reasons
from ui.addresses import as_one
from ui.dates import AT_RISK, end_of_window
from ui.text import number
from users.models import RefusedAddress, User

MOST = 5_000  # log-ins of one ask
NONE_ENDS = gettext_lazy("No log-in of these accounts stopped or ends within 30 days.")
_DEAD = Q(token__state=Token.State.DEAD)
# Why an entry is of no use is the token's reason where that is dead, else its own, see `AccountToken.reason`.
_ENDED = _DEAD & ~Q(token__reason__in=reasons.NO_CONSENT_ENDS)
_TAKEN = ~_DEAD & ~CAN_SERVE & ~Q(access_reason__in=[*reasons.NO_CONSENT_ENDS, ""])
# What `Token.why_not_askable` says.
_CANNOT_ASK = (
    Q(token__kind=Token.Kind.SYSTEM)
    | Q(token__consented_by=None)
    | Q(token__consented_by__is_active=False)
    | Q(token__reason=Token.REMOVED)
    | (_DEAD & Q(token__reason__in=AN_APPEAL_HELPS))
)


def entries_of_tokens(tokens: QuerySet[Token], user: User) -> QuerySet[AccountToken]:
    """Return the entries of these log-ins in pools that this person sees."""
    return AccountToken.objects.visible_to(user).filter(token__in=tokens.order_by().values("pk"))


def entries_to_renew(accounts: QuerySet[Account], now: datetime) -> QuerySet[AccountToken]:
    """Return what stopped, or ends within 30 days, in the pools of these accounts; of those that staff paused, nothing."""
    at_risk = end_of_window(AT_RISK, now=now, zone=timezone.get_current_timezone())
    soon = LIVING & Q(token__deadline__lt=at_risk)
    due = accounts.filter(paused_at=None).order_by()
    return AccountToken.objects.filter(_ENDED | _TAKEN | soon, account__in=due.values("pk"))


def entries_due(user: User, now: datetime) -> QuerySet[AccountToken]:
    """Return the same of this person's accounts that are dark or will be within 7 days, as far as somebody can be asked for it."""
    seen = Account.objects.visible_to(user).dark_or_urgent(now=now, zone=timezone.get_current_timezone())
    return entries_to_renew(seen, now).exclude(_CANNOT_ASK)


@dataclass(frozen=True)
class DueAsks:
    """How many people could keep how many accounts, and how many of them were not asked today."""

    people: int
    accounts: int
    fresh: int


def count_due(entries: QuerySet[AccountToken], now: datetime) -> DueAsks:
    """Count who could be asked for these entries, in one query."""
    entries = entries.exclude(_CANNOT_ASK).order_by()
    found = entries.aggregate(
        people=Count("token__consented_by", distinct=True),
        accounts=Count("account", distinct=True),
        fresh=Count("token__consented_by", distinct=True, filter=_not_asked_today(entries, now)),
    )
    return DueAsks(**found)


@dataclass(frozen=True)
class PersonDue:
    """Who could keep how many accounts, at which channels, and whether somebody asked them for all of that today."""

    user: User
    accounts: int
    channels: Sequence[str]
    is_asked: bool


def people_due(entries: QuerySet[AccountToken], now: datetime, *, most: int) -> list[PersonDue]:
    """Return who could be asked for these entries, whoever keeps the most accounts first. Two queries."""
    entries = entries.exclude(_CANNOT_ASK).order_by()
    rows = entries.values("token__consented_by").annotate(
        number=Count("account", distinct=True),
        channels=ArrayAgg("account__channel", distinct=True),
        fresh=Count("token", filter=_not_asked_today(entries, now)),
    )
    first = list(rows.order_by("-number", "token__consented_by")[:most])
    users = User.objects.in_bulk([row["token__consented_by"] for row in first])
    return [
        PersonDue(users[row["token__consented_by"]], row["number"], row["channels"], not row["fresh"])
        for row in first
    ]


def _not_asked_today(entries: QuerySet[AccountToken], now: datetime) -> Q:
    return ~Q(token__in=asked_today(entries.values("token"), now).values("token"))


def asked_today(tokens: Collection[int] | QuerySet[Any, Any], now: datetime) -> QuerySet[TokenEvent]:
    """Return today's asks for these log-ins, without those of log-ins that were renewed since."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    asks = TokenEvent.objects.filter(token__in=tokens, kind=TokenEvent.Kind.ASKED, at__gte=midnight)
    return asks.filter(at__gt=F("token__linked_at")).order_by()


def people_without_mail(people: Collection[int]) -> set[int]:
    """Return those of these people (ids) whom no mail reaches: asking them would only look as if somebody had been asked."""
    refused = RefusedAddress.objects.filter(email=Lower(OuterRef("email")))
    return set(User.objects.filter(Exists(refused), pk__in=people).values_list("pk", flat=True))


def accounts_with_log_ins(tokens: Sequence[int], actor: User) -> list[tuple[Account, Token]]:
    """Return the accounts of these log-ins (ids), as far as the actor sees them: what stopped or ends first before the rest."""
    entries = AccountToken.objects.visible_to(actor).filter(token__in=tokens).defer("token__credentials")
    entries = entries.select_related("account__team", "token__app", "token__consented_by")
    order = (F("account__deadline").asc(nulls_first=True), "account__name", "account_id", "pk")
    return [(entry.account, entry.token) for entry in entries.order_by(*order)]


def first_accounts(entries: QuerySet[AccountToken]) -> dict[int, Account]:
    """Return by log-in (id) the first account of these entries, by its name."""
    first = entries.order_by("token", "account__name", "pk").distinct("token").select_related("account")
    return {one.token_id: one.account for one in first}


@dataclass(frozen=True)
class Plan:
    """The log-ins that one asks for, by their people, and whom no mail reaches (ids of users)."""

    ids: Sequence[int]
    people: Sequence[Sequence[Token]]
    unreached: Collection[int]

    @property
    def askable(self) -> list[Sequence[Token]]:
        """The log-ins of those who can be asked."""
        return [tokens for tokens in self.people if not tokens[0].why_not_askable]

    @property
    def reaches_somebody(self) -> bool:
        """Whether a mail reaches any of them."""
        return any(tokens[0].consented_by_id not in self.unreached for tokens in self.askable)

    def refusal(self, nobody: StrOrPromise) -> str:
        """Return why there is nothing to begin; "" where there is. `nobody`: what is said where there is no log-in."""
        if len(self.ids) > MOST:
            most = {"most": number(MOST)}
            return gettext("One request asks for %(most)s log-ins at most. Narrow the list first.") % most
        if self.reaches_somebody:
            return ""
        return gettext("Nobody is asked: see the reasons above.") if self.ids else str(nobody)


def plan_ask(entries: QuerySet[AccountToken]) -> Plan:
    """Return whom an ask for the log-ins of these entries would reach."""
    ids = list(entries.order_by("token").values_list("token", flat=True).distinct()[: MOST + 1])
    people = _people([] if len(ids) > MOST else ids)
    able = [tokens[0].consented_by_id or 0 for tokens in people if not tokens[0].why_not_askable]
    return Plan(ids, people, people_without_mail(able))


def _people(ids: Sequence[int]) -> list[list[Token]]:
    """Return the log-ins by person, what stopped or ends first before the rest; whoever cannot be asked stands last, each alone."""
    # Thousands share few apps and people, and nobody asks what the channel answered.
    unread = ("credentials", "evidence", "scopes", "dates_source", "refresh_wanted")
    tokens = Token.objects.filter(pk__in=as_one(ids)).prefetch_related("app", "consented_by").defer(*unread)
    found: dict[int, list[Token]] = defaultdict(list)
    for token in tokens.order_by("deadline", "pk"):
        found[-token.pk if token.why_not_askable else token.consented_by_id or 0].append(token)
    return sorted(found.values(), key=lambda some: bool(some[0].why_not_askable))
