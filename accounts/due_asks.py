"""Who could keep what is dark, or will be within 7 days: the people whose new consent would help, asked all at once from the start page.

The same people are asked as by **Ask to re-authenticate** for these accounts in the list, but no pool is read for it.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from accounts import asks_of_app, health
from accounts.asks_of_app import Waiting
from accounts.models import Account, AccountToken
from accounts.pool_entry_model import CAN_SERVE, LIVING
from tokens import reasons
from tokens.models import Token
from ui.calendar_days import AT_RISK, end_of_window
from users.models import User

_DEAD = Q(token__state=Token.State.DEAD)
# Why an entry is of no use is the token's reason where that is dead, else its own, see `pool_reasons.entry_reason`.
_ENDED = _DEAD & ~Q(token__reason__in=reasons.NO_CONSENT_ENDS)
_TAKEN = ~_DEAD & ~CAN_SERVE & ~Q(access_reason__in=[*reasons.NO_CONSENT_ENDS, ""])


@dataclass(frozen=True)
class DueAsks:
    """How many people could keep the accounts, how many of them were not asked today, and how many accounts that would keep."""

    people: int
    fresh: int
    accounts: int


def waiting(user: User, now: datetime) -> Waiting:
    """Return the log-ins that stopped, or end within 30 days, of accounts of this person's that are dark or will be within 7 days."""
    zone = timezone.get_current_timezone()
    due = Account.objects.visible_to(user).filter(health.ends_at_once(now=now, zone=zone))
    entries = AccountToken.objects.filter(_ENDED | _TAKEN | _soon(now), account__in=due.values("pk"))
    return Waiting(entries, Q(token__in=entries.values("token")))


def of_accounts(accounts: QuerySet[Account], now: datetime) -> Waiting:
    """Return the log-ins that stopped, or end within 30 days, of these accounts; of those that staff paused, none."""
    due = accounts.filter(paused_at=None).order_by()
    entries = AccountToken.objects.filter(_ENDED | _TAKEN | _soon(now), account__in=due.values("pk"))
    return Waiting(entries, Q(token__in=entries.values("token")))


def _soon(now: datetime) -> Q:
    zone = timezone.get_current_timezone()
    return LIVING & Q(token__deadline__lt=end_of_window(AT_RISK, now=now, zone=zone))


def count(user: User, now: datetime) -> DueAsks:
    """Count them in one query."""
    found = asks_of_app.grouped(waiting(user, now), now).filter(group__gt=0)
    counted = found.aggregate(
        people=Count("group", distinct=True),
        fresh_people=Count("group", distinct=True, filter=Q(fresh=True)),
        accounts=Count("account", distinct=True),
    )
    return DueAsks(counted["people"], counted["fresh_people"], counted["accounts"])
