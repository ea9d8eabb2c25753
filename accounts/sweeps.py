"""Background sweeps: checking tokens that are due, and clearing away what was left behind. PostgreSQL holds the claims."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts import pairs, pool
from accounts.models import AccountToken, PendingLink
from tokens import channels, lifecycle, probe
from tokens.channels.base import AccountList, ChannelError, Identity, Inspection, PairReading, Verdict
from tokens.models import Token
from tokens.vault import VaultError

logger = logging.getLogger(__name__)

AT_ONCE = 8
BATCH = AT_ONCE  # a claim covers what is asked at once, so that it does not run out while tokens wait in line
PENDING_FOR = timedelta(minutes=15)
ORPHAN_AFTER = timedelta(hours=24)
ORPHANS = 50  # a run
READ_SINGLY = 5  # up to so many accounts are read one by one; above, one list


@dataclass(frozen=True)
class Findings:
    """What the channel said of one token and its accounts, read without any transaction."""

    token: Token
    inspection: Inspection
    listed: AccountList | None
    readings: dict[int, PairReading]


def check_due(*, now: datetime, limit: int = BATCH) -> int:
    """Claim tokens that are due, ask the channels about them, a few at once, and record each answer. Returns how many were claimed."""
    tokens = _claim(now, limit)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        jobs = [(token, threads.submit(ask, token, _accounts_of(token))) for token in tokens]
        for token, job in jobs:
            try:
                record(job.result(), now=now, source="sweep")
            except Exception:  # one bad row must never stop the others, nor come first at every sweep
                logger.exception("checking token %s failed", token.pk)
                lifecycle.postpone(token_id=token.pk, now=now)
    return len(tokens)


def _claim(now: datetime, limit: int) -> list[Token]:
    with transaction.atomic():
        due = Token.objects.due(now).order_by("due_at", "id").select_for_update(skip_locked=True, no_key=True)
        ids = list(due.values_list("pk", flat=True)[:limit])
        Token.objects.filter(pk__in=ids).update(claimed_until=now + probe.CLAIM)
    return list(Token.objects.filter(pk__in=ids).select_related("app"))


def _accounts_of(token: Token) -> list[tuple[int, str]]:
    entries = AccountToken.objects.filter(token=token)
    return list(entries.values_list("account_id", "account__native_id"))


def ask(token: Token, accounts: list[tuple[int, str]]) -> Findings:
    """Ask about the token, and where it works, about its ad accounts. Touches no database, so it may run in a thread."""
    inspection = probe.ask(token)
    if inspection.ruling.verdict != Verdict.OK or not accounts:
        return Findings(token, inspection, None, {})
    native = channels.get(token.app.channel)
    keys, credentials = token.app.keys(), token.unseal()
    scopes = inspection.scopes if inspection.scopes is not None else token.scopes
    if len(accounts) > READ_SINGLY:
        identity = Identity(token.native_user_id, token.native_user_name)
        try:
            return Findings(token, inspection, native.list_accounts(keys, credentials, identity, scopes), {})
        except ChannelError:
            return Findings(token, inspection, None, {})  # a list that failed changes nothing
    readings = {
        account_id: native.read_account(keys, credentials, native_id, scopes=scopes)
        for account_id, native_id in accounts
    }
    return Findings(token, inspection, None, readings)


def record(found: Findings, *, now: datetime, source: str) -> lifecycle.Outcome:
    """Write what was found of a token and its accounts."""
    outcome = lifecycle.record_inspection(
        token_id=found.token.pk,
        generation=found.token.generation,
        inspection=found.inspection,
        now=now,
        source=source,
    )
    if outcome.stale or outcome.verdict != Verdict.OK:
        return outcome
    asked_with: dict[str, Any] = {
        "token": found.token,
        "generation": outcome.generation,
        "now": now,
        "source": source,
    }
    if found.listed is not None:
        pairs.apply_list(listed=found.listed, **asked_with)
    for account_id, reading in found.readings.items():
        pairs.apply_reading(account_id=account_id, reading=reading, **asked_with)
    return outcome


def check_now(token: Token, *, now: datetime, source: str = "staff") -> lifecycle.Outcome:
    """Check one token and its accounts at once, as staff asked."""
    probe.claim(token.pk, now)
    fresh = Token.objects.select_related("app").get(pk=token.pk)
    return record(ask(fresh, _accounts_of(fresh)), now=now, source=source)


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
