"""Checking tokens that are due, or that somebody asks about: a few, or a channel's for one turn. PostgreSQL holds the claims."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import AccountToken, PendingLink
from accounts.pool import services as pool
from accounts.sync import reach
from accounts.sync import services as account_sync
from accounts.sync.services import Findings, LinkedAccount
from infra import io_steps, liveness
from infra.io_steps import Clock, Job
from tokens import lifecycle
from tokens.channels import brake, registry
from tokens.channels.kinds import Verdict
from tokens.checks import services as probe
from tokens.models import ChannelApp, Token
from tokens.token.queries import Claimed
from users.installation import hold

logger = logging.getLogger(__name__)

AT_ONCE = 8
BATCH = AT_ONCE  # what is asked at once; others may take what would wait in line
PENDING_FOR = timedelta(minutes=15)
RUN_FOR = timedelta(
    seconds=40
)  # then nothing more is begun; what is under way ends within the patience of its calls
SWEPT_AT_ONCE = 64  # tokens
FEWEST = 4  # tokens of one app at once, however many apps a channel has

_swept: set[str] = set()  # the channels that this process is at
_lock = threading.Lock()


def check_due_tokens(*, now: datetime, limit: int = BATCH) -> int:
    """Claim tokens that are due, ask the channels about them, a few at once, and record each answer. Returns how many were claimed.

    `limit` is a number of tokens.
    """
    tokens, number = claim_tokens(Token.objects.due(now).order_by("due_at", "id"), now, limit)
    _check_all(tokens, number, now, "sweep")
    return len(tokens)


def check_these_tokens(*, token_ids: Collection[int], now: datetime, source: str) -> int:
    """Check tokens that somebody asked about, and their accounts, a few at once. Those that a worker holds are left to it."""
    wanted = Token.objects.filter(pk__in=token_ids).askable(now).order_by("id")
    tokens, number = claim_tokens(wanted, now, len(token_ids))
    _check_all(tokens, number, now, source)
    return len(tokens)


def _check_all(tokens: Collection[Token], number: int, now: datetime, source: str) -> None:
    """Check tokens that are held by the claim of this number. What is left of it ends then, also where the worker is told to stop."""
    checks = checks_of(tokens, now=now, source=source)
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


def claim_tokens(wanted: QuerySet[Token], now: datetime, limit: int) -> tuple[list[Token], int]:
    """Take the right to ask about so many of these tokens, and return them with the claim's number. `limit` is a number of tokens."""
    with transaction.atomic():
        free = wanted.select_for_update(skip_locked=True, no_key=True, of=("self",))
        ids = list(free.values_list("pk", flat=True)[:limit])
        number = Token.objects.filter(pk__in=ids).claim(now)
    return list(Token.objects.filter(pk__in=ids).select_related("app")), number


def check_token(
    token: Token,
    *,
    now: datetime,
    source: str,
    accounts: Sequence[LinkedAccount],
    by_list: bool,
) -> Job[lifecycle.TransitionOutcome]:
    """Find out how a claimed token stands, and where it works, how its ad accounts do; write both. `checks_of` begins it for several."""
    clock = Clock(now)
    outcome = yield from probe.check_job(token, now=now, source=source)
    if outcome.stale or outcome.verdict != Verdict.OK or outcome.token is None:
        return outcome
    token = outcome.token
    if accounts:
        asked_at = clock.read()
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


def checks_of(
    tokens: Collection[Token], *, now: datetime, source: str
) -> dict[int, Job[lifecycle.TransitionOutcome]]:
    """Return by id the checks of claimed tokens: of these ad accounts, and by list where the last one is old."""
    accounts, old = linked_accounts([token.pk for token in tokens]), reach.tokens_to_list(tokens, now)
    return {
        token.pk: check_token(
            token,
            now=now,
            source=source,
            accounts=accounts.get(token.pk, ()),
            by_list=token.pk in old,
        )
        for token in tokens
    }


def linked_accounts(token_ids: Collection[int]) -> dict[int, list[LinkedAccount]]:
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
    claimed = probe.claim_token(token.pk, now)
    if not claimed:
        return probe.probe_token(token.pk, now=now, source=source)
    fresh = Token.objects.select_related("app").get(pk=token.pk)
    return probe.run_claimed(token.pk, claimed, checks_of([fresh], now=now, source=source)[token.pk])


def sweep_pending_links(*, now: datetime) -> int:
    """Forget consents that nobody finished choosing from; the tokens stay until they are orphans."""
    return PendingLink.objects.filter(created_at__lt=now - PENDING_FOR).delete()[0]


def nightly_check() -> list[int]:
    """Report accounts whose stored decision is not what their pool says. There must be none."""
    wrong = pool.differences()
    if wrong:
        logger.error("%s accounts differ from their pools, first: %s", len(wrong), wrong[:20])
    return wrong


def channels_waiting(now: datetime) -> list[str]:
    """Return the channels that have tokens which are due."""
    if not Token.objects.due(now).exists():
        return []
    apps = ChannelApp.objects.values_list("pk", "channel")
    return sorted({channel for pk, channel in apps if Token.objects.due(now).filter(app=pk).exists()})


def run_sweep(
    *,
    channel: str,
    clock: Callable[[], datetime] = timezone.now,
    goes_on: Callable[[], bool] = lambda: True,
) -> int | None:
    """Check the channel's due tokens side by side for one turn, each of its apps with a share. Returns how many were begun.

    One runs at a time in a process, so that a slow channel holds one thread of it and no other waits; None where this process is at it.
    `goes_on` is asked before more are begun: a worker that is to stop takes none.
    """
    with _lock:
        if channel in _swept:
            return None
        _swept.add(channel)
    turn = _Turn(channel, clock, goes_on)
    try:
        with liveness.kept(turn.keep_claimed):
            io_steps.run_stream(turn.take, at_once=SWEPT_AT_ONCE, ended=turn.ended)
    except BaseException:
        with suppress(DatabaseError):
            Token.objects.under_way(turn.under_way).let_go()
        raise
    finally:
        _swept.discard(channel)
    return turn.begun


@dataclass
class _Turn:
    """What one turn has begun, and what it may begin next."""

    channel: str
    clock: Callable[[], datetime]
    goes_on: Callable[[], bool]
    begun: int = 0
    under_way: dict[int, Claimed] = field(default_factory=dict)  # by token id
    began_of: Counter[int] = field(default_factory=Counter)  # app id -> checks begun
    ends_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.ends_at = self.clock() + RUN_FOR

    def take(self, room: int) -> Mapping[int, Job[lifecycle.TransitionOutcome]] | None:
        """Claim up to `room` tokens, of each app as many as it may have; None: the turn is over."""
        now = self.clock()
        if now >= self.ends_at or not self.goes_on() or hold.current() is not None:
            return None
        found: dict[int, Job[lifecycle.TransitionOutcome]] = {}
        apps = list(ChannelApp.objects.filter(channel=self.channel))
        for app in apps:
            most = min(room - len(found), self._room_of(app, len(apps)))
            tokens, claim = self._claimed(app, now, most)
            found |= checks_of(tokens, now=now, source="sweep") if tokens else {}
            self.under_way |= {token.pk: Claimed(app.pk, claim) for token in tokens}
        self.begun += len(found)
        return found or None

    def keep_claimed(self, now: datetime) -> None:
        """Renew the claims of what is under way."""
        Token.objects.under_way(dict(self.under_way)).keep_claimed(now)

    def _claimed(self, app: ChannelApp, now: datetime, most: int) -> tuple[list[Token], int]:
        """Claim what an app may have, and return it with the claim's number. What became due again while it is under way comes after it."""
        due = Token.objects.due(now).filter(app=app).exclude(pk__in=self.under_way).order_by("due_at", "id")
        if most > 0 and brake.slows_checks(app.call_name, budget=app.daily_budget):
            # What may begin is counted for all processes, so no more is asked for than there is.
            most = brake.begin_checks(app.call_name, due[:most].count(), budget=app.daily_budget)
        pace = registry.get(self.channel).calls_a_second
        if most > 0 and pace is not None:
            most = brake.keep_pace(app.call_name, due[:most].count(), calls_a_second=pace)
        if most <= 0:
            return [], 0
        tokens, claim = claim_tokens(due, now, most)
        self.began_of[app.pk] += len(tokens)
        return tokens, claim

    def _room_of(self, app: ChannelApp, apps: int) -> int:
        """Return how many more tokens of an app may be checked: by its share and its breaker."""
        under_way = sum(held.app_id == app.pk for held in self.under_way.values())
        at_once = max(FEWEST, SWEPT_AT_ONCE // apps) - under_way
        state = brake.read(app.call_name).state
        if state == "open":
            return 0
        if state == "half-open":
            return min(1, at_once) if not self.began_of[app.pk] else 0
        return at_once

    def ended(self, token_id: int, result: lifecycle.TransitionOutcome | Exception) -> None:
        """Take a check's end: one that failed must never stop the others, nor come first at every sweep."""
        claim = self.under_way.pop(token_id).claim
        if isinstance(result, hold.OnHold):
            Token.objects.filter(pk=token_id).claimed_as(claim).let_go()
        elif isinstance(result, Exception):
            logger.error("checking token %s failed", token_id, exc_info=result)
            lifecycle.postpone(token_id=token_id, claim=claim, now=self.clock())
