"""Whether a notice still holds when its mail is made, which may be hours after the fact was found; and whose it is by then."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from django.db.models import QuerySet
from django.db.models.functions import Greatest

from accounts.models import Account, AccountToken
from macros.at_once.services import record_told
from macros.models import Evaluation, Notice
from macros.notices.queries import read_world, rules_of
from macros.notices.rules import World
from macros.notices.values import AWAY, AccountFacts, LogIn
from notifications.models import Message
from notifications.outbox import kept_reason
from tokens.models import Token
from ui import stored_phrases as kept
from users.models import RefusedAddress
from users.people.queries import Via

Outcome = Notice.Outcome
REFUSED = "address_refused"
_OF_THE_READER = (REFUSED, "other_team", "not_told_", "reader_")  # beginnings of codes
SLICE = 4_000  # notices whose accounts are read at a time
_ASKED = (
    "message", "account__name", "account__deadline", "token__deadline", "cycle", "threshold", "recipient", "via", "was_of",
    "action__macro", "action__kind", "action__emails", "action__notify_consenters", "action__days", "action__watch", "action__people",
    "action__within", "action__after", "action__macro__enabled", "action__macro__scope", "action__macro__channels",
    "action__macro__team", "action__created_at", "action__macro__created_at",
)  # fmt: skip


@dataclass
class StillWanted:
    """What a message still has to say: notices of the accounts that come first, how many accounts more, and what was dropped."""

    accounts: dict[int, list[int]] = field(default_factory=dict)  # account -> notices: ids, most urgent first
    further: int = 0  # accounts
    dropped_ids: dict[str, list[int]] = field(default_factory=dict)  # code -> ids of notices
    names_reader: bool = (
        False  # something that holds or was dropped just now names them: they may stop such mails
    )


def still_wanted(message: Message, *, most: int, now: datetime) -> StillWanted:
    """Return what still holds of a message, with at `most` so many accounts; drops are recorded. By the rules of the run that found it."""
    found, held = StillWanted(), []
    for notice, why in _judged(message, now):
        found.names_reader |= notice.names_reader
        if why:
            found.dropped_ids.setdefault(why, []).append(notice.pk)
        else:
            held.append((_urgency(notice), notice.account_id, notice.pk))
    for _, account, notice_id in sorted(held):
        if account in found.accounts or len(found.accounts) < most:
            found.accounts.setdefault(account, []).append(notice_id)
    found.further = len({account for _, account, _ in held}) - len(found.accounts)
    for why, ids in found.dropped_ids.items():
        _drop(Notice.objects.filter(pk__in=ids), why, now)
    return found


def _urgency(notice: Notice) -> tuple[bool, float, str]:
    ends = notice.ends
    return notice.threshold != 0, ends.timestamp() if ends else 0.0, notice.account.name


def _judged(message: Message, now: datetime) -> Iterator[tuple[Notice, str]]:
    """Yield what a message carries, with why it no longer holds, as a code; "" where it does. Accounts are read in slices."""
    notices = message.notices.live().select_related("action__macro", "account", "token").only(*_ASKED)
    waiting = notices.order_by("account_id", "pk").iterator(SLICE)
    while some := list(islice(waiting, SLICE)):
        rules = rules_of({one.action for one in some if one.action is not None})
        world = read_world({one.account_id for one in some}, rules)
        yield from ((notice, why_over(notice, world, now)) for notice in some)


def why_over(notice: Notice, world: World, now: datetime) -> str:
    """Return why a notice no longer holds, as a code; "" where it does, for its reader."""
    account = world.accounts[notice.account_id]
    if notice.action_id is None:
        return "macro_deleted" if notice.was_of is None else "told_no_longer"
    rule = next(one for one in world.rules if one.action_id == notice.action_id)
    if why := rule.why_not(account):
        return {"off": "macro_off", "other_team": "other_team"}.get(why, "not_applied")
    if account.paused_at is not None:
        return "paused"
    log_in = account.log_in(notice.token_id)
    if why := _fact_over(notice, account, log_in, now):
        return why
    if notice.threshold and world.directory.mutes.quiet_until(account.pk) is not None:
        return "snoozed"
    if account.acknowledged.get(notice.token_id, notice.threshold + 1) <= notice.threshold:
        return "acknowledged"
    told = rule.readers(account, world.directory, log_ins=(log_in,) if log_in else None)
    if any(reader.address == notice.recipient for reader in told.readers):
        return ""
    muted = world.directory.mutes.why(
        notice.recipient, account_id=account.pk, macro_id=rule.macro_id, day=None
    )
    if muted:
        return "reader_away" if muted == AWAY else "reader_left_out"
    return f"not_told_{notice.via or 'direct'}"


def _fact_over(notice: Notice, account: AccountFacts, log_in: LogIn | None, now: datetime) -> str:
    """Return why what a notice told is no longer so. A mail that leaves after a date says nothing of it: that it is dark is told then."""
    if notice.threshold == 0:
        stopped = account.state in {Account.State.DEACTIVATED, Account.State.INTERRUPTED}
        return "" if stopped and account.cycle == notice.cycle else "works_again"
    if notice.token_id is None:
        deadline, moved = account.deadline, "deadline_moved" if account.cycle != notice.cycle else ""
    elif log_in is None or log_in.state == Token.State.DEAD or log_in.access != AccountToken.Access.OK:
        return "log_in_ended"
    else:
        deadline, moved = log_in.deadline, "log_in_deadline_moved" if log_in.cycle != notice.cycle else ""
    if moved:
        return moved
    return "date_passed" if deadline is not None and deadline <= now else ""


def _drop(notices: QuerySet[Notice], reason: str, now: datetime) -> None:
    """Note that these are not told. Where that is for their reader or their team, whoever is told instead is looked for by the day's run
    once more.
    """
    if reason.startswith(_OF_THE_READER) and notices.exists():
        last = Evaluation.objects.scheduled().order_by("-on_date")[:1]
        Evaluation.objects.filter(pk__in=last.values("pk")).update(dropped_at=Greatest("dropped_at", now))
    notices.update(outcome=Outcome.DROPPED, outcome_reason=kept_reason(reason))


def record_end(message: Message) -> None:
    """Write what became of a message's notices, in the transaction that records it."""
    outcomes = {
        Message.State.FAILED: Outcome.FAILED,
        # Cancelled by staff; what the builder dropped is marked already. It counts as told, or the next day would send it.
        Message.State.CANCELLED: Outcome.CANCELLED,
    }
    told = message.notices.live()
    if message.state == Message.State.SENT and message.sent_at is not None:
        deactivated = list(told.filter(threshold=0).values_list("account_id", flat=True).distinct())
        told.update(outcome=Outcome.MAILED, outcome_reason="", told_at=message.sent_at)
        record_told({message: deactivated}, now=message.sent_at)
        return
    parked = RefusedAddress.objects.of(message.recipient).first()
    if message.has_failed and parked:
        # Not told, so whoever stands in is. Nobody does for an operator.
        _drop(told.exclude(via=Via.OPERATOR), REFUSED, parked.refused_at)
    told.update(outcome=outcomes[Message.State(message.state)], outcome_reason=kept.cut(message.error, 200))
