"""Claims on messages: who may send a row now, and what became of it. Every function is one short transaction."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from notifications import giving_up, kept_back, kinds
from notifications.models import Message
from notifications.refusals import Trouble
from ui import kept
from users import hold, languages, liveness, refused_addresses
from users.models import RefusedAddress

WORDS = "words/delivery.txt"
LOST_CLAIMS = 5  # a message whose sender vanished this often in a row is taken to be the cause
_LOCK = 7_262_009
SUSPECT = 2  # from so many on it is sent alone, so that no other is held to be the cause, too
COUNTED_WITHIN = timedelta(hours=24)  # of the daily cap of an address

# What an attempt writes of its result.
RESULT = (
    "state", "failures", "lost_claims", "claimed_until", "next_attempt_at", "queued_at", "waits_since", "sent_at", "subject", "text",
    "html", "error",
)  # fmt: skip

# A claim that ran out: its sender renews it while it lives (`keep`), and while PostgreSQL is there (`may_take_over`).
_LOST = """state = 'sending' and claimed_until < %(now)s and %(may_take_over)s"""

_STOP = f"""
update notifications_message m set state = 'failed', claimed_until = null, lost_claims = m.lost_claims + 1, error = %(error)s
from (select id from notifications_message
      where {_LOST} and lost_claims + 1 >= %(lost)s
      for update skip locked) stuck
where m.id = stuck.id returning m.id
"""  # noqa: S608  # constants of this module only; every value is a parameter

# The lock skips what another claimer holds, so that each row goes to one of them. Materialized: a subquery in `from` may be run again for
# each row of the table, each time locking and taking another message, of which the sender would hear of one.
_CLAIM = f"""
with due as materialized (
  select id from notifications_message
  where ((state = 'queued' and next_attempt_at <= %(now)s) or ({_LOST}))
    and (lost_claims + (state = 'sending')::int >= %(suspect)s) = %(suspects)s
    and recipient <> all(%(recipients)s)
    and recipient <> all(array(select recipient from notifications_message where state = 'sending' and claimed_until > %(now)s))
    and split_part(recipient, '@', 2) <> all(%(domains)s)
  order by next_attempt_at, id limit %(most)s for update skip locked
)
update notifications_message m set
    state = 'sending', attempts = m.attempts + 1, claimed_until = %(until)s, claimed_by = %(holder)s,
    lost_claims = m.lost_claims + (m.state = 'sending')::int,
    message_id = case when m.message_id = '' then '<' || gen_random_uuid() || '@' || %(host)s || '>' else m.message_id end
from due where m.id = due.id returning m.id
"""  # noqa: S608

# Of attempts that are still the newest. A row that is being written waits for the next time.
_KEEP = """
update notifications_message m set claimed_until = %(until)s
from (select m.id from notifications_message m join unnest(%(ids)s::bigint[], %(attempts)s::int[]) as mine(id, attempts)
        on mine.id = m.id and mine.attempts = m.attempts
      where m.state = 'sending' for no key update of m skip locked) free
where m.id = free.id"""

_GIVE_BACK = """
update notifications_message m set state = 'queued', claimed_until = null, attempts = m.attempts - 1
from unnest(%(ids)s::bigint[], %(attempts)s::int[]) as mine(id, attempts)
where m.id = mine.id and m.attempts = mine.attempts and m.state = 'sending'"""


@dataclass(frozen=True)
class Sent:
    """What was sent, as it is kept."""

    subject: str
    text: str
    html: str


def claim(
    *,
    now: datetime,
    most: int,
    suspects: bool = False,
    but_to: Collection[str] = (),
    but_at: Collection[str] = (),
) -> list[Message]:
    """Take the next due messages, or those whose sender died. Return them in order, with the number of this attempt in `attempts`, and
    whether their readers' addresses are parked in `parked`, how many mails these got within a day in `sent_lately`, and whether our own
    side keeps others to them from leaving in `kept_back_beside`.

    `most`: how many. `suspects`: of those whose senders vanished more than once, else of the others. None of the recipients `but_to`, of
    those whom any process is mailing now, and of the domains `but_at`, are taken.
    """
    values = {
        **_moments(now),
        "until": now + liveness.CLAIM,
        "holder": liveness.holder(),
        "host": settings.BASE_HOST or "adtoken.invalid",
        "suspect": SUSPECT,
        "suspects": suspects,
        "recipients": list(but_to),
        "domains": list(but_at),
        "most": most,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        # one after the other: two at once would not see whom the other one takes
        cursor.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute(_CLAIM, values)
        ids = [row[0] for row in cursor.fetchall()]
        parked = RefusedAddress.objects.filter(email=OuterRef("recipient"))
        claimed = Message.objects.select_related("team").filter(pk__in=ids)
        read = claimed.annotate(
            parked=Exists(parked),
            sent_lately=_sent_within(now - COUNTED_WITHIN),
            kept_back_beside=Exists(kept_back.queued_for(OuterRef("recipient"))),
            reader_language=languages.of_address("recipient"),
        )
        return list(read.order_by("next_attempt_at", "pk")) if ids else []


def _sent_within(since: datetime) -> Coalesce:
    """Return how many mails the recipient of a row got since."""
    sent = Message.objects.filter(
        recipient=OuterRef("recipient"), state=Message.State.SENT, sent_at__gt=since
    )
    number = sent.order_by().values("recipient").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(number), 0)


def _moments(now: datetime) -> dict[str, Any]:
    """Return the parameters of `_LOST`."""
    return {"now": now, "may_take_over": liveness.may_take_over()}


def keep(messages: Iterable[Message], now: datetime) -> None:
    """Renew the claims of these attempts, where no later one has the row. One that is being written waits for the next time."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, {**_attempts(messages), "until": now + liveness.CLAIM})


def give_back(messages: Iterable[Message]) -> None:
    """Put messages that were claimed and not handed over back into the queue, as if nobody had claimed them."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_BACK, _attempts(messages))


def _attempts(messages: Iterable[Message]) -> dict[str, list[int]]:
    found = list(messages)
    return {"ids": [one.pk for one in found], "attempts": [one.attempts for one in found]}


def fail_poison_messages(*, now: datetime) -> int:
    """Fail the messages that took their worker with them too often. Return how many."""
    error = kept.keep(WORDS, "killed", times=LOST_CLAIMS)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_STOP, {**_moments(now), "lost": LOST_CLAIMS, "error": error})
            ids = [row[0] for row in cursor.fetchall()]
        for message in Message.objects.filter(pk__in=ids):
            _end(message)
    return len(ids)


def record_sent(message: Message, sent: Sent, *, now: datetime) -> bool:
    """Record that this attempt handed the mail over. Return False where a later claim has the row."""

    def change(row: Message) -> None:
        row.state, row.sent_at, row.error = Message.State.SENT, now, ""
        row.subject, row.text, row.html = sent.subject, sent.text, sent.html

    return _record(message, change)


def record_cancelled(message: Message, reason: str) -> bool:
    """Record that the message has nothing left to say. Return False where a later claim has the row."""

    def change(row: Message) -> None:
        row.state, row.error = Message.State.CANCELLED, kept.cut(reason, 500)

    return _record(message, change)


def record_failed(message: Message, reason: str, *, refused_at: datetime | None = None) -> bool:
    """Record a refusal that will not pass. Return False where a later claim has the row.

    `refused_at`: when the mail server refused the recipient itself, so that somebody else has to be told.
    """

    def change(row: Message) -> None:
        row.state, row.error = Message.State.FAILED, kept.cut(reason, 500)
        row.failures += 1
        if refused_at is not None:
            refused_addresses.note(row.recipient, said=kept.said(reason), now=refused_at)

    return _record(message, change)


def record_retry(
    message: Message,
    reason: str,
    *,
    now: datetime,
    wait: timedelta,
    trouble: Trouble | None = None,
) -> bool:
    """Record a trouble that may pass: tried again after `wait`, or given up 48 hours after it was queued.

    `trouble`: whose it is, where the mail server or service did not take the mail. What is our own is never given up. Returns as
    `record_failed` does.
    """

    def change(row: Message) -> None:
        row.failures += 1
        of_us = giving_up.is_of_us(row, trouble, now=now)
        if giving_up.is_over(row, of_us=of_us, now=now):
            giving_up.give_up(row, reason, None if of_us else trouble, now=now)
            return
        if of_us:
            giving_up.keep_back(row, now=now)
        elif trouble is not None:
            giving_up.note_others_reached(row)
        row.state, row.error, row.next_attempt_at = (
            Message.State.QUEUED,
            kept.cut(reason, 500),
            now + wait,
        )

    return _record(message, change)


@transaction.atomic
def _record(message: Message, change: Callable[[Message], None]) -> bool:
    """Change the row if this attempt is still the newest: compare-and-set on `attempts`."""
    rows = Message.objects.select_for_update(no_key=True, of=("self",))
    row = rows.filter(pk=message.pk, state=Message.State.SENDING, attempts=message.attempts).first()
    if row is None:
        return False
    change(row)
    row.claimed_until, row.lost_claims = None, 0
    row.save(update_fields=RESULT)
    if row.state != Message.State.QUEUED:
        _end(row)
    return True


def end_held(
    ids: Sequence[int], state: Message.State, reason: str, *, sent_at: datetime | None = None
) -> None:
    """Record what became of messages that a digest held or told, and tell the apps that own their kinds. In the caller's transaction."""
    changes: dict[str, Any] = {"state": state, "error": kept.cut(reason, 500)}
    if sent_at is not None:
        changes["sent_at"] = sent_at
    with transaction.atomic():
        Message.objects.filter(pk__in=ids).update(**changes)
        for message in Message.objects.filter(pk__in=ids).defer("text", "html").order_by("pk"):
            _end(message)


def _end(message: Message) -> None:
    """Tell the app that owns the kind how the message ended."""
    kind = kinds.KINDS.get(message.kind)
    if kind and kind.ended:
        kind.ended(message)


@transaction.atomic
def send_again(*, message_id: int, now: datetime) -> bool:
    """Put a message that ended back into the queue. Return False when it has not ended.

    A mail that was sent gets a new Message-ID: with the old one the recipient's server would drop it as a repeat. What is to a person goes
    to the address that they have now. Raises OnHold where no mail is sent: what waits
    when a hold ends may be cancelled.
    """
    hold.refuse()
    ended = [Message.State.SENT, Message.State.FAILED, Message.State.CANCELLED]
    row = Message.objects.select_for_update(no_key=True, of=("self",)).get(pk=message_id)
    if row.state not in ended:
        return False
    if row.state == Message.State.SENT:
        row.message_id = ""
    row.state, row.error, row.recipient = Message.State.QUEUED, "", kinds.address_now(row)
    row.next_attempt_at = row.queued_at = now
    row.failures, row.lost_claims, row.waits_since = 0, 0, None
    row.save()
    return True


@transaction.atomic
def came_back(*, message_id: int, reason: str, again_at: datetime | None) -> bool:
    """Record that a mail that was sent did not reach its reader. Return False where it is gone, or waits to be sent again.

    With `again_at` it is sent again then, to its person's address of now, and says what holds then; else it failed: where its address is
    parked, whoever stands in is told.
    """
    rows = Message.objects.select_for_update(no_key=True, of=("self",))
    row = rows.filter(pk=message_id, state=Message.State.SENT).first()
    if row is None:
        return False
    row.error = kept.cut(reason, 500)
    if again_at is None:
        row.state = Message.State.FAILED
        row.save(update_fields=["state", "error"])
        _end(row)
        return True
    row.state, row.message_id = (
        Message.State.QUEUED,
        "",
    )  # with the same id its reader's server may drop it as a repeat
    row.next_attempt_at = row.queued_at = again_at
    row.failures, row.lost_claims, row.waits_since = 0, 0, None
    row.recipient = kinds.address_now(row)
    row.save()
    return True


def hurry(*, recipient: str, now: datetime) -> int:
    """Have what waits for an address looked at now. Returns how many messages."""
    waiting = Message.objects.filter(recipient=recipient, state=Message.State.QUEUED, next_attempt_at__gt=now)
    return waiting.update(next_attempt_at=now)


@transaction.atomic
def cancel(*, message_id: int, reason: str) -> bool:
    """Cancel a message that waits. Return False when it is being sent or has ended."""
    row = Message.objects.select_for_update(no_key=True, of=("self",)).get(pk=message_id)
    if row.state not in {Message.State.QUEUED, Message.State.HELD}:
        return False
    row.state, row.error = Message.State.CANCELLED, kept.cut(reason, 500)
    row.save(update_fields=["state", "error"])
    _end(row)
    return True


@transaction.atomic
def cancel_all(messages: QuerySet[Message], *, reason: str) -> list[Message]:
    """Cancel messages that have not ended, also those that a sender of another database claims to hold. Returns them.

    For an installation on hold, where nobody sends.
    """
    rows = list(messages.order_by("id").select_for_update(no_key=True, of=("self",)))
    for row in rows:
        row.state, row.error, row.claimed_until = Message.State.CANCELLED, kept.cut(reason, 500), None
        row.save(update_fields=["state", "error", "claimed_until"])
        _end(row)
    return rows
