"""Background sweeps: checking tokens that are due, and clearing away what was left behind. PostgreSQL holds the claims."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction

from accounts import pairs, pool
from accounts.models import AccountToken, PendingLink
from tokens import answers, app_faults, channels, courses, lifecycle, probe
from tokens.channels.base import AccountList, ChannelError, PairReading, Verdict
from tokens.courses import Course
from tokens.models import Token
from tokens.vault import VaultError
from users.models import User

logger = logging.getLogger(__name__)

AT_ONCE = 8
BATCH = AT_ONCE  # a claim covers what is asked at once, so that it does not run out while tokens wait in line
PENDING_FOR = timedelta(minutes=15)
ORPHAN_AFTER = timedelta(hours=24)
ORPHANS = 50  # a run
READ_SINGLY = 5  # up to so many accounts are read one by one; above, one list
DOUBTED = 10  # of those that a list lacks, so many are read singly before the list is believed


@dataclass(frozen=True)
class Findings:
    """What the channel said of one token's ad accounts, read without any transaction."""

    listed: AccountList | None = None
    readings: Mapping[int, PairReading] = field(default_factory=dict)
    fault: ChannelError | None = None  # the list could not be had


def check_due(*, now: datetime, limit: int = BATCH) -> int:
    """Claim tokens that are due, ask the channels about them, a few at once, and record each answer. Returns how many were claimed."""
    answers.learn(now)
    tokens = _claim(now, limit)
    checks = {token.pk: check(token, now=now, source="sweep") for token in tokens}
    for token_id, result in courses.run_all(checks, at_once=AT_ONCE).items():
        if isinstance(
            result, Exception
        ):  # one bad row must never stop the others, nor come first at every sweep
            logger.error("checking token %s failed", token_id, exc_info=result)
            lifecycle.postpone(token_id=token_id, now=now)
    return len(tokens)


def _claim(now: datetime, limit: int) -> list[Token]:
    with transaction.atomic():
        due = Token.objects.due(now).order_by("due_at", "id").select_for_update(skip_locked=True, no_key=True)
        ids = list(due.values_list("pk", flat=True)[:limit])
        Token.objects.filter(pk__in=ids).update(claimed_until=now + probe.CLAIM)
    return list(Token.objects.filter(pk__in=ids).select_related("app"))


def check(
    token: Token, *, now: datetime, source: str, renew: bool = False, actor: User | None = None
) -> Course[lifecycle.Outcome]:
    """Find out how a claimed token stands, and where it works, how its ad accounts do; write both."""
    outcome = yield from probe.course(token, now=now, source=source, renew=renew, actor=actor)
    if outcome.stale or outcome.verdict != Verdict.OK:
        return outcome
    token = Token.objects.select_related("app").get(pk=token.pk)
    entries = AccountToken.objects.filter(token=token)
    accounts = list(entries.values_list("account_id", "account__native_id"))
    if accounts:
        found: Findings = yield partial(read_accounts, token, accounts)
        record(token, found, now=now, source=source)
    return outcome


def read_accounts(token: Token, accounts: Sequence[tuple[int, str]]) -> Findings:
    """Read a token's linked ad accounts, (id, native id) each: few one by one, many by one list.

    What a list lacks is read singly before it counts as lost: an empty list may be the channel's fault. Touches no database.
    """
    native = channels.get(token.app.channel)
    keys, credentials = token.app.keys(), token.unseal()

    def read(some: Iterable[tuple[int, str]]) -> dict[int, PairReading]:
        return {
            account_id: native.read_account(keys, credentials, native_id, scopes=token.scopes)
            for account_id, native_id in some
        }

    if len(accounts) <= READ_SINGLY:
        return Findings(readings=read(accounts))
    try:
        listed = native.list_accounts(keys, credentials, token.identity, token.scopes)
    except ChannelError as error:
        return Findings(fault=error)  # a list that failed changes nothing
    there = {one.native_id for one in listed.accounts}
    missing = [pair for pair in accounts if pair[1] not in there]
    readings = read(missing[:DOUBTED])
    # Where all that were asked about are lost indeed, the list is believed for the rest too.
    believed = all(reading.ruling.verdict == Verdict.ACCESS_LOST for reading in readings.values())
    return Findings(replace(listed, complete=listed.complete and believed), readings)


def record(token: Token, found: Findings, *, now: datetime, source: str) -> None:
    """Write what was found of a token's accounts, and what the answers say of our app."""
    asked_with: dict[str, Any] = {
        "token": token,
        "generation": token.generation,
        "now": now,
        "source": source,
    }
    if found.listed is not None:
        pairs.apply_list(listed=found.listed, **asked_with)
    for account_id, reading in found.readings.items():
        pairs.apply_reading(account_id=account_id, reading=reading, **asked_with)
    said = [(reading.ruling, reading.evidence) for reading in found.readings.values()]
    if found.fault is not None:
        said.append((found.fault.ruling, found.fault.evidence))
    faults = [ruling for ruling, _ in said if ruling.verdict == Verdict.APP_FAULT]
    if faults:
        app_faults.record(app=token.app, ruling=faults[0], call="api", now=now)
    elif found.listed is not None or any(ruling.verdict == Verdict.OK for ruling, _ in said):
        app_faults.clear(app=token.app, call="api")
    for ruling, evidence in said:
        answers.keep(token.app, ruling, evidence, token_id=token.pk, now=now)


def check_now(token: Token, *, now: datetime, source: str = "staff") -> lifecycle.Outcome:
    """Check one token and its accounts at once, as staff asked. One that is being checked already is waited for."""
    if not probe.claim(token.pk, now):
        return probe.probe(token.pk, now=now, source=source)
    answers.learn(now)
    fresh = Token.objects.select_related("app").get(pk=token.pk)
    return courses.run(check(fresh, now=now, source=source))


def sweep_pending_links(*, now: datetime) -> int:
    """Forget consents that nobody finished choosing from; the tokens stay until they are orphans."""
    return PendingLink.objects.filter(created_at__lt=now - PENDING_FOR).delete()[0]


def sweep_orphans(*, now: datetime) -> int:
    """Revoke and delete tokens that were linked to nothing within 24 hours. Returns how many were deleted."""
    orphans = Token.objects.filter(pool_entries=None, linked_at__lt=now - ORPHAN_AFTER).select_related("app")
    deleted = 0
    for token in orphans.order_by("linked_at", "id")[:ORPHANS]:
        _revoke(token)
        with transaction.atomic():
            held = Token.objects.locked().filter(pk=token.pk, pool_entries=None, generation=token.generation)
            deleted += bool(held) and bool(Token.objects.filter(pk=token.pk).delete()[0])
    return deleted


def _revoke(token: Token) -> None:
    try:
        channels.get(token.app.channel).revoke(token.app.keys(), token.unseal())
    except (ChannelError, VaultError, ValueError, channels.UnknownChannel) as error:
        logger.warning("token %s could not be revoked at the channel: %s", token.pk, error)


def nightly_check() -> list[int]:
    """Report accounts whose stored decision is not what their pool says. There must be none."""
    wrong = pool.differences()
    if wrong:
        logger.error("%s accounts differ from their pools, first: %s", len(wrong), wrong[:20])
    return wrong
