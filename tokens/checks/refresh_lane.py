"""The refresh lane of a worker: makes the refreshes that others ask for, and those that are due.

PostgreSQL alone tells it what to do. That it is to look is told by Valkey, and while that is away it looks every second. Each refresh is a
thread's own, so that none waits for the answer of another. Told to stop, it takes nothing new and ends when the last answer is stored.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.db import DatabaseError, connection, transaction
from redis.exceptions import RedisError

from infra import database_clock, io_steps, liveness, spans
from tokens import lifecycle
from tokens.channels import brake, gate, shared
from tokens.channels.kinds import Verdict
from tokens.checks import services as probe
from tokens.models import ChannelApp, Token
from tokens.token.queries import Claimed, TokenQuerySet
from users.installation import hold
from users.models import User

logger = logging.getLogger(__name__)

CONNECTIONS = 24  # to PostgreSQL, that refreshes share: each holds one only while it reads or writes
FOR_EACH = 8  # refreshes under way for each of them
AT_ONCE = CONNECTIONS * FOR_EACH  # refreshes
SHARE = 3  # one in so many of them may be of one app, so that a slow channel leaves room for the others
LOOK_EVERY = 10.0  # seconds
UNTOLD_LOOK_EVERY = 1.0  # seconds, while Valkey does not tell of wishes: a job may wait for what is found
BREATH = 0.05  # seconds between two looks, in which several refreshes end whose places are filled together
SEARCH_EVERY = 2.0  # seconds at least; for what is due, and what was left by a process that died


@dataclass
class RefreshLane:
    """One process's refreshes. `turns` is called at each look; `checked` with a token whose ad accounts are to be read now."""

    at_once: int = AT_ONCE
    turns: Callable[[], None] = lambda: None
    checked: Callable[[int], None] = lambda token_id: None
    _running: dict[int, Claimed] = field(default_factory=dict)  # by token id
    _stopping: bool = False
    _wake: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _next_search: float = 0.0
    _is_told: bool = False  # Valkey tells of wishes
    _more_due: bool = False  # more may be due than there was room for
    _silent: list[int] = field(default_factory=list)  # apps that do not answer: their refreshes stay due

    def stop(self) -> None:
        """Take nothing new. `run` returns once the refreshes that were sent are answered and stored."""
        self._stopping = True
        self._wake.set()

    def run(self) -> None:
        """Work until told to stop."""
        liveness.watch()
        threading.Thread(target=self._listen, name="wishes", daemon=True).start()
        with (
            liveness.kept(self.keep_claimed),
            ThreadPoolExecutor(self.at_once, thread_name_prefix="refresh") as threads,
        ):
            while self._running or not self._stopping:
                try:
                    self._look(threads)
                except DatabaseError as error:
                    logger.warning("the database does not answer: %s", type(error).__name__)
                    time.sleep(1)
                finally:
                    connection.close()
                time.sleep(BREATH)
                self._wake.wait(LOOK_EVERY if self._is_told else UNTOLD_LOOK_EVERY)
                if not self._stopping:
                    self._wake.clear()
                elif self._running:
                    time.sleep(UNTOLD_LOOK_EVERY)

    def _listen(self) -> None:
        """Look at once when somebody wishes for a refresh."""
        while not self._stopping:
            try:
                for told in shared.listen(lifecycle.WISHED, seconds=LOOK_EVERY):
                    self._is_told = True
                    if told:
                        self._wake.set()
            except (RedisError, OSError):
                self._is_told = False
                time.sleep(UNTOLD_LOOK_EVERY)

    def keep_claimed(self, now: datetime) -> None:
        """Renew the claims of the refreshes under way."""
        Token.objects.under_way(dict(self._running)).keep_claimed(now)

    def _look(self, threads: ThreadPoolExecutor) -> None:
        self.turns()
        now, clock = database_clock.now(), time.monotonic()
        if self._stopping or hold.current() is not None:
            return
        searches = clock >= self._next_search
        if searches:
            self._next_search = clock + SEARCH_EVERY
            if not Token.objects.has_refreshes(now):
                return
            self._silent = _silent_apps()
            if liveness.may_take_over():
                self._find_lost(now)
        self._take(Token.objects.refresh_wanted(now).order_by("refresh_wanted_at"), threads, now)
        if searches or self._more_due:
            self._more_due = self._take(Token.objects.due_for_refresh(now).order_by("due_at"), threads, now)

    def _find_lost(self, now: datetime) -> None:
        """Note which refreshes were left without an answer by processes that are gone."""
        for token_id in Token.objects.left_in_refresh(now).values_list("pk", flat=True)[: self.at_once]:
            if token_id not in self._running:
                lifecycle.note_lost_answer(token_id=token_id, now=now)

    def _take(self, wanted: TokenQuerySet, threads: ThreadPoolExecutor, now: datetime) -> bool:
        """Claim what there is room for and start it. Return whether more may be there."""
        with self._lock:
            running = dict(self._running)
        room, share = self.at_once - len(running), max(1, self.at_once // SHARE)
        per_app = Counter(held.app_id for held in running.values())
        full = [app for app, count in per_app.items() if count >= share]
        if room <= 0:
            return True
        with transaction.atomic():
            rows = wanted.exclude(pk__in=running).exclude(app_id__in=[*self._silent, *full])
            free = rows.select_for_update(skip_locked=True, no_key=True, of=("self",))
            waiting = list(free.values_list("pk", "app_id")[:room])
            found: dict[int, int] = {}
            for token_id, app_id in waiting:
                if per_app[app_id] < share:
                    per_app[app_id] += 1
                    found[token_id] = app_id
            claim = Token.objects.filter(pk__in=list(found)).claim(now)
        for token in Token.objects.filter(pk__in=list(found)).select_related("app") if found else ():
            with self._lock:
                self._running[token.pk] = Claimed(token.app_id, claim)
            threads.submit(self._make, token, claim).add_done_callback(partial(self._made, token.pk))
        return bool(full) or len(waiting) == room or len(found) < len(waiting)

    def _made(self, token_id: int, _done: Future[Any]) -> None:
        with self._lock:
            self._running.pop(token_id, None)
        self._wake.set()

    def _make(self, token: Token, claim: int) -> None:
        """Run one token's job, and end whatever becomes of it: one that fails must not stop the others, nor come again at once.

        `token` as it was read under the claim, with its app.
        """
        ended = False
        try:
            facts: spans.Facts = {"adtoken.token_id": token.pk, "adtoken.channel": token.app.channel}
            with probe.refreshes_made_here(), spans.span("refresh", kind="consumer", facts=facts):
                ended = self._check(token)
        except hold.OnHold:
            logger.info("token %s is not refreshed: this installation is on hold", token.pk)
        except Exception:
            logger.exception("refreshing token %s failed", token.pk)
            io_steps.stored(
                partial(lifecycle.postpone, token_id=token.pk, claim=claim, now=database_clock.now())
            )
        finally:
            if not ended:
                io_steps.stored(partial(lifecycle.end_refresh, token=token, claim=claim))
            connection.close()

    def _check(self, token: Token) -> bool:
        """Run the job. Return whether what it wrote ended the claim and the wish as well."""
        now, wish, wanted_at = database_clock.now(), token.refresh_wanted, token.refresh_wanted_at
        source = wish.get("source", "sweep")
        actor = User.objects.filter(pk=wish["actor"]).first() if wish.get("actor") else None
        # A wish that a process left behind which had fulfilled it is not fulfilled twice.
        fulfilled = bool(wanted_at and token.renewed_at and token.renewed_at >= wanted_at)
        renew = bool(wish.get("renew")) and not fulfilled
        goes_on = source in probe.CHECKS
        job = probe.check_job(token, now=now, source=source, renew=renew, actor=actor, read_accounts=goes_on)
        outcome = io_steps.run(job, before_call=connection.close)
        written = outcome.token
        if goes_on and outcome.verdict == Verdict.OK and not outcome.stale:
            if written is None or written.due_for != Token.DueFor.ACCOUNTS:
                lifecycle.have_accounts_read(token_id=token.pk, at=now)
            if source != "sweep":
                self.checked(token.pk)
        if written is None or outcome.stale:
            return False
        return written.claimed_until is None and written.refresh_wanted_at is None


def _silent_apps() -> list[int]:
    """Return the apps whose channel does not answer now: a refresh would only be told that it is not asked."""
    apps = ChannelApp.objects.values_list("pk", "channel", "client_id")
    return [pk for pk, channel, client_id in apps if brake.would_refuse(gate.name_of(channel, client_id))]
