"""The sweep of one channel: its due tokens are checked side by side for the time of one turn, each of its apps with a share.

One runs at a time in a process, so that a slow channel holds one thread of it and no other channel waits. More processes check more.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.utils import timezone

from accounts.sync import reach, sweeps
from infra import io_steps, liveness
from infra.io_steps import Job
from tokens import lifecycle
from tokens.channels import brake, breaker, gate, registry
from tokens.models import ChannelApp, Token
from tokens.token.queries import Claimed
from users.installation import hold

logger = logging.getLogger(__name__)

RUN_FOR = timedelta(
    seconds=40
)  # then nothing more is begun; what is under way ends within the patience of its calls
AT_ONCE = 64  # tokens
FEWEST = 4  # tokens of one app at once, however many apps a channel has

_swept: set[str] = set()  # the channels that this process is at
_lock = threading.Lock()


def waiting(now: datetime) -> list[str]:
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
    """Check the channel's due tokens for one turn. Returns how many were begun; None where this process is at it already.

    `goes_on` is asked before more are begun: a worker that is to stop takes none.
    """
    with _lock:
        if channel in _swept:
            return None
        _swept.add(channel)
    turn = _Turn(channel, clock, goes_on)
    try:
        with liveness.kept(turn.keep_claimed):
            io_steps.run_stream(turn.take, at_once=AT_ONCE, ended=turn.ended)
    except BaseException:
        with suppress(DatabaseError):
            Token.objects.under_way(turn.under_way).let_go()
        raise
    finally:
        _swept.discard(channel)
    return turn.begun


def _name(app: ChannelApp) -> str:
    return gate.name_of(app.channel, app.client_id)


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
            accounts = sweeps.accounts_of([token.pk for token in tokens]) if tokens else {}
            old = reach.to_be_listed(tokens, now)
            for token in tokens:
                found[token.pk] = sweeps.check_token(
                    token,
                    now=now,
                    source="sweep",
                    accounts=accounts.get(token.pk, ()),
                    by_list=token.pk in old,
                )
                self.under_way[token.pk] = Claimed(app.pk, claim)
        self.begun += len(found)
        return found or None

    def keep_claimed(self, now: datetime) -> None:
        """Renew the claims of what is under way."""
        Token.objects.under_way(dict(self.under_way)).keep_claimed(now)

    def _claimed(self, app: ChannelApp, now: datetime, most: int) -> tuple[list[Token], int]:
        """Claim what an app may have, and return it with the claim's number. What became due again while it is under way comes after it."""
        due = Token.objects.due(now).filter(app=app).exclude(pk__in=self.under_way).order_by("due_at", "id")
        if most > 0 and brake.slows_checks(_name(app), budget=app.daily_budget):
            # What may begin is counted for all processes, so no more is asked for than there is.
            most = brake.begin_checks(_name(app), due[:most].count(), budget=app.daily_budget)
        pace = registry.get(self.channel).calls_a_second
        if most > 0 and pace is not None:
            most = brake.keep_pace(_name(app), due[:most].count(), calls_a_second=pace)
        if most <= 0:
            return [], 0
        tokens, claim = sweeps.claim(due, now, most)
        self.began_of[app.pk] += len(tokens)
        return tokens, claim

    def _room_of(self, app: ChannelApp, apps: int) -> int:
        """Return how many more tokens of an app may be checked: by its share and its breaker."""
        under_way = sum(held.app_id == app.pk for held in self.under_way.values())
        at_once = max(FEWEST, AT_ONCE // apps) - under_way
        state = breaker.read(gate.name_of(app.channel, app.client_id)).state
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
