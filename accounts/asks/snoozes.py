"""Whose mails about accounts are snoozed, as far as asks respect it. Who keeps snoozes, an app above, registers where they are.

A log-in is snoozed where each of its accounts is: by its person, or by staff for everybody. One consent renews all of its accounts, so one
that is not snoozed is enough to be asked.
"""

from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import AccountToken
from tokens.models import Token

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
