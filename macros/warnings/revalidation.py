"""What of a mail about accounts still holds when it is made, and whose it is by then; and what became of it.

Line by line: what is over, or no longer its reader's, is dropped with the reason, and whoever is told instead is looked for.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from django.db.models import QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts.models import Account, AccountToken
from accounts.pool.services import note_news
from macros.at_once.queries import ENDS, SLICE, read_facts
from macros.at_once.rules import why_not
from macros.models import Evaluation, Notice, Shortage, Told
from macros.notices.queries import read_world, rules_of
from macros.notices.rules import World
from macros.notices.values import AWAY, AccountFacts, LogIn
from notifications.models import Message
from notifications.outbox import kept_reason
from tokens.models import Token
from ui import stored_phrases as kept
from users.models import RefusedAddress
from users.people.queries import Via

Outcome, Kind = Told.Outcome, Told.Kind
OF_LOG_INS = (*ENDS, Kind.DEACTIVATED, Kind.SHIFTED)  # said by lines of log-ins
REFUSED = "address_refused"
# Beginnings of codes.
_OF_THE_READER = (REFUSED, "other_team", "other_address", "not_told_", "reader_", "person_left")
NOTICES = 4_000  # notices whose accounts are read at a time
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


def still_wanted(message: Message, *, most: int, now: datetime) -> StillWanted:
    """Return what still holds of a message, with at `most` so many accounts; drops are recorded. By the rules of the run that found it."""
    found, held = StillWanted(), []
    for notice, why in _judged(message, now):
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
    waiting = notices.order_by("account_id", "pk").iterator(NOTICES)
    while some := list(islice(waiting, NOTICES)):
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


# --- what was told at once


@dataclass(frozen=True)
class StillTold:
    """What a message still tells, the accounts as they are, and why the rest is dropped (codes)."""

    rows: Sequence[Told] = ()
    accounts: Mapping[int, AccountFacts] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()


def still_told(message: Message) -> StillTold:
    """Return what still holds of what a message tells. Drops are recorded."""
    rows = list(
        Told.objects.live()
        .filter(message=message)
        .select_related("action__macro", "token__consented_by", "account")
        .order_by("pk")
    )
    since = {one.account_id: one.at for one in sorted(rows, key=lambda each: each.at, reverse=True)}
    ids, looked = sorted(since), dict[int, AccountFacts]()
    kept, dropped = list[Told](), defaultdict[str, list[Told]](list)
    over = _over_shortages(rows)
    for place in range(0, len(ids), SLICE):
        some = read_facts({pk: since[pk] - timedelta(days=1) for pk in ids[place : place + SLICE]})
        looked |= some.accounts
        for row in rows:
            if (account := some.accounts.get(row.account_id)) is not None:
                again = row.kind == Kind.FEW_PEOPLE and (row.event in over or _enough(row, account))
                reason = "people_again" if again else why_not(row, account, some)
                (dropped[reason] if reason else kept).append(row)
    for reason, gone in dropped.items():
        _drop_told(gone, reason)
    return StillTold(kept, looked, frozenset(dropped))


def _enough(row: Told, account: AccountFacts) -> bool:
    """Return whether an account that was short of people now is not."""
    action = row.action
    return account.deactivated or (
        action is not None and not action.within and account.people_count >= (action.people or 0)
    )


def _over_shortages(rows: Sequence[Told]) -> set[int]:
    """Return the numbers of shortages of people that are over, as rows have them."""
    asked = {-one.event for one in rows if one.kind == Kind.FEW_PEOPLE}
    if not asked:
        return set()
    lasting = set(Shortage.objects.running().filter(pk__in=asked).values_list("pk", flat=True))
    return {-pk for pk in asked - lasting}


def _drop_told(rows: Iterable[Told], reason: str) -> None:
    """Note that these are not told. Where that is for their reader, their accounts are looked at again, for whoever is told instead."""
    some = list(rows)
    Told.objects.filter(pk__in=[one.pk for one in some]).update(
        outcome=Outcome.DROPPED, outcome_reason=kept_reason(reason)
    )
    if some and reason.startswith(_OF_THE_READER):
        note_news({one.account_id for one in some}, min(one.at for one in some))


# --- what became of it


def record_end(message: Message) -> None:
    """Write what became of a message's notices, and of what it tells, in the transaction that records it.

    Where the mail server refuses the address, whoever stands in is looked for. Nobody does for an operator. What staff cancelled counts as
    told, or the next day would send it.
    """
    notices, rows = message.notices.live(), Told.objects.live().filter(message=message)
    if message.state == Message.State.SENT:
        _record_sent(message, notices, rows, message.sent_at or timezone.now())
        return
    parked = RefusedAddress.objects.of(message.recipient).first()
    if message.has_failed and parked:
        _drop(notices.exclude(via=Via.OPERATOR), REFUSED, parked.refused_at)
        _drop_told(rows.exclude(via=Via.OPERATOR), REFUSED)
    outcome = Outcome.FAILED if message.has_failed else Outcome.CANCELLED
    for some in (notices, rows):
        some.update(outcome=outcome, outcome_reason=kept.cut(message.error, 200))


def _record_sent(message: Message, notices: QuerySet[Notice], rows: QuerySet[Told], now: datetime) -> None:
    """Write that all of it is told; that an account is dark stands among what is told of it, by whichever mail."""
    rows.update(outcome=Outcome.MAILED, outcome_reason="")
    rows.filter(kind__in=ENDS, account__state=Account.State.DEACTIVATED).update(dark=True)
    back = rows.filter(kind=Kind.RECOVERED).values("account")
    Told.objects.open().filter(recipient=message.recipient, account__in=back).update(over_at=now)
    went_dark = list(notices.filter(threshold=0).values_list("account_id", flat=True))
    dark = Account.objects.filter(pk__in=went_dark)
    notices.update(outcome=Outcome.MAILED, outcome_reason="", told_at=now)
    Told.objects.bulk_create(
        (
            Told(
                account=one,
                kind=Kind.DEACTIVATED,
                event=-one.cycle,
                recipient=message.recipient,
                team_id=one.team_id,
                message=message,
                dark=True,
                at=now,
                outcome=Outcome.MAILED,
            )
            for one in dark.order_by("pk")  # so that two senders do not wait for each other in a circle
        ),
        ignore_conflicts=True,
    )
