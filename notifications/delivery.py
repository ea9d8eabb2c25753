"""Delivery of the outbox: claim in a short transaction, build and send outside any, record by compare-and-set.

Several mails are on their way at once, each on a connection of its own (`connections`); all that touches the database happens in one
thread. No recipient has two on their way, so mails reach a person in their order.

At least once: a sender that is killed between hand-over and record leaves claims that run out, and those mails go out again with the same
Message-ID. Nothing is lost by that; the recipient's server may show them twice.
"""

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import Error, close_old_connections, transaction
from django.db import connection as database
from django.utils import timezone

from notifications import claims, digests, gathering, kept_back, kinds, preparing, refusals
from notifications.connections import CUT_AFTER, Answer, Connections, Outcome
from notifications.models import Message
from ui import kept
from users import hold, languages, liveness, refused_addresses, storing
from users.recipients import operators

logger = logging.getLogger(__name__)

BACK_OFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
AWAY = BACK_OFF[:3]  # where nothing is taken one mail asks for all, so that they leave soon after it is back
RUN_FOR = timedelta(seconds=50)  # then other work of the lane has its turn
LOOKS_EVERY = 1.0  # seconds between two looks for new messages, while some are on their way
STOP_WITHIN = 30.0  # seconds for which a worker that is to stop waits for a mail on its way


@dataclass
class Tally:
    """What one run did."""

    sent: int = 0
    failed: int = 0
    retried: int = 0
    cancelled: int = 0
    held_back: int = 0  # for a digest
    overtaken: int = 0  # a later claim had the row when the result came
    more: bool = False  # its time was over while there was more to do

    def count(self, what: str, *, done: bool) -> None:
        """Count one message, which was overtaken where its result could not be recorded."""
        name = what if done else "overtaken"
        setattr(self, name, getattr(self, name) + 1)

    def words(self) -> str:
        """Return the counts in one line of the log, "" where nothing was done."""
        counts = {name: count for name, count in vars(self).items() if name != "more" and count}
        return ", ".join(f"{count} {name}" for name, count in counts.items())


def deliver(
    *,
    limit: int | None = None,
    clock: Callable[[], datetime] = timezone.now,
    goes_on: Callable[[], bool] = lambda: True,
) -> Tally:
    """Send what is due, until nothing is, `limit` (a number of messages) is reached or the time of a run is over. Return what happened.

    `goes_on` is asked before each message: a worker that is to stop takes no more. While this installation is on hold nothing is sent.

    A mail server that cannot be reached ends the run; a message that fails does not. Raises RuntimeError inside a transaction.
    """
    if database.in_atomic_block:
        raise RuntimeError("Mail is sent outside any transaction.")
    tally = Tally()
    if hold.current() is not None:
        return tally
    started = clock()
    tally.failed += claims.fail_poison_messages(now=started)

    with Connections[int](settings.MAIL_CONNECTIONS) as server:
        run = _Run(server, clock, goes_on, tally, limit, started)
        with liveness.kept(run.keep):
            run.go()
    return tally


@dataclass
class _Held:
    """A message that was claimed, and its mail once that is made."""

    message: Message
    kept: claims.Sent | None = None
    email: EmailMessage | None = None
    under_way: bool = False
    turned_away: bool = False

    @property
    def domain(self) -> str:
        return self.message.recipient.rpartition("@")[2]


@dataclass
class _Run:
    """One run. All that is claimed is `held` until its end is recorded."""

    server: Connections[int]
    clock: Callable[[], datetime]
    lives_on: Callable[[], bool]
    tally: Tally
    left: int | None  # messages that it may still claim
    started: datetime
    held: dict[int, _Held] = field(default_factory=dict)
    made: Counter[str] = field(default_factory=Counter)  # mails of this run, by recipient
    nothing_at: float = float("-inf")  # monotonic seconds, when a claim found nothing more
    failure: Exception | None = None
    ends: bool = False

    def keep(self, now: datetime) -> None:
        """Renew the claims on all that is held. Called in the thread of `liveness`."""
        if held := list(self.held.values()):
            claims.keep([one.message for one in held], now)

    def go(self) -> None:
        """Send until there is no more. Where something of our own fails, what is on its way is recorded before that is raised."""
        while (did := self._guarded(self._advance)) or self.server.busy:
            for answer in self.server.answers(seconds=0 if did else LOOKS_EVERY):
                self._guarded(partial(self._record, answer))
            self.server.cut(after=CUT_AFTER if self.lives_on() else STOP_WITHIN)
        if self.held:
            self._guarded(lambda: claims.give_back([one.message for one in self.held.values()]))
        if self.failure:
            raise self.failure

    def _guarded(self, step: Callable[[], object]) -> bool:
        try:
            return bool(step())
        except Exception as error:  # noqa: BLE001  # raised once what is on its way is recorded
            if isinstance(error, Error):
                close_old_connections()  # one that broke would fail whatever comes next
            self.failure, self.ends = self.failure or error, True
            return False

    def _advance(self) -> bool:
        """Hand a mail over, or claim some. Return whether anything was done."""
        if self.ends or not self._may_go_on():
            return False
        if self.server.allowed > self.server.busy and (one := self._next()) is not None:
            if one.email is not None or self._make(one):
                self._hand_over(one)
            return True
        return self._claim()

    def _may_go_on(self) -> bool:
        if not self.lives_on() or hold.current() is not None:
            return False
        if self.clock() - self.started < RUN_FOR or self.server.slow:
            return True  # beside one that hangs, others go on
        self.tally.more = self.ends = True
        return False

    def _next(self) -> _Held | None:
        """Return the first message that may leave now."""
        busy = {one.message.recipient for one in self.held.values() if one.under_way}
        full = self.server.full_domains()
        for one in self.held.values():
            if not one.under_way and one.message.recipient not in busy and one.domain not in full:
                return one
        return None

    def _hand_over(self, one: _Held) -> None:
        assert one.email is not None
        one.under_way = True
        self.server.hand_over(one.message.pk, one.email, domain=one.domain)

    def _claim(self) -> bool:
        """Claim some more, so that none of the connections waits for the next. Return whether there were any."""
        room = self.server.allowed
        most = min(2 * room - len(self.held), room)
        if self.left is not None:
            most = min(most, self.left)
        just_looked = self.server.busy and time.monotonic() - self.nothing_at < LOOKS_EVERY
        if most <= 0 or just_looked or any(map(_is_suspect, self.held.values())):
            return False
        now = self.clock()
        found = claims.claim(
            now=now,
            most=most,
            but_to={one.message.recipient for one in self.held.values()},
            but_at=self.server.full_domains(),
        )
        if len(found) < most:
            self.nothing_at = time.monotonic()
        if not found and not self.held:
            found = claims.claim(now=now, most=1, suspects=True)
        if self.left is not None:
            self.left -= len(found)
        self.held |= {message.pk: _Held(message) for message in found}
        return bool(found)

    def _make(self, one: _Held) -> bool:
        """Make the mail, or record why there is none. Return whether there is one."""
        message, pk = one.message, one.message.pk
        try:
            kind = kinds.KINDS[message.kind]
        except KeyError:
            reason = kept.keep(claims.WORDS, "no_builder", kind=message.kind)
            self._ended(pk, "failed", partial(claims.record_failed, message, reason))
            return False
        if _is_parked(message, kind) and self._fail_parked(pk):
            return False
        became = gathering.gather(message, kind, now=self.clock())
        if became and became != gathering.JOINED:
            self._ended(pk, became, lambda: True)
            return False
        if self._goes_beyond(message, kind):
            self._ended(pk, "held_back", partial(digests.hold, message, now=self.clock()))
            return False
        try:
            with languages.spoken(getattr(message, "reader_language", "")):
                mail = preparing.fit(kind.build(message))
                one.kept, one.email = preparing.as_kept(mail), preparing.as_email(message, mail)
        except kinds.NotWanted as answer:
            self._ended(pk, "cancelled", partial(claims.record_cancelled, message, answer.kept))
            return False
        except Exception as error:  # one bad message never stops the run
            logger.exception("Message %s of kind %s could not be built", message.pk, message.kind)
            self._retry(pk, kept.keep(claims.WORDS, "not_made", error=type(error).__name__))
            return False
        self.made[message.recipient] += 1
        return True

    def _fail_parked(self, pk: int) -> bool:
        """Record that a message is not sent. Return False where its reader's address was released since it was claimed: nobody would be
        told in their place.
        """
        message = self.held[pk].message
        with transaction.atomic():
            if not refused_addresses.stays_parked(message.recipient):
                return False
            reason = kept.keep(claims.WORDS, "parked")
            self._ended(pk, "failed", partial(claims.record_failed, message, reason))
        return True

    def _goes_beyond(self, message: Message, kind: kinds.Kind) -> bool:
        """Return whether its reader has had as many mails as a day may bring, those of this run that are not recorded yet included."""
        if not kind.may_be_held:
            return False
        to = message.recipient
        under_way = sum(one.email is not None and one.message.recipient == to for one in self.held.values())
        return digests.goes_beyond(message, made=self.made[to], under_way=under_way, now=self.clock())

    def _record(self, answer: Answer[int]) -> None:
        """Record what became of a mail, or keep it for another connection where it was only this one that ended."""
        one = self.held[answer.key]
        one.under_way = False
        if answer.outcome == Outcome.TAKEN:
            assert one.kept is not None
            # it has left: where that is not known, it leaves again
            record = partial(claims.record_sent, one.message, one.kept, now=self.clock())
            self._ended(answer.key, "sent", partial(storing.stored, record))
            return
        assert answer.error is not None
        said = refusals.words(answer.error)
        if answer.outcome == Outcome.NO_ROOM or (
            answer.outcome == Outcome.TURNED_AWAY and not one.turned_away
        ):
            one.turned_away = one.turned_away or answer.outcome == Outcome.TURNED_AWAY
        elif answer.outcome == Outcome.UNREACHABLE:
            self.ends = True
            self._retry(answer.key, kept.keep(claims.WORDS, "unreachable", said=said), refusals.OURS, AWAY)
            kept_back.keep_back_all(now=self.clock())
        elif refusals.is_permanent(answer.error):
            at = self.clock() if refusals.is_of_recipient(answer.error) else None
            self._ended(answer.key, "failed", partial(claims.record_failed, one.message, said, refused_at=at))
        else:
            self._retry(answer.key, said, refusals.trouble(answer.error))

    def _retry(
        self,
        pk: int,
        reason: str,
        trouble: refusals.Trouble | None = None,
        steps: Sequence[timedelta] = BACK_OFF,
    ) -> None:
        message = self.held[pk].message
        step = steps[min(message.failures, len(steps) - 1)]
        wait = step * random.uniform(0.8, 1.2)  # noqa: S311  # jitter, no secret
        record = partial(claims.record_retry, message, reason, now=self.clock(), wait=wait, trouble=trouble)
        self._ended(pk, "retried", record)

    def _ended(self, pk: int, what: str, record: Callable[[], bool]) -> None:
        """Record an end, and hold the message no more: where that fails, its claim runs out."""
        try:
            self.tally.count(what, done=record())
        finally:
            del self.held[pk]


def _is_suspect(held: _Held) -> bool:
    """Return whether a message may be what took its senders along."""
    return held.message.lost_claims >= claims.SUSPECT


def _is_parked(message: Message, kind: kinds.Kind) -> bool:
    """Return whether a message that was claimed is not sent, because its reader's address is parked.

    What is for its reader alone (a new password, an invitation) is sent: it is the way back, and nobody could stand in. Operators are
    mailed whatever became of the last mail: nobody comes after them.
    """
    return getattr(message, "parked", False) and not kind.to_parked and message.recipient not in operators()
