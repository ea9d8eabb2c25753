"""The incident brake for ad accounts: what a reading takes from a log-in is weighed before any pool entry is written.

A channel's bad hour may say of everybody that no ad account can be reached. The log-in works, so nothing of it ends, but all accounts would
stop. Losses are counted with the ends of log-ins, per channel app, and held like them (`tokens.lifecycle.incident_brake`): the entries stay
as they are, nobody is told, and the accounts are read again at the same two rounds.

What a person's own consent leaves out is his doing and is not weighed, nor what a job's answer says of writing, which none of our questions
could confirm.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.models import AccountToken
from accounts.pool_reasons import OUTSIDE
from tokens import lifecycle
from tokens.channels.kinds import WRITE_REFUSALS, AccessCheck, AccountList, Classification, Reason, Verdict
from tokens.deaths import TokenDeath
from tokens.models import Token

MISSING = Classification(Verdict.ACCESS_LOST, Reason.ACCESS_LOST, row="not in the list of ad accounts")
REPORTS_ONLY = Classification(Verdict.ACCESS_LOST, Reason.PUBLISHING_LOST, row="the role may not publish")


@dataclass(frozen=True)
class _Refusal:
    """What an answer says against one pool entry."""

    entry: AccountToken
    classification: Classification
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def native_id(self) -> str:
        return self.entry.account.native_id

    @property
    def is_loss(self) -> bool:
        """Whether the entry could be served until now."""
        access, can_publish = AccountToken.Access, AccountToken.CanPublish
        return self.entry.access == access.OK and self.entry.can_publish != can_publish.NO


@contextmanager
def weighed(
    token: Token,
    *,
    generation: int,
    listed: AccountList | None,
    readings: Mapping[int, AccessCheck],
    now: datetime,
    source: str,
) -> Iterator[frozenset[str]]:
    """Weigh what these answers take from a log-in. Gives the ids, at the channel, of the ad accounts whose loss is held.

    `readings` by id of the account. The entries are written within, but for those that are held and can be served. Each part has a
    transaction of its own: a case that is let through ends once it is written, so that a process that dies leaves it as it was.
    """
    refusals = [*_of_list(token, listed), *_of_readings(token, readings)]
    case = token.deaths.open(TokenDeath.Kind.ACCESS).filter(ask_at__isnull=False).exists()
    if not case and not any(refusal.is_loss for refusal in refusals):
        yield frozenset()
        return
    refused = {refusal.native_id for refusal in refusals}
    shown = _reached(listed, readings) - refused
    with transaction.atomic():
        fresh = _still(token, generation)
        held = frozenset[str]() if fresh is None else _weigh(fresh, refusals, shown, now, source)
    yield held
    with transaction.atomic():
        if case and (fresh := _still(token, generation)) is not None:
            lifecycle.losses_written(fresh, refused - held, held, now)


def _still(token: Token, generation: int) -> Token | None:
    found = Token.objects.filter(pk=token.pk, generation=generation).locked()
    return found.select_related("app").first()


def _weigh(
    token: Token, refusals: Sequence[_Refusal], shown: set[str], now: datetime, source: str
) -> frozenset[str]:
    """Return the losses that are held. The token is locked."""
    in_doubt = lifecycle.reached(token, shown | _gone(token), now)
    against = [refusal for refusal in refusals if refusal.is_loss or refusal.native_id in in_doubt]
    if not against:
        return frozenset()
    refused = {refusal.native_id for refusal in against}
    return lifecycle.held_losses(
        token,
        refused=refused,
        all_heard=in_doubt <= refused,
        classification=against[0].classification,
        evidence=against[0].evidence,
        now=now,
        source=source,
    )


def is_held(token_id: int, native_id: str) -> bool:
    """Return whether it is held that a log-in has lost this ad account."""
    held = TokenDeath.objects.held().filter(token=token_id, kind=TokenDeath.Kind.ACCESS)
    return any(
        native_id in evidence[TokenDeath.AD_ACCOUNTS] for evidence in held.values_list("evidence", flat=True)
    )


def takes_away(reading: AccessCheck) -> bool:
    """Return whether reading one ad account says that this person can no longer be served for it."""
    if reading.classification.verdict == Verdict.ACCESS_LOST:
        # Reading is no writing: that the person may not write, only an answer to a job shows.
        return reading.account is not None or reading.classification.reason not in WRITE_REFUSALS
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


def _of_readings(token: Token, readings: Mapping[int, AccessCheck]) -> Iterator[_Refusal]:
    against = {pk: reading for pk, reading in readings.items() if takes_away(reading)}
    for entry in _entries(token).filter(account__in=against) if against else ():
        reading = against[entry.account_id]
        lost = reading.classification.verdict == Verdict.ACCESS_LOST
        yield _Refusal(entry, reading.classification if lost else REPORTS_ONLY, reading.evidence)


def _reached(listed: AccountList | None, readings: Mapping[int, AccessCheck]) -> set[str]:
    """Return the ids, at the channel, of the ad accounts that these answers show."""
    shown = {reading.account.native_id for reading in readings.values() if reading.account is not None}
    return shown | {native.native_id for native in listed.accounts} if listed else shown


def _gone(token: Token) -> set[str]:
    """Return the ad accounts in doubt that this log-in serves no more, whatever the channel says: unlinked, or behind a team's wall."""
    named = set[str]()
    for evidence in token.deaths.open(TokenDeath.Kind.ACCESS).values_list("evidence", flat=True):
        named.update(evidence[TokenDeath.AD_ACCOUNTS])
    linked = _entries(token).filter(account__native_id__in=named)
    return named - set(linked.values_list("account__native_id", flat=True))
