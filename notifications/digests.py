"""The daily cap of an address: what comes beyond it is held, and one mail an hour says it all.

Held are mails that a reader may get many of on a bad day: warnings, who is on it, log-ins that stopped, restrictions. What a person waits
for (a new password, an invitation, what staff ask) and what operators hear of our own faults is never held. Nothing waits longer than
`WINDOW`.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn

from django.conf import settings
from django.db import transaction
from django.db.models import Case, QuerySet, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notifications import claims, composing, giving_up, kept_back, kinds, preparing
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from ui import addresses, kept

logger = logging.getLogger(__name__)

KIND = "digest"
WINDOW = timedelta(hours=1)  # from the first mail that is held until the digest leaves
IN_TIME = WINDOW + timedelta(
    minutes=15
)  # of a mail; of what waited longer a digest does not say that it was an hour
DAY = claims.COUNTED_WITHIN
MOST = 100  # mails of one digest; the others come in the next one
LOOKED_AT = 10 * MOST  # held mails of which those are made
SHOWN = 20  # with what they say; the others by their subject
EXCERPT = 400  # characters
AFTER_OUTAGE = "after_outage"  # in the payload: it holds what our own mail server did not take for a while
State = Message.State
# The addresses of pages where the reader of a digest acts on what it holds, by the names that the foot of a mail has for them: secrets.
Foot = Callable[[Message], Mapping[str, str]]
_FEET: list[Foot] = []
# The first personal link in the text of a mail that a digest holds: a secret, "" where it has none.
Act = Callable[[str], str]
_ACTS: list[Act] = []


def goes_beyond(message: Message, *, made: int, under_way: int, now: datetime) -> bool:
    """Return whether a message that was claimed is one too many for its reader's day.

    `made`: how many mails to the reader this sender has made since it began; `under_way`: those that are not recorded yet. One query, and
    none where even both together are too few.
    """
    cap = settings.MAIL_DAILY_CAP
    if not cap or getattr(message, "sent_lately", 0) + made < cap:
        return False
    sent = Message.objects.filter(recipient=message.recipient, state=State.SENT, sent_at__gt=now - DAY)
    return sent.count() + under_way >= cap


@transaction.atomic
def hold(message: Message, *, now: datetime) -> bool:
    """Keep a claimed message for its reader's next digest, written if there is none. Return False where a later claim has the row."""
    rows = Message.objects.select_for_update(no_key=True, of=("self",))
    row = rows.filter(pk=message.pk, state=State.SENDING, attempts=message.attempts).first()
    if row is None:
        return False
    row.digest = waiting_for(row.recipient, now).pk
    row.state, row.claimed_until, row.lost_claims = State.HELD, None, 0
    row.error = kept.keep(claims.WORDS, "held", number=settings.MAIL_DAILY_CAP)
    row.save(update_fields=["digest", "state", "claimed_until", "lost_claims", "error"])
    return True


def waiting_for(recipient: str, now: datetime) -> Message:
    """Return the digest that waits for a reader. Nobody else writes one meanwhile: one message of a reader is claimed at a time."""
    found = Message.objects.filter(kind=KIND, recipient=recipient, state=State.QUEUED).order_by("pk").first()
    if found is not None:
        return found
    due = now + WINDOW
    return Message.objects.create(
        kind=KIND,
        recipient=recipient,
        dedupe_key=f"{KIND}:{now.isoformat()}:{recipient}",
        next_attempt_at=due,
        created_at=now,
        queued_at=due,
    )


def leave_now(digest: Message, *, now: datetime) -> None:
    """Have a digest leave that tells what our own mail server kept back, in the caller's transaction."""
    payload = {**digest.payload, AFTER_OUTAGE: True}
    Message.objects.filter(pk=digest.pk).update(payload=payload, next_attempt_at=now, queued_at=now)


def leaves_at(recipient: str) -> datetime | None:
    """Return when the digest leaves that waits for a reader; None where none does."""
    waits = Message.objects.filter(kind=KIND, recipient=recipient, state=State.QUEUED).order_by("pk")
    return waits.values_list("next_attempt_at", flat=True).first()


def build(message: Message) -> Mail:
    """Return the mail of what was held, as it holds now. Raises NotWanted where nothing of it does, RuntimeError where none can be made."""
    now = timezone.now()
    made = _made_of(message, now)
    if not made:
        _refuse_empty(message)
    reader = composing.reader_of(message)
    foot = {name: link for one in _FEET for name, link in one(message).items()}
    stop = foot.get("stop_url", "")
    facts = {
        **foot,
        "count": len(made),
        "cap": settings.MAIL_DAILY_CAP,
        "after_outage": _is_after_outage(message, now),
        "in_time": not _told_by(message).filter(queued_at__lt=now - IN_TIME).exists(),
        "shown": [
            {"subject": one.subject, "says": _excerpt(one.text), "act_url": act} for one, act in made[:SHOWN]
        ],
        "more_subjects": [one.subject for one, _ in made[SHOWN:]],
        "url": addresses.absolute_url("my_accounts") if reader.can_log_in else "",
    }
    mail = composing.compose(KIND, message, reader, facts)
    secrets = [*foot.values(), *(act for _, act in made[:SHOWN] if act)]
    if secrets:
        mail = composing.without_links(mail, secrets)
    if not stop:
        return mail
    headers = {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return replace(mail, headers=headers)


def _told_by(message: Message) -> QuerySet[Message]:
    """Return what a digest tells, or told, as far as it still holds."""
    return Message.objects.filter(digest=message.pk, state__in=[State.HELD, State.SENT])


def _is_after_outage(message: Message, now: datetime) -> bool:
    """Return whether our own mail server did not take the digest, or something in it, for a while, or another one left that for it."""
    before = now - kept_back.LATE
    if message.payload.get(AFTER_OUTAGE) or (
        message.waits_since is not None and message.waits_since < before
    ):
        return True
    return _told_by(message).filter(waits_since__lt=before).exists()


def _made_of(message: Message, now: datetime) -> list[tuple[claims.Sent, str]]:
    """Return what of a digest says something, `MOST` mails at most, each as `_made` does. What cannot be made blocks nothing behind it."""
    rows = _told_by(message).order_by("pk")
    made, told = list[tuple[claims.Sent, str]](), list[int]()
    for row in rows[:LOOKED_AT]:
        if len(made) == MOST:
            break
        if (one := _made(row, now)) is not None:
            made.append(one)
            told.append(row.pk)
    # What an earlier try had room for waits for the next digest, which `record_end` knows by its subject.
    late = Message.objects.filter(digest=message.pk, state=State.HELD).exclude(subject="")
    late.exclude(pk__in=told).update(subject="")
    return made


def _refuse_empty(message: Message) -> NoReturn:
    """Say that a digest has nothing to tell. Raises NotWanted, or RuntimeError where mails wait in it that could not be made."""
    if Message.objects.filter(digest=message.pk, state=State.HELD).exists():
        raise RuntimeError("Nothing of this digest could be made.")  # tried again
    raise NotWanted("digest_empty")


def held_by(message: Message) -> list[Message]:
    """Return the messages that a digest tells, `MOST` at most, without their texts; last those of which nothing was made yet."""
    told_first = Case(When(subject="", then=1), default=0)
    held = Message.objects.filter(digest=message.pk).defer("text", "html")
    return list(held.order_by(told_first, "pk")[:MOST])


def _why(message: Message) -> list[kinds.Fact]:
    """Return, for "why this mail?", what each mail of a digest was about, and what became of it."""
    found = list[kinds.Fact]()
    for row in held_by(message)[:SHOWN]:
        why = kinds.KINDS[row.kind].why if row.kind in kinds.KINDS else None
        of_it = why(row) if why else []
        found += of_it or [kinds.Fact(row.subject, row.get_state_display(), kept.said(row.error))]
    return found


def _made(row: Message, now: datetime) -> tuple[claims.Sent, str] | None:
    """Return what a held message says, and keep that, with the link by which its reader acts without a log-in here, a secret, or "".

    None where it has nothing left to say, or cannot be made: then it waits for the next digest, until it is given up like any other mail.
    """
    try:
        mail = kinds.KINDS[row.kind].build(row)
        said = preparing.as_kept(preparing.fit(mail))
    except NotWanted as answer:
        claims.end_held([row.pk], State.CANCELLED, answer.kept)
        return None
    except Exception as error:  # one that cannot be made costs the others nothing
        logger.exception("Held message %s of kind %s could not be built", row.pk, row.kind)
        _wait_for_next(row, error, now)
        return None
    Message.objects.filter(pk=row.pk).update(subject=said.subject, text=said.text, html=said.html)
    return said, next(filter(None, (one(mail.text) for one in _ACTS)), "")


def _wait_for_next(row: Message, error: Exception, now: datetime) -> None:
    """Leave a held message that could not be made to the next digest, which takes what has no subject yet; or give it up."""
    reason = kept.keep(claims.WORDS, "not_made", error=type(error).__name__)
    if giving_up.is_time(row, now=now):
        claims.end_held([row.pk], State.FAILED, reason)
    else:
        Message.objects.filter(pk=row.pk, state=State.HELD).update(error=reason, subject="")


def _excerpt(text: str) -> str:
    """Return how a mail begins, without addresses and its heading, which the subject has said."""
    paragraphs = [" ".join(part.split()) for part in re.sub(r"https?://\S+", "", text).split("\n\n")]
    said = " ".join(part for part in paragraphs[:4] if part)
    return said if len(said) <= EXCERPT else said[: EXCERPT - 1].rsplit(" ", 1)[0] + "…"


def record_end(message: Message) -> None:
    """Record of what a digest held what became of the digest, in its transaction: sent, failed or cancelled."""
    rows = Message.objects.filter(digest=message.pk)
    if message.state != State.SENT or message.sent_at is None:
        ids = list(_told_by(message).values_list("pk", flat=True))
        claims.end_held(ids, State(message.state), message.error)
        return
    told = list(rows.filter(state=State.HELD).exclude(subject="").values_list("pk", flat=True))
    claims.end_held(told, State.SENT, kept.keep(claims.WORDS, "in_digest"), sent_at=message.sent_at)
    left = rows.filter(state=State.HELD)
    if left.exists():
        further = waiting_for(message.recipient, message.sent_at)
        left.update(digest=further.pk)
        if _is_after_outage(message, message.sent_at):
            Message.objects.filter(pk=further.pk).update(payload={**further.payload, AFTER_OUTAGE: True})


def register() -> None:
    """Say how the mail is built. Called once, when the app starts."""
    kinds.register(
        KIND, build, name=_("Digest of a busy day"), ended=record_end, why=_why, of_address=True, asks=True
    )


def register_foot(foot: Foot) -> None:
    """Say where a reader acts on what a digest holds. Calling it again with the same one changes nothing."""
    if foot not in _FEET:
        _FEET.append(foot)


def register_act(act: Act) -> None:
    """Say how the personal link of a mail is found in its text. Calling it again with the same one changes nothing."""
    if act not in _ACTS:
        _ACTS.append(act)
