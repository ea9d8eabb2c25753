"""After our own mail server was away a reader gets few mails: what waits for them is told together, as it holds then.

A kind that can `join` puts what several messages carry into the newest, which is one mail with all of it. What else may come in a digest
does, where there is more than one. Nothing of that changes what was told: what the others carried is told by the one that leaves.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DateTimeField, Q, Value
from django.db.models.functions import Coalesce

from notifications import claims, digests, kinds
from notifications.kinds import Kind
from notifications.models import Message
from ui import kept

AFTER = timedelta(hours=1)  # since the first was kept back; before that each leaves by itself
JOINED = "joined"
State = Message.State


def gather(message: Message, kind: Kind, *, now: datetime) -> str:
    """Put what waits for the reader of a claimed message together, where our own side kept any of it back for `AFTER`.

    Returns what became of the message, as `Tally` counts it. Where it is to be sent, "", or `JOINED`: it may carry more than before.
    """
    is_kept_back = message.waits_since is not None or getattr(message, "kept_back_beside", False)
    return _gather(message, now) if is_kept_back and _is_gathered(kind) else ""


def _is_gathered(kind: Kind) -> bool:
    return kind.may_be_held or kind.join is not None


@transaction.atomic
def _gather(message: Message, now: datetime) -> str:
    rows = Message.objects.select_for_update(no_key=True, of=("self",))
    row = rows.filter(pk=message.pk, state=State.SENDING, attempts=message.attempts).first()
    if row is None:
        return "overtaken"
    names = [name for name, kind in kinds.KINDS.items() if _is_gathered(kind)]
    waiting = Message.objects.filter(recipient=row.recipient, state=State.QUEUED, kind__in=names)
    waiting = waiting.filter(Q(queued_at__lte=now) | Q(waits_since__isnull=False))
    others = list(waiting.order_by("pk").select_for_update(no_key=True, skip_locked=True, of=("self",)))
    since = min((one.waits_since for one in (row, *others) if one.waits_since), default=now)
    if not others or now - since < AFTER:
        return ""
    left = _join([row, *others], now)
    _hold([one for one in left if kinds.KINDS[one.kind].join is None], now)
    row.refresh_from_db()
    if row.state == State.SENDING:
        message.team, message.waits_since = row.team, row.waits_since
        return JOINED
    return "cancelled" if row.state == State.CANCELLED else "held_back"


def _join(rows: Sequence[Message], now: datetime) -> list[Message]:
    """Have the newest of each kind carry what the others did, which are cancelled. Returns what is left.

    Mails to an address that nobody logs in with are of one team each, and stay so.
    """
    groups: dict[tuple[str, int | None], list[Message]] = defaultdict(list)
    for one in rows:
        team = None if "teams" in one.payload else one.team_id
        groups[one.kind, team if kinds.KINDS[one.kind].join else -one.pk].append(one)
    left = []
    for some in groups.values():
        *older, newest = sorted(some, key=lambda one: one.pk)
        left.append(newest)
        join = kinds.KINDS[newest.kind].join
        if not older or join is None:
            continue
        join(newest, older)
        since = min(one.waits_since or now for one in some)
        Message.objects.filter(pk=newest.pk).update(team=newest.team, waits_since=since)
        Message.objects.filter(pk=newest.pk, state=State.QUEUED).update(next_attempt_at=now)
        Message.objects.filter(pk__in=[one.pk for one in older]).update(
            state=State.CANCELLED, error=kept.keep(claims.WORDS, "told_together"), claimed_until=None
        )
    return left


def _hold(rows: Sequence[Message], now: datetime) -> None:
    """Put messages into their reader's digest, which leaves now, where there are several, or a digest waits."""
    if not rows:
        return
    recipient = rows[0].recipient
    if len(rows) == 1 and digests.leaves_at(recipient) is None:
        return
    digest = digests.waiting_for(recipient, now)
    digests.leave_now(digest, now=now)
    Message.objects.filter(pk__in=[one.pk for one in rows]).update(
        state=State.HELD,
        digest=digest.pk,
        claimed_until=None,
        lost_claims=0,
        queued_at=now,
        waits_since=Coalesce("waits_since", Value(now), output_field=DateTimeField()),
        error=kept.keep(claims.WORDS, "gathered"),
    )
