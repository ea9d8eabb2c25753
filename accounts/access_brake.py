"""The incident brake for ad accounts: what a reading takes from a log-in is weighed before any pool entry is written.

A channel's bad hour may say of everybody that no ad account can be reached. The log-in works, so nothing of it ends, but all accounts would
stop. Losses are counted with the ends of log-ins, per channel app, and held like them (`tokens.lifecycle.incident_brake`): the entries stay
as they are, nobody is told, and the accounts are read again at the same two rounds.

What a person's own consent leaves out is his doing and is not weighed, nor what a job's answer says of writing, which no question of ours
could confirm.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.models import AccountToken
from accounts.pool_reasons import OUTSIDE
from tokens import lifecycle
from tokens.channels.base import WRITE_REFUSALS, AccountList, PairReading, Reason, Ruling, Verdict
from tokens.deaths import TokenDeath
from tokens.models import Token

MISSING = Ruling(Verdict.ACCESS_LOST, Reason.ACCESS_LOST, row="not in the list of ad accounts")
REPORTS_ONLY = Ruling(Verdict.ACCESS_LOST, Reason.PUBLISHING_LOST, row="the role may not publish")


@dataclass(frozen=True)
class _Refusal:
    """What an answer says against one pool entry."""

    entry: AccountToken
    ruling: Ruling
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def native_id(self) -> str:
        return self.entry.account.native_id

    @property
    def is_loss(self) -> bool:
        """Whether the entry could be served until now."""
        access, can_publish = AccountToken.Access, AccountToken.CanPublish
        return self.entry.access == access.OK and self.entry.can_publish != can_publish.NO


def holds(
    token: Token,
    *,
    generation: int,
    listed: AccountList | None,
    readings: Mapping[int, PairReading],
    now: datetime,
    source: str,
) -> bool:
    """Tell whether losses that these answers tell of are held: then no entry that can be served is written off.

    `readings` by id of the account. Runs before the entries are written, in a transaction of its own.
    """
    refusals = [*_of_list(token, listed), *_of_readings(token, readings)]
    case = token.deaths.open(TokenDeath.Kind.ACCESS).filter(ask_at__isnull=False).first()
    losses = [refusal for refusal in refusals if refusal.is_loss]
    if case is None and not losses:
        return False
    with transaction.atomic():
        fresh = (
            Token.objects.filter(pk=token.pk, generation=generation).locked().select_related("app").first()
        )
        if fresh is None:
            return False  # the entries will not be written either
        named = set() if case is None else set(case.evidence[TokenDeath.AD_ACCOUNTS])
        against = [refusal for refusal in refusals if refusal.is_loss or refusal.native_id in named]
        if against:
            return not lifecycle.believes_loss(
                fresh,
                native_ids={refusal.native_id for refusal in against},
                ruling=against[0].ruling,
                evidence=against[0].evidence,
                now=now,
                source=source,
            )
        if named <= _reached(listed, readings) | _unlinked(fresh, named):
            lifecycle.has_access(fresh, now)
    return False


def is_held(token_id: int, native_id: str) -> bool:
    """Tell whether it is held that a log-in has lost this ad account."""
    held = TokenDeath.objects.held().filter(token=token_id, kind=TokenDeath.Kind.ACCESS)
    return any(
        native_id in evidence[TokenDeath.AD_ACCOUNTS] for evidence in held.values_list("evidence", flat=True)
    )


def takes_away(reading: PairReading) -> bool:
    """Tell whether reading one ad account says that this person cannot be served for it any more."""
    if reading.ruling.verdict == Verdict.ACCESS_LOST:
        # Reading is no writing: that the person may not write, only an answer to a job shows.
        return reading.account is not None or reading.ruling.reason not in WRITE_REFUSALS
    return reading.account is not None and reading.account.can_publish == "no"


def _entries(token: Token) -> Any:
    entries = AccountToken.objects.filter(token=token).exclude(access_reason=OUTSIDE)
    return entries.select_related("account").order_by("id")


def _of_list(token: Token, listed: AccountList | None) -> Iterator[_Refusal]:
    if listed is None:
        return
    by_id = {native.native_id: native for native in listed.accounts}
    reports_only = [native_id for native_id, native in by_id.items() if native.can_publish == "no"]
    against = Q(account__native_id__in=reports_only)
    if listed.complete:
        against |= ~Q(account__native_id__in=list(by_id))
    for entry in _entries(token).filter(against):
        yield _Refusal(entry, REPORTS_ONLY if entry.account.native_id in by_id else MISSING)


def _of_readings(token: Token, readings: Mapping[int, PairReading]) -> Iterator[_Refusal]:
    against = {pk: reading for pk, reading in readings.items() if takes_away(reading)}
    for entry in _entries(token).filter(account__in=against) if against else ():
        reading = against[entry.account_id]
        lost = reading.ruling.verdict == Verdict.ACCESS_LOST
        yield _Refusal(entry, reading.ruling if lost else REPORTS_ONLY, reading.evidence)


def _reached(listed: AccountList | None, readings: Mapping[int, PairReading]) -> set[str]:
    """Return the ids, at the channel, of the ad accounts that these answers show."""
    shown = {reading.account.native_id for reading in readings.values() if reading.account is not None}
    return shown | {native.native_id for native in listed.accounts} if listed else shown


def _unlinked(token: Token, native_ids: set[str]) -> set[str]:
    """Return those of these ad accounts that stand in no pool with this log-in any more."""
    linked = AccountToken.objects.filter(token=token, account__native_id__in=native_ids)
    return native_ids - set(linked.values_list("account__native_id", flat=True))
