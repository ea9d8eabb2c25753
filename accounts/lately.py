"""What happened to accounts in the last 30 days, by reason: the numbers of the start page, and the accounts behind each."""

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo

from django.db.models import Count, F, QuerySet

from accounts.models import Account, AccountEvent
from tokens.models import Token
from users.models import User

DAYS = 30
KINDS = (AccountEvent.Kind.SHIFTED, AccountEvent.Kind.DEACTIVATED)


def since(*, now: datetime, zone: tzinfo) -> datetime:
    """Return the midnight, in `zone`, from which on it is lately."""
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=DAYS)


def happened(
    accounts: QuerySet[Account], *, kind: str, cause: str | None, now: datetime, zone: tzinfo
) -> QuerySet[Account]:
    """Keep the accounts to which it happened lately, for any cause where `cause` is None."""
    events = AccountEvent.objects.filter(kind=kind, at__gte=since(now=now, zone=zone))
    if cause is not None:
        events = events.filter(cause=cause)
    # As a set of its own: the database, which takes the accounts for far more than they are, would look for events of one after the other.
    return accounts.filter(pk__in=events.order_by().values("account").distinct())


def count(user: User, *, now: datetime, zone: tzinfo) -> Mapping[tuple[str, str], int]:
    """Return (kind, cause) -> to how many accounts that this person sees it happened lately; of any cause where that is "". Two queries."""
    events = _seen_by(user, since(now=now, zone=zone)).order_by()
    accounts = Count("account", distinct=True)
    of_any = dict(events.values_list("kind").annotate(accounts))
    by_cause = events.exclude(cause="").values_list("kind", "cause").annotate(accounts)
    found = {(str(kind), str(cause)): number for kind, cause, number in by_cause}
    return {(str(kind), ""): of_any.get(kind, 0) for kind in KINDS} | found


def newest(user: User, *, first: int, most: int, now: datetime, zone: tzinfo) -> list[int]:
    """Return the events (ids) of accounts that this person sees, newest first: at most so many, from place `first` on. One query."""
    events = _seen_by(user, since(now=now, zone=zone)).order_by("-at", "-id")
    return list(events.values_list("pk", flat=True)[first : first + most])


def _seen_by(user: User, at: datetime) -> QuerySet[AccountEvent]:
    events = AccountEvent.objects.filter(kind__in=KINDS, at__gte=at)
    if user.sees_all_teams:
        return events
    return events.filter(account__in=Account.objects.visible_to(user).values("pk"))


def re_authenticated(user: User, *, now: datetime, zone: tzinfo) -> int:
    """Return how many log-ins, linked to accounts that this person sees, their people re-authenticated lately. One query."""
    found = anew(Token.objects.all(), now=now, zone=zone)
    if not user.sees_all_teams:
        found = found.filter(pool_entries__account__in=Account.objects.visible_to(user).values("pk"))
    return found.values("pk").distinct().count()


def anew(log_ins: QuerySet[Token], *, now: datetime, zone: tzinfo) -> QuerySet[Token]:
    """Keep the log-ins that their people re-authenticated lately."""
    return log_ins.filter(linked_at__gte=since(now=now, zone=zone), linked_at__gt=F("created_at"))
