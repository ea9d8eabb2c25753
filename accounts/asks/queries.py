"""Which log-ins could be asked for, which asks a person sees, what was asked for today, and what is snoozed."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.asks.models import AskLine
from accounts.models import Account, AccountToken
from accounts.pool.models import CAN_SERVE, LIVING
from tokens.channels.kinds import AN_APPEAL_HELPS
from tokens.models import ChannelApp, Token, TokenEvent
from tokens.token import reasons
from ui.dates import AT_RISK, end_of_window
from users.models import RefusedAddress, User

_DEAD = Q(token__state=Token.State.DEAD)
# Why an entry is of no use is the token's reason where that is dead, else its own, see `AccountToken.reason`.
_ENDED = _DEAD & ~Q(token__reason__in=reasons.NO_CONSENT_ENDS)
_TAKEN = ~_DEAD & ~CAN_SERVE & ~Q(access_reason__in=[*reasons.NO_CONSENT_ENDS, ""])
# What `rules.cannot_ask` says.
_CANNOT_ASK = (
    Q(token__kind=Token.Kind.SYSTEM)
    | Q(token__consented_by=None)
    | Q(token__consented_by__is_active=False)
    | Q(token__reason=Token.REMOVED)
    | (_DEAD & Q(token__reason__in=AN_APPEAL_HELPS))
)


def entries_of_app(app: ChannelApp, user: User) -> QuerySet[AccountToken]:
    """Return the entries, in pools that this person sees, of the log-ins that use an app."""
    return _seen_by(user, AccountToken.objects.filter(token__app=app))


def entries_of_tokens(tokens: QuerySet[Token], user: User) -> QuerySet[AccountToken]:
    """Return the entries of these log-ins in pools that this person sees."""
    return _seen_by(user, AccountToken.objects.filter(token__in=tokens.order_by().values("pk")))


def entries_to_renew(accounts: QuerySet[Account], now: datetime) -> QuerySet[AccountToken]:
    """Return what stopped, or ends within 30 days, in the pools of these accounts; of those that staff paused, nothing."""
    at_risk = end_of_window(AT_RISK, now=now, zone=timezone.get_current_timezone())
    soon = LIVING & Q(token__deadline__lt=at_risk)
    due = accounts.filter(paused_at=None).order_by()
    return AccountToken.objects.filter(_ENDED | _TAKEN | soon, account__in=due.values("pk"))


def entries_due(user: User, now: datetime) -> QuerySet[AccountToken]:
    """Return the same of this person's accounts that are dark or will be within 7 days."""
    seen = Account.objects.visible_to(user)
    return entries_to_renew(seen.dark_or_urgent(now=now, zone=timezone.get_current_timezone()), now)


def _seen_by(user: User, entries: QuerySet[AccountToken]) -> QuerySet[AccountToken]:
    if user.sees_all_teams:
        return entries
    return entries.filter(account__in=Account.objects.visible_to(user).values("pk"))


def log_in_ids(entries: QuerySet[AccountToken], *, most: int) -> list[int]:
    """Return the ids of the log-ins, `most` and one more at most."""
    ids = entries.order_by("token").values_list("token", flat=True)
    return list(ids.distinct()[: most + 1])


@dataclass(frozen=True)
class DueAsks:
    """How many people could keep the accounts, how many of them were not asked today, and how many accounts that would keep."""

    people: int
    fresh: int
    accounts: int


def count_due(user: User, now: datetime) -> DueAsks:
    """Count them in one query."""
    entries = entries_due(user, now).exclude(_CANNOT_ASK).order_by()
    fresh = ~Q(token__in=asked_today(entries.values("token"), now).values("token"))
    found = entries.aggregate(
        people=Count("token__consented_by", distinct=True),
        fresh_people=Count("token__consented_by", distinct=True, filter=fresh),
        accounts=Count("account", distinct=True),
    )
    return DueAsks(found["people"], found["fresh_people"], found["accounts"])


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
    seen = Account.objects.visible_to(actor).values("pk")
    entries = AccountToken.objects.filter(token__in=tokens, account__in=seen).defer("token__credentials")
    entries = entries.select_related("account__team", "token__app", "token__consented_by")
    order = (F("account__deadline").asc(nulls_first=True), "account__name", "account_id", "pk")
    return [(entry.account, entry.token) for entry in entries.order_by(*order)]


def within_teams(asks: Collection[int], teams: Collection[int] | None) -> set[int]:
    """Return which of these asks (ids) are for log-ins alone that nobody outside these teams shares; None: all teams. One query."""
    if teams is None:
        return set(asks)
    beyond = AskLine.objects.filter(ask__in=asks).beyond(teams)
    return set(asks) - set(beyond.values_list("ask", flat=True))


# --- whose mails about accounts are snoozed, as far as asks respect it -------------------------------------------------------

# Who keeps snoozes, an app above, registers where they are. A log-in is snoozed where each of its accounts is: by its person, or by staff
# for everybody. One consent renews all of its accounts, so one that is not snoozed is enough to be asked.


# Rows with account (None: all), email ("": everybody) and until; of the app above.
_SNOOZES: list[Callable[[], QuerySet[Any]]] = []


def register_snoozes(snoozes: Callable[[], QuerySet[Any]]) -> None:
    """Say how those are found that run, whichever macro tells: rows with `account`, `email` and `until`. The last one said holds."""
    _SNOOZES[:] = [snoozes]


def morning(now: datetime) -> date:
    """Return the day of the last morning, in the project's time zone, whoever looks: a snooze until then, or until before, is over.

    It comes with the hour from which the day's warnings go out.
    """
    local = timezone.localtime(now, timezone.get_default_timezone())
    return local.date() - timedelta(days=local.hour < settings.MACROS_HOUR)


def snoozed_log_ins(token_ids: Collection[int], *, now: datetime) -> dict[int, date]:
    """Return those of these log-ins (ids) that are snoozed, with the day on which the first of their accounts no longer is. 3 queries."""
    whose = Token.objects.filter(pk__in=token_ids, consented_by__isnull=False)
    accounts: dict[int, set[int]] = defaultdict(set)
    for token, account in AccountToken.objects.filter(token__in=token_ids).values_list("token", "account"):
        accounts[token].add(account)
    until = {(account, email): day for account, email, day in _running(set().union(*accounts.values()), now)}
    found: dict[int, date] = {}
    for token, email in whose.values_list("pk", "consented_by__email"):
        address = email.lower()
        days = [
            max(filter(None, (until.get((account, "")), until.get((account, address)))), default=None)
            for account in accounts[token]
        ]
        each = [day for day in days if day is not None]
        first = min(each) if each and len(each) == len(days) else None
        if last := max(filter(None, (first, until.get((None, address)))), default=None):
            found[token] = last
    return found


def _running(account_ids: Collection[int], now: datetime) -> list[tuple[int | None, str, date]]:
    """Return the snoozes that hold of these accounts (ids), or of all: account, address, until."""
    rows = [
        find().filter(Q(account=None) | Q(account__in=account_ids), until__gt=morning(now))
        for find in _SNOOZES
    ]
    return [row for some in rows for row in some.values_list("account_id", "email", "until")]
