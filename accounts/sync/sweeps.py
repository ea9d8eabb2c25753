"""Background sweeps: checking tokens that are due, and clearing away what was left behind. PostgreSQL holds the claims."""

import logging
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet

from accounts.models import AccountToken, PendingLink
from accounts.pool import services as pool
from accounts.sync import reach
from accounts.sync import services as account_sync
from accounts.sync.services import Findings, LinkedAccount
from infra import io_steps, liveness
from infra.io_steps import Clock, Job
from tokens import lifecycle
from tokens.channels.kinds import Verdict
from tokens.checks import probe
from tokens.models import Token
from users.installation import hold
from users.models import User

logger = logging.getLogger(__name__)

AT_ONCE = 8
BATCH = AT_ONCE  # what is asked at once; others may take what would wait in line
PENDING_FOR = timedelta(minutes=15)


def check_due(*, now: datetime, limit: int = BATCH) -> int:
    """Claim tokens that are due, ask the channels about them, a few at once, and record each answer. Returns how many were claimed.

    `limit` is a number of tokens.
    """
    tokens, number = claim(Token.objects.due(now).order_by("due_at", "id"), now, limit)
    _check_all(tokens, number, now, "sweep")
    return len(tokens)


def check_these(*, token_ids: Collection[int], now: datetime, source: str) -> int:
    """Check tokens that somebody asked about, and their accounts, a few at once. Those that a worker holds are left to it."""
    wanted = Token.objects.filter(pk__in=token_ids).askable(now).order_by("id")
    tokens, number = claim(wanted, now, len(token_ids))
    _check_all(tokens, number, now, source)
    return len(tokens)


def _check_all(tokens: Iterable[Token], number: int, now: datetime, source: str) -> None:
    """Check tokens that are held by the claim of this number. What is left of it ends then, also where the worker is told to stop."""
    checks = {token.pk: check_token(token, now=now, source=source) for token in tokens}
    claimed = Token.objects.filter(pk__in=list(checks)).claimed_as(number)
    try:
        with liveness.kept(claimed.keep_claimed):
            results = io_steps.run_concurrently(checks, at_once=AT_ONCE)
        for token_id, result in results.items():
            if isinstance(result, hold.OnHold):
                claimed.filter(pk=token_id).let_go()
            elif isinstance(
                result, Exception
            ):  # one bad row must never stop the others, nor come first at every sweep
                logger.error("checking token %s failed", token_id, exc_info=result)
                lifecycle.postpone(token_id=token_id, claim=number, now=now)
    except BaseException:
        with suppress(DatabaseError):
            claimed.let_go()
        raise


def claim(wanted: QuerySet[Token], now: datetime, limit: int) -> tuple[list[Token], int]:
    """Take the right to ask about so many of these tokens, and return them with the claim's number. `limit` is a number of tokens."""
    with transaction.atomic():
        free = wanted.select_for_update(skip_locked=True, no_key=True, of=("self",))
        ids = list(free.values_list("pk", flat=True)[:limit])
        number = Token.objects.filter(pk__in=ids).claim(now)
    return list(reach.with_reading(Token.objects.filter(pk__in=ids).select_related("app"))), number


def check_token(
    token: Token,
    *,
    now: datetime,
    source: str,
    accounts: Sequence[LinkedAccount] | None = None,
    by_list: bool | None = None,
    renew: bool = False,
    actor: User | None = None,
) -> Job[lifecycle.TransitionOutcome]:
    """Find out how a claimed token stands, and where it works, how its ad accounts do; write both.

    `accounts`: those of `accounts_of`, and `by_list`: whether `reach.to_be_listed` names it, where that was read a moment ago.
    """
    clock = Clock(now)
    outcome = yield from probe.job(token, now=now, source=source, renew=renew, actor=actor)
    if outcome.stale or outcome.verdict != Verdict.OK or outcome.token is None:
        return outcome
    token = outcome.token
    if accounts is None:
        accounts = accounts_of([token.pk]).get(token.pk, ())
    if accounts:
        asked_at = clock.read()
        if by_list is None:
            by_list = bool(reach.to_be_listed([token], now))
        found: Findings = yield partial(
            account_sync.read_accounts, token, accounts, told=outcome.told, by_list=by_list
        )
        answered_at = clock.read()
        account_sync.record_readings(
            token, found, now=now, source=source, asked_at=asked_at, answered_at=answered_at
        )
        if found.not_asked:
            opens = token.due_once_open(now, token.closed_for())
            lifecycle.have_accounts_read(token_id=token.pk, at=opens)
    return outcome


def accounts_of(token_ids: Collection[int]) -> dict[int, list[LinkedAccount]]:
    """Return by token the ad accounts that are linked with it. Tokens without one are left out."""
    found: dict[int, list[LinkedAccount]] = {}
    lost = ~Q(access=AccountToken.Access.OK) | ~Q(doubt="") | ~Q(account__restriction="")
    entries = AccountToken.objects.filter(token__in=token_ids).order_by("id").annotate(is_lost=lost)
    columns = ("token_id", "account_id", "account__native_id", "is_lost")
    for token_id, *told in entries.values_list(*columns):
        found.setdefault(token_id, []).append(LinkedAccount(*told))
    return found


def check_now(token: Token, *, now: datetime, source: str = "staff") -> lifecycle.TransitionOutcome:
    """Check one token and its accounts at once, as staff asked. One that is being checked already is waited for."""
    claimed = probe.claim(token.pk, now)
    if not claimed:
        return probe.probe(token.pk, now=now, source=source)
    fresh = Token.objects.select_related("app").get(pk=token.pk)
    return probe.run_claimed(token.pk, claimed, check_token(fresh, now=now, source=source))


def sweep_pending_links(*, now: datetime) -> int:
    """Forget consents that nobody finished choosing from; the tokens stay until they are orphans."""
    return PendingLink.objects.filter(created_at__lt=now - PENDING_FOR).delete()[0]


def nightly_check() -> list[int]:
    """Report accounts whose stored decision is not what their pool says. There must be none."""
    wrong = pool.differences()
    if wrong:
        logger.error("%s accounts differ from their pools, first: %s", len(wrong), wrong[:20])
    return wrong
