"""Claims on messages: who may send a row now, and what became of it. Every function is one short transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from infra import liveness, locks
from infra.locks import Lock
from notifications.delivery.rules import Trouble
from notifications.models import Message
from notifications.outbox import KINDS, address_now
from ui import stored_phrases as kept
from users.addresses import services as refused_addresses
from users.installation import hold
from users.models import RefusedAddress, User

WORDS = "words/delivery.txt"
LOST_CLAIMS = 5  # a message whose sender vanished this often in a row is taken to be the cause
GIVEN_UP_AFTER = timedelta(hours=48)  # since it was queued, or our own side last kept it from leaving ...
GIVEN_UP_TRIES = (
    12  # ... and that often: what nobody tried while our own mail server was away is not given up
)
# Without any mail that was taken for so long a refusal that says nothing of either side is held to be about ours.
DOUBT = timedelta(hours=6)
State = Message.State


@dataclass(frozen=True)
class Sent:
    """What was sent, as it is kept."""

    subject: str
    text: str
    html: str


def anything_waits(now: datetime) -> bool:
    """Return whether there may be anything to send. One statement, by the indexes of the two."""
    due = Message.objects.filter(state=State.QUEUED, next_attempt_at__lte=now)
    lost = Message.objects.filter(state=State.SENDING, claimed_until__lt=now)
    return Message.objects.filter(Exists(due) | Exists(lost)).exists()


def claim_next(*, now: datetime) -> Message | None:
    """Take the next due message, or one whose sender died, but none to somebody whom any process is mailing now; None: there is none.

    It comes with the number of this attempt in `attempts`, whether its reader's address is parked in `parked`, and `reader_language`.
    """
    with transaction.atomic():
        locks.take(Lock.CLAIMS)
        row = _due(now).select_for_update(no_key=True, skip_locked=True, of=("self",)).first()
        if row is None:
            return None
        row.lost_claims += row.state == State.SENDING
        row.state, row.attempts = State.SENDING, row.attempts + 1
        row.claimed_until, row.claimed_by = now + liveness.CLAIM, liveness.holder()
        row.message_id = row.message_id or f"<{uuid4()}@{settings.BASE_HOST or 'adtoken.invalid'}>"
        row.save(
            update_fields=["state", "attempts", "lost_claims", "claimed_until", "claimed_by", "message_id"]
        )
    return row


def _due(now: datetime) -> QuerySet[Message]:
    """Return what may be claimed, in order. A claim that ran out is one that its sender, while it lives, would have renewed (`keep`)."""
    may = Q(state=State.QUEUED, next_attempt_at__lte=now)
    if liveness.may_take_over():
        may |= Q(state=State.SENDING, claimed_until__lt=now)
    busy = Message.objects.filter(state=State.SENDING, claimed_until__gt=now).values("recipient")
    due = Message.objects.under_way().filter(may).exclude(recipient__in=busy)
    parked = RefusedAddress.objects.filter(email=OuterRef("recipient"))
    facts = {"parked": Exists(parked), "reader_language": _reader_language()}
    return due.select_related("team").annotate(**facts).order_by("next_attempt_at", "pk")


def _reader_language() -> Coalesce:
    """Return the expression for the language of whoever has the address now, "" for nobody: one look into an index for each row."""
    person = User.objects.filter(email=OuterRef("recipient"), is_active=True)
    return Coalesce(Subquery(person.values("language")[:1]), Value(""), output_field=CharField())


def renew_claim(message: Message, now: datetime) -> None:
    """Renew the claim of this attempt, where no later one has the row. One that is being written waits for the next time."""
    mine = Message.objects.filter(pk=message.pk, state=State.SENDING, attempts=message.attempts)
    with transaction.atomic():
        if list(mine.select_for_update(no_key=True, skip_locked=True).values_list("pk")):
            mine.update(claimed_until=now + liveness.CLAIM)


def record_sent(message: Message, sent: Sent, *, now: datetime) -> bool:
    """Record that this attempt handed the mail over. Return False where a later claim has the row."""

    def change(row: Message) -> None:
        row.state, row.sent_at, row.error = State.SENT, now, ""
        row.subject, row.text, row.html = sent.subject, sent.text, sent.html

    return _record(message, change)


def record_cancelled(message: Message, reason: str) -> bool:
    """Record that the message has nothing left to say. Return False where a later claim has the row."""

    def change(row: Message) -> None:
        row.state, row.error = State.CANCELLED, kept.cut(reason, 500)

    return _record(message, change)


def record_failed(message: Message, reason: str, *, refused_at: datetime | None = None) -> bool:
    """Record a refusal that will not pass. Return False where a later claim has the row.

    `refused_at`: when the mail server refused the recipient itself, so that somebody else has to be told.
    """

    def change(row: Message) -> None:
        row.state, row.error = State.FAILED, kept.cut(reason, 500)
        row.failures += 1
        if refused_at is not None:
            refused_addresses.park_address(row.recipient, said=kept.said(reason), now=refused_at)

    return _record(message, change)


def record_retry(
    message: Message, reason: str, *, now: datetime, wait: timedelta, trouble: Trouble | None = None
) -> bool:
    """Record a trouble that may pass: tried again after `wait`, or given up after 48 hours; then its reader's address is parked.

    `trouble`: whose it is, where the mail server or service did not take the mail. What is our own says nothing of who was told, so it is
    never given up: that would count as told. Returns as `record_failed` does.
    """

    def change(row: Message) -> None:
        row.failures += 1
        row.state, row.error, row.next_attempt_at = State.QUEUED, kept.cut(reason, 500), now + wait
        if _is_of_us(row, trouble, now):
            row.waits_since, row.queued_at = row.waits_since or min(row.queued_at, now), now
            return
        row.waits_since = None
        if now - row.queued_at >= GIVEN_UP_AFTER and row.failures >= GIVEN_UP_TRIES:
            _give_up(row, kept.said(reason), trouble, now)

    return _record(message, change)


def _is_of_us(row: Message, trouble: Trouble | None, now: datetime) -> bool:
    """Return whether it is our own side that keeps a message from leaving: known at once, or after `DOUBT` in which nobody was reached."""
    if trouble is None or trouble.ours or trouble.sure:
        return trouble is not None and trouble.ours
    return now - row.queued_at >= DOUBT and not Message.objects.taken_since(row.queued_at).exists()


def _give_up(row: Message, said: str, trouble: Trouble | None, now: datetime) -> None:
    """Note that it failed, and park the address, unless others to it were taken meanwhile and the refusal does not speak of the mailbox."""
    row.state = State.FAILED
    hours = GIVEN_UP_AFTER // timedelta(hours=1)
    row.error = kept.cut(kept.keep(WORDS, "given_up", hours=hours, said=said), 500)
    if trouble and (
        trouble.sure
        or not Message.objects.taken_since(row.queued_at).filter(recipient=row.recipient).exists()
    ):
        refused_addresses.park_address(row.recipient, said=said, now=now)


@transaction.atomic
def _record(message: Message, change: Callable[[Message], None]) -> bool:
    """Change the row if this attempt is still the newest: compare-and-set on `attempts`."""
    rows = Message.objects.select_for_update(no_key=True, of=("self",))
    row = rows.filter(pk=message.pk, state=State.SENDING, attempts=message.attempts).first()
    if row is None:
        return False
    change(row)
    row.claimed_until, row.lost_claims = None, 0
    row.save()
    if row.state != State.QUEUED:
        _end(row)
    return True


def _end(message: Message) -> None:
    """Tell the app that owns the kind how the message ended."""
    kind = KINDS.get(message.kind)
    if kind and kind.ended:
        kind.ended(message)


@transaction.atomic
def send_again(*, message_id: int, now: datetime) -> bool:
    """Put a message that ended back into the queue. Return False when it has not ended.

    A mail that was sent gets a new Message-ID: with the old one the recipient's server would drop it as a repeat. What is to a person goes
    to the address that they have now. Raises OnHold where no mail is sent: what waits when a hold ends may be cancelled.
    """
    hold.refuse()
    row = Message.objects.select_for_update(no_key=True, of=("self",)).get(pk=message_id)
    if not row.has_ended:
        return False
    _queue_again(row, at=now)
    return True


def _queue_again(row: Message, *, at: datetime, error: str = "") -> None:
    if row.state == State.SENT:
        row.message_id = ""
    row.state, row.error, row.recipient = State.QUEUED, error, address_now(row)
    row.next_attempt_at = row.queued_at = at
    row.failures, row.lost_claims, row.waits_since = 0, 0, None
    row.save()


@transaction.atomic
def record_return(*, message_id: int, reason: str, again_at: datetime | None) -> bool:
    """Record that a mail that was sent did not reach its reader. Return False where it is gone, or waits to be sent again.

    With `again_at` it is sent again then, to its person's address of now, and says what holds then; else it failed: where its address is
    parked, whoever stands in is told.
    """
    rows = Message.objects.select_for_update(no_key=True, of=("self",))
    row = rows.filter(pk=message_id, state=State.SENT).first()
    if row is None:
        return False
    error = kept.cut(reason, 500)
    if again_at is not None:
        _queue_again(row, at=again_at, error=error)
        return True
    row.state, row.error = State.FAILED, error
    row.save(update_fields=["state", "error"])
    _end(row)
    return True


def try_now(*, recipient: str, now: datetime) -> int:
    """Have what waits for an address looked at now. Returns how many messages."""
    waiting = Message.objects.filter(recipient=recipient, state=State.QUEUED, next_attempt_at__gt=now)
    return waiting.update(next_attempt_at=now)


@transaction.atomic
def cancel_all(messages: QuerySet[Message], *, reason: str) -> list[Message]:
    """Cancel messages that have not ended, also those that a sender of another database claims to hold. Returns them."""
    rows = list(messages.order_by("id").select_for_update(no_key=True, of=("self",)))
    for row in rows:
        row.state, row.error, row.claimed_until = State.CANCELLED, kept.cut(reason, 500), None
        row.save(update_fields=["state", "error", "claimed_until"])
        _end(row)
    return rows
