"""How far the log-ins are that are asked for: worked out from the log-ins, their people and the mails, and noted as people come.

A consent calls `settle_asks` in its own transaction (a line that somebody works on is left to the next minute), a worker once a minute for
what happens elsewhere: a log-in that is removed, a person who is switched off, a mail that left or came back. Everything but
"done" may change until the ask ends.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched

from django.db import transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce

from accounts.asks.models import AskLine
from accounts.models import Account, AccountToken
from notifications.models import Message
from tokens.models import Token
from users.models import RefusedAddress, User

Stage = AskLine.Stage
GAPS = {1: timedelta(days=2), 2: timedelta(days=3)}  # from a mail, of so many, to the next reminder
# Why a line failed that is asked for again: its address is fine, that one mail was refused.
MAIL_FAILED = "mail_failed"
REFUSED = "refused"  # the trouble of a person who could not be asked
NOT_SEEN = "not_seen"  # the trouble of a log-in of which whoever asks no longer sees an account
SOMEBODY_ELSE = "somebody_else"  # the trouble of a consent of another native user
UNDER_WAY = (Message.State.QUEUED, Message.State.SENDING)
_UNSENT = (Message.State.FAILED, Message.State.CANCELLED)
PART = 1_000  # lines that are read at once


@dataclass(frozen=True)
class Around:
    """What is beside a line and its log-in. `mail`: the state of its last mail, "" where that is gone."""

    linked: bool = True  # to an account
    parked: bool = False
    mail: str = ""


def settle_asks(*, now: datetime, people: Sequence[int] | None = None) -> int:
    """Write how far each line is whose ask runs; of these people's (ids) log-ins alone, or of all. Returns how many changed."""
    going = AskLine.objects.to_renew().exclude(stage=Stage.DONE)
    if people is not None:
        going = going.filter(token__consented_by__in=people)
    ids = list(going.order_by("pk").values_list("pk", flat=True))
    return sum(_settle(part, now) for part in batched(ids, PART, strict=False))


@transaction.atomic
def _settle(ids: Sequence[int], now: datetime) -> int:
    lines = AskLine.objects.running().filter(pk__in=ids).exclude(stage=Stage.DONE).order_by("pk")
    lines = lines.select_related("ask", "token__app", "token__consented_by").defer("token__credentials")
    rows = list(lines.select_for_update(of=("self",), skip_locked=True))
    around = _around(rows)
    changed = [line for line in rows if _write(line, around[line.pk], now)]
    AskLine.objects.bulk_update(changed, ["stage", "why", "done_at", "next_at", "sent_at"])
    return len(changed)


def _write(line: AskLine, around: Around, now: datetime) -> bool:
    """Put down how far a line is, and that its mail has left. Return whether anything changed."""
    before = (line.stage, line.why, line.sent_at)
    asked = line.asked_at
    if around.mail == Message.State.SENT and asked and (line.sent_at is None or line.sent_at < asked):
        line.sent_at = now
        if (
            line.next_at is not None
        ):  # of a mail that waited long for its server, no reminder comes on its heels
            line.next_at = max(line.next_at, now + min(GAPS.values()))
    line.stage, line.why = stage_of(line, around)
    if line.stage == Stage.DONE:
        line.done_at, line.next_at = now, None
    return before != (line.stage, line.why, line.sent_at)


def stage_of(line: AskLine, around: Around) -> tuple[Stage, str]:
    """Return how far a line (with its ask, log-in and person) is, and why it waits or failed. Done is done, however it was renewed."""
    token = line.log_in
    if token.linked_at > line.ask.created_at:
        return Stage.DONE, ""
    outlasts = token.deadline is None or token.deadline > line.ask.ends_at
    if line.was_dead and token.state == Token.State.VALID and outlasts:
        return Stage.DONE, "works_again"
    if why := token.why_not_askable or ("" if around.linked else "not_linked"):
        return Stage.NOT_ASKABLE, why
    # Whoever came since the last mail, by whatever way, was reached, whatever became of that mail.
    came = max((at for at in (line.opened_at, line.at_channel_at) if at), default=None)
    reached = came is not None and came >= (line.asked_at or line.ask.created_at)
    if around.parked and not reached:
        return Stage.FAILED, "parked"
    if around.mail in _UNSENT and not reached:
        return Stage.FAILED, MAIL_FAILED
    if line.trouble:
        return Stage.FAILED, line.trouble
    if line.at_channel_at:
        return Stage.AT_CHANNEL, ""
    if line.opened_at:
        return Stage.OPENED, ""
    sent = line.sent_at or (line.mails and around.mail not in UNDER_WAY)
    return (Stage.SENT if sent else Stage.WAITING), ""


def _around(lines: Sequence[AskLine]) -> dict[int, Around]:
    """Return by line what is beside it. A fixed number of queries."""
    tokens = [line.log_in for line in lines]
    ids = [token.pk for token in tokens]
    linked = set(AccountToken.objects.filter(token__in=ids).values_list("token", flat=True))
    mails = Message.objects.filter(pk__in=[line.message for line in lines if line.message])
    states = dict(mails.values_list("pk", "state"))
    emails = {token.pk: token.consented_by.email.lower() for token in tokens if token.consented_by}
    parked = RefusedAddress.objects.parked_among(emails.values())
    return {
        line.pk: Around(
            linked=line.token_id in linked,
            parked=emails.get(line.log_in.pk, "") in parked,
            mail=states.get(line.message or 0, ""),
        )
        for line in lines
    }


def note_moved(*, token_ids: Collection[int], now: datetime) -> None:
    """Note in the transaction of a consent that it took the place of these log-ins, which are under another app: that is done."""
    lines = AskLine.objects.to_renew().filter(token__in=token_ids).exclude(stage=Stage.DONE)
    lines.update(stage=Stage.DONE, why="", done_at=now, next_at=None)


def note_opened(*, token_ids: Collection[int], now: datetime) -> None:
    """Note that a browser showed the page that renews these log-ins, in all asks for them."""
    new = _going(token_ids).filter(opened_at=None)
    new.filter(stage__in=[Stage.WAITING, Stage.SENT]).update(opened_at=now, stage=Stage.OPENED, why="")
    new.update(opened_at=now)


def note_at_channel(*, token_ids: Collection[int], now: datetime) -> None:
    """Note that the person of these log-ins went to the channel to renew them. What went wrong there before no longer counts."""
    opened = Coalesce(F("opened_at"), Value(now))
    _going(token_ids).update(opened_at=opened, at_channel_at=now, trouble="", why="", stage=Stage.AT_CHANNEL)


def note_trouble(*, token_ids: Collection[int], trouble: str) -> None:
    """Note that the way back from the channel renewed none of these: SOMEBODY_ELSE, or a kind of LinkProblem."""
    _going(token_ids).update(trouble=trouble, stage=Stage.FAILED, why=trouble)


def _going(token_ids: Collection[int]) -> QuerySet[AskLine]:
    return AskLine.objects.to_renew().waited_for().filter(token__in=token_ids)


def note_linked(*, user: User, now: datetime, accounts: Collection[Account] | None = None) -> None:
    """Note in the transaction of the caller that a person linked what they were asked for: these, or what they carry (again) by now."""
    if accounts is None:
        carried = AccountToken.objects.living().filter(token__consented_by=user)
        accounts = Account.objects.filter(pk__in=carried.values("account"))
    lines = AskLine.objects.filter(ask__email=user.email, account__in=accounts, done_at=None)
    lines.update(done_at=now, stage=Stage.DONE, why="")
