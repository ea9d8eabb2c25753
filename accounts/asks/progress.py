"""How far the log-ins are that are asked for: worked out from the log-ins, their people and the mails, and noted as people come.

A consent calls `settle_asks` in its own transaction (a line that somebody works on is left to the next minute), a worker once a minute for
what happens elsewhere: a log-in that is removed, a person who is switched off, a mail that left or came back, a snooze. Everything but
"done" may change until the ask ends.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import batched
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from accounts.asks.models import AskLine
from accounts.models import Account, AccountToken
from notifications.models import Message
from tokens.models import Token
from ui.dates import last_morning
from users.models import RefusedAddress, User

Stage = AskLine.Stage
GAPS = {1: timedelta(days=2), 2: timedelta(days=3)}  # from a mail, of so many, to the next reminder
# Why a line failed that is asked for again: its address is fine, that one mail was refused.
MAIL_FAILED = "mail_failed"
REFUSED = "refused"  # the trouble of a person who could not be asked
NOT_SEEN = "not_seen"  # the trouble of a log-in of which whoever asks no longer sees an account
SNOOZED = "snoozed"  # why a log-in is not asked for now, and will be
SOMEBODY_ELSE = "somebody_else"  # the trouble of a consent of another native user
OTHER_LOG_IN = "other_log_in"  # the same of a person who is logged in here: that one was linked
UNDER_WAY = (Message.State.QUEUED, Message.State.SENDING)
_UNSENT = (Message.State.FAILED, Message.State.CANCELLED)
PART = 1_000  # lines that are read at once


@dataclass(frozen=True)
class Around:
    """What is beside a line and its log-in. `mail`: the state of its last mail, "" where that is gone."""

    linked: bool = True  # to an account
    moved: bool = (
        False  # its person consented under the app of new links, of one under an app that takes none
    )
    parked: bool = False
    snoozed: bool = False
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
    around = _around(rows, now)
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
    if token.linked_at > line.ask.created_at or around.moved:
        return Stage.DONE, ""
    if line.was_dead and token.state == Token.State.VALID and _outlasts(token.deadline, line.ask.ends_at):
        return Stage.DONE, "works_again"
    if why := token.why_not_askable or ("" if around.linked else "not_linked"):
        return Stage.NOT_ASKABLE, why
    # Whoever came since the last mail, by whatever way, was reached, whatever became of that mail.
    came = max((at for at in (line.opened_at, line.at_channel_at) if at), default=None)
    reached = came is not None and came >= (line.asked_at or line.ask.created_at)
    if around.parked and not reached:
        return Stage.FAILED, "parked"
    if around.snoozed:
        return Stage.NOT_ASKABLE, SNOOZED
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


def _outlasts(deadline: datetime | None, moment: datetime) -> bool:
    return deadline is None or deadline > moment


def _around(lines: Sequence[AskLine], now: datetime) -> dict[int, Around]:
    """Return by line what is beside it. A fixed number of queries."""
    tokens = [line.log_in for line in lines]
    ids = [token.pk for token in tokens]
    linked = set(AccountToken.objects.filter(token__in=ids).values_list("token", flat=True))
    mails = Message.objects.filter(pk__in=[line.message for line in lines if line.message])
    states = dict(mails.values_list("pk", "state"))
    emails = {token.pk: token.consented_by.email.lower() for token in tokens if token.consented_by}
    parked = RefusedAddress.objects.parked_among(emails.values())
    snoozed = snoozed_log_ins(ids, now=now) if ids else {}
    moved = _moved(lines)
    return {
        line.pk: Around(
            linked=line.token_id in linked,
            moved=line.pk in moved,
            parked=emails.get(line.log_in.pk, "") in parked,
            snoozed=line.token_id in snoozed,
            mail=states.get(line.message or 0, ""),
        )
        for line in lines
    }


def _moved(lines: Sequence[AskLine]) -> set[int]:
    """Return the lines (ids) of log-ins under an app that takes no consents, whose person consented under the default app since."""
    old = [line for line in lines if not line.log_in.app.is_default and line.log_in.consented_by_id]
    if not old:
        return set()
    people = {line.log_in.consented_by_id for line in old}
    new = Token.objects.filter(app__is_default=True, consented_by__in=people).select_related("app")
    found = list(new.defer("credentials"))
    return {line.pk for line in old if any(_replaces(one, line) for one in found)}


def _replaces(new: Token, line: AskLine) -> bool:
    old = line.log_in
    same = new.native_user_id == old.native_user_id or new.native_user_name == old.native_user_name
    of_one = new.consented_by_id == old.consented_by_id and new.app.channel == old.app.channel
    return same and of_one and new.linked_at > line.ask.created_at


def note_opened(*, token_ids: Collection[int], now: datetime) -> None:
    """Note that a browser showed the page that renews these log-ins, in all asks for them."""
    early = [Stage.WAITING, Stage.SENT]
    _going(token_ids).filter(opened_at=None).update(
        opened_at=now,
        stage=Case(When(stage__in=early, then=Value(Stage.OPENED)), default=F("stage")),
        why=Case(When(stage__in=early, then=Value("")), default=F("why")),
    )


def note_at_channel(*, token_ids: Collection[int], now: datetime) -> None:
    """Note that the person of these log-ins went to the channel to renew them. What went wrong there before no longer counts."""
    opened = Coalesce(F("opened_at"), Value(now))
    _going(token_ids).update(opened_at=opened, at_channel_at=now, trouble="", why="", stage=Stage.AT_CHANNEL)


def note_trouble(*, token_ids: Collection[int], trouble: str) -> None:
    """Note that the way back from the channel renewed none of these: SOMEBODY_ELSE, OTHER_LOG_IN, or a kind of LinkProblem."""
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


# --- whose mails about accounts are snoozed, as far as asks respect it -------------------------------------------------------

# Who keeps snoozes, an app above, registers where they are. A log-in is snoozed where each of its accounts is: by its person, or by staff
# for everybody. One consent renews all of its accounts, so one that is not snoozed is enough to be asked.


# Rows with account (None: all), email ("": everybody) and until; of the app above.
_SNOOZES: list[Callable[[], QuerySet[Any]]] = []


def register_snoozes(snoozes: Callable[[], QuerySet[Any]]) -> None:
    """Say how those are found that run, whichever macro tells: rows with `account`, `email` and `until`. The last one said holds."""
    _SNOOZES[:] = [snoozes]


def snoozed_log_ins(token_ids: Collection[int], *, now: datetime) -> dict[int, date]:
    """Return those of these log-ins (ids) that are snoozed, with the day on which the first of their accounts no longer is. 3 queries."""
    whose = Token.objects.filter(pk__in=token_ids, consented_by__isnull=False)
    accounts: dict[int, set[int]] = defaultdict(set)
    for token, account in AccountToken.objects.filter(token__in=token_ids).values_list("token", "account"):
        accounts[token].add(account)
    until = {(account, email): day for account, email, day in _running(set().union(*accounts.values()), now)}
    found: dict[int, date] = {}
    for token, email in whose.values_list("pk", "consented_by__email"):
        address = email.lower()
        days = [
            max(filter(None, (until.get((account, "")), until.get((account, address)))), default=None)
            for account in accounts[token]
        ]
        each = [day for day in days if day is not None]
        first = min(each) if each and len(each) == len(days) else None
        if last := max(filter(None, (first, until.get((None, address)))), default=None):
            found[token] = last
    return found


def _running(account_ids: Collection[int], now: datetime) -> list[tuple[int | None, str, date]]:
    """Return the snoozes that hold of these accounts (ids), or of all: account, address, until."""
    rows = [
        find().filter(Q(account=None) | Q(account__in=account_ids), until__gt=last_morning(now))
        for find in _SNOOZES
    ]
    return [row for some in rows for row in some.values_list("account_id", "email", "until")]
