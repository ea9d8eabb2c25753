"""The sweep of one channel: its due tokens are checked side by side for the time of one turn, each of its apps with a share.

One runs at a time in a worker process, so that a slow channel holds one thread of it and no other channel waits. More processes check more.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import DatabaseError, connection
from django.utils import timezone

from accounts import reach, sweeps
from accounts.models import ChannelSweep
from tokens import io_steps, lifecycle
from tokens.channels import brake, gate, registry
from tokens.io_steps import Job
from tokens.models import ChannelApp, Token
from tokens.token_model import Claimed
from users import hold, liveness

logger = logging.getLogger(__name__)

RUN_FOR = timedelta(
    seconds=40
)  # then nothing more is begun; what is under way ends within the patience of its calls
AT_ONCE = 64  # tokens
FEWEST = 4  # tokens of one app at once, however many apps a channel has
WORKERS = 16  # processes that are asked to sweep one channel at once, at most
WORTH_ANOTHER = 200  # due tokens that are worth one more of them
HELD_FOR = timedelta(seconds=90)  # a claim is made longer with every turn of the sweep

_CLAIM = """
insert into accounts_channelsweep (channel, worker, began_at, held_until, checked)
values (%(channel)s, %(worker)s, %(now)s, %(until)s, 0)
on conflict (channel, worker) do update set began_at = excluded.began_at, held_until = excluded.held_until, checked = 0
where accounts_channelsweep.held_until < %(now)s
"""


def waiting(now: datetime) -> dict[str, int]:
    """Return channel -> how many of its tokens are due, counted as far as that decides anything; channels without one are left out."""
    found: Counter[str] = Counter()
    if not Token.objects.due(now).exists():
        return found
    for app_id, channel in ChannelApp.objects.values_list("pk", "channel"):
        due = Token.objects.due(now).filter(app=app_id)
        found[channel] += due[: WORKERS * WORTH_ANOTHER].count()
    return +found


def run(
    *,
    channel: str,
    worker: str,
    clock: Callable[[], datetime] = timezone.now,
    goes_on: Callable[[], bool] = lambda: True,
) -> int | None:
    """Check the channel's due tokens for one turn. Returns how many were begun; None where this worker process is at it already.

    `goes_on` is asked before more are begun: a worker that is to stop takes none.
    """
    if not _claim(channel, worker, clock()):
        return None
    turn = _Turn(channel, worker, clock, goes_on)
    try:
        with liveness.kept(turn.keep_claimed):
            io_steps.run_stream(turn.take, at_once=AT_ONCE, ended=turn.ended)
    except BaseException:
        with suppress(DatabaseError):
            Token.objects.under_way(turn.under_way).let_go()
        raise
    finally:
        with suppress(DatabaseError):
            ChannelSweep.objects.filter(channel=channel, worker=worker).update(
                held_until=clock(), checked=turn.begun
            )
    return turn.begun


def _name(app: ChannelApp) -> str:
    return gate.name_of(app.channel, app.client_id)


def _claim(channel: str, worker: str, now: datetime) -> bool:
    """Take the channel for this worker process. Return whether it was free."""
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM, {"channel": channel, "worker": worker[:200], "now": now, "until": now + HELD_FOR}
        )
        return bool(cursor.rowcount)


@dataclass
class _Turn:
    """What one turn has begun, and what it may begin next."""

    channel: str
    worker: str
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
        ChannelSweep.objects.filter(channel=self.channel, worker=self.worker).update(
            held_until=now + HELD_FOR
        )
        found: dict[int, Job[lifecycle.TransitionOutcome]] = {}
        apps = list(ChannelApp.objects.filter(channel=self.channel))
        for app in apps:
            most = min(room - len(found), self._room_of(app, len(apps)))
            tokens, claim = self._claimed(app, now, most)
            accounts = sweeps.accounts_of([token.pk for token in tokens]) if tokens else {}
            old = reach.to_be_listed(tokens, now)
            for token in tokens:
                found[token.pk] = sweeps.check(
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
        channel = registry.CHANNELS.get(self.channel)
        if most > 0 and channel is not None and channel.calls_a_second is not None:
            waits = due[:most].count()
            most = brake.keep_pace(_name(app), waits, calls_a_second=channel.calls_a_second)
        if most <= 0:
            return [], 0
        tokens, claim = sweeps.claim(due, now, most)
        self.began_of[app.pk] += len(tokens)
        return tokens, claim

    def _room_of(self, app: ChannelApp, apps: int) -> int:
        """Return how many more tokens of an app may be checked: by its share and its breaker."""
        under_way = sum(held.app_id == app.pk for held in self.under_way.values())
        at_once = max(FEWEST, AT_ONCE // apps) - under_way
        state = gate.readings(app.channel, app.client_id)[0].state
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


def prune(*, now: datetime) -> int:
    """Forget the claims of worker processes that are gone. Returns how many."""
    return ChannelSweep.objects.filter(held_until__lt=now - timedelta(days=1)).delete()[0]
