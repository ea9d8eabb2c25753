"""What of a mail about accounts still holds when it is made, and whose it is by then; and what became of it.

Line by line: what is over, or no longer its reader's, is dropped with the reason, and whoever is told instead is looked for.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts.models import Account, AccountToken
from accounts.pool.services import note_news
from macros.at_once.rules import DAY, ENDS, NO_MACRO, Event, Fact, hears_that_it_is_over, is_lost, readers_of
from macros.models import Evaluation, MacroAction, Notice, Told
from macros.notices.models import NoticeQuerySet, ToldQuerySet
from macros.notices.queries import SLICE, read_facts, read_world, rules_of
from macros.notices.rules import Rule, World
from macros.notices.values import AWAY, PERSON_LEFT, REFUSED, AccountFacts, LogIn
from notifications.models import Message
from notifications.outbox import kept_reason
from tokens.models import Token
from ui import stored_phrases as kept
from users.models import RefusedAddress
from users.people.queries import Via

Outcome, Kind = Told.Outcome, Told.Kind
# Beginnings of codes.
_OF_THE_READER = (REFUSED, "other_team", "other_address", "not_told_", "reader_", PERSON_LEFT)
STOPPED = (Account.State.DEACTIVATED, Account.State.INTERRUPTED)
LOADED = 40  # accounts of a mail whose pools are looked at, for those that it shows; the rest is a number
_ASKED = (
    "message", "account__name", "account__deadline", "token__deadline", "cycle", "threshold", "recipient", "via", "was_of", "action",
    "macro_name",
)  # fmt: skip


@dataclass
class StillSaid:
    """What a message still says: of what macros warn of the accounts that come first, and how many accounts more; what is told at once,
    with its accounts as they are; and why the rest is dropped (codes).
    """

    warned: Sequence[Notice] = ()  # most urgent first, with their macros and log-ins
    further: int = 0  # accounts
    told: list[Told] = field(default_factory=list)
    accounts: dict[int, AccountFacts] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)


def still_said(message: Message, *, now: datetime) -> StillSaid:
    """Return what still holds of a message, of LOADED accounts at most that macros warn of. Drops are recorded."""
    found, held = StillSaid(), list[tuple[tuple[bool, float, str], int, int]]()
    notices = message.notices.live().select_related("account", "token").only(*_ASKED)
    told = message.told.live().select_related("action__macro", "token__consented_by", "account")
    gone = defaultdict[tuple[type[Notice | Told], str], list[int]](list)
    for row, account, why in chain(_judged(notices, now), _judged(told, now)):
        if why:
            gone[type(row), why].append(row.pk)
        elif isinstance(row, Notice):
            held.append((_urgency(row), row.account_id, row.pk))
        elif account is not None:
            found.told.append(row)
            found.accounts[row.account_id] = account
    held.sort()
    accounts = list(dict.fromkeys(account for _, account, _ in held))
    first, found.further = set(accounts[:LOADED]), len(accounts[LOADED:])
    found.warned = _loaded([pk for _, account, pk in held if account in first])
    found.told.sort(key=lambda one: one.pk)
    for (of, why), ids in gone.items():
        _drop(of.objects.filter(pk__in=ids), why, now)
        found.dropped.add(why)
    return found


def _urgency(notice: Notice) -> tuple[bool, float, str]:
    ends = notice.ends
    return notice.threshold != 0, ends.timestamp() if ends else 0.0, notice.account.name


def _loaded(ids: Sequence[int]) -> list[Notice]:
    found = Notice.objects.select_related("action__macro", "account", "token__consented_by").in_bulk(ids)
    return [found[pk] for pk in ids]


def _judged(rows: QuerySet[Any], now: datetime) -> Iterator[tuple[Notice | Told, AccountFacts | None, str]]:
    """Yield what a message carries, with its account as it is, and why it no longer holds, as a code. Accounts are read in slices."""
    waiting = rows.order_by("account_id", "pk").iterator(SLICE)
    while some := list(islice(waiting, SLICE)):
        world = _world_of(some)
        for row in some:
            yield row, world.accounts.get(row.account_id), why_over(row, world, now)


def _world_of(rows: Sequence[Notice | Told]) -> World:
    """Return what rows are about: of warnings by the rules that found them, of what is told at once by all, with what happened from the
    day before on.
    """
    told = [one for one in rows if isinstance(one, Told)]
    if told:
        return read_facts(
            {one.account_id: one.at - DAY for one in sorted(told, key=lambda one: one.at, reverse=True)}
        )
    own = MacroAction.objects.filter(macro__enabled=True, pk__in={one.action_id for one in rows})
    return read_world({one.account_id for one in rows}, rules_of(own.select_related("macro")))


# --- why something is over


def why_over(row: Notice | Told, world: World, now: datetime) -> str:
    """Return why what was found is over, or no longer its reader's, as a code; "" where it holds, for its reader."""
    account = world.accounts.get(row.account_id)
    if account is None:
        return "accounts_gone"
    rule = world.by_action.get(row.action_id or 0)
    if isinstance(row, Notice):
        return _warning_over(row, rule, account, world, now)
    if account.paused and row.kind != Kind.LOG_IN:
        return "paused"
    return _news_over(row, rule, account) or _why_not_told(row, rule, _hearing(row, account, world), world)


def _warning_over(
    notice: Notice, rule: Rule | None, account: AccountFacts, world: World, now: datetime
) -> str:
    """Return the same of a warning, by the rule that found it."""
    if rule is None:
        return _macro_over(notice, rule)
    if why := rule.why_not(account):
        return "other_team" if why == "other_team" else "not_applied"
    if account.paused:
        return "paused"
    log_in = account.log_in(notice.token_id)
    if why := _end_over(notice, account, log_in, now):
        return why
    if account.acknowledged.get(notice.token_id, notice.threshold + 1) <= notice.threshold:
        return "acknowledged"
    told = rule.readers(account, world.directory, log_ins=(log_in,) if log_in else None)
    return _why_not_told(notice, rule, {one.address for one in told.readers}, world)


def _macro_over(row: Notice | Told, rule: Rule | None) -> str:
    """Return why the macro that found a row no longer tells it, as a code; "" where it may, and of what a rule of AdToken tells."""
    if row.is_of_removed_macro:
        return "told_no_longer" if row.was_of else "macro_deleted"
    return "macro_off" if row.action_id and rule is None else ""


def _end_over(notice: Notice, account: AccountFacts, log_in: LogIn | None, now: datetime) -> str:
    """Return why what a notice told is no longer so. A mail that leaves after a date says nothing of it: that it is dark is told then."""
    if notice.threshold == 0:
        return "" if account.state in STOPPED and account.cycle == notice.cycle else "works_again"
    if notice.token_id is None:
        deadline, moved = account.deadline, "deadline_moved" if account.cycle != notice.cycle else ""
    elif log_in is None or log_in.state == Token.State.DEAD or log_in.access != AccountToken.Access.OK:
        return "log_in_ended"
    else:
        deadline, moved = log_in.deadline, "log_in_deadline_moved" if log_in.cycle != notice.cycle else ""
    if moved:
        return moved
    return "date_passed" if deadline is not None and deadline <= now else ""


def _news_over(row: Told, rule: Rule | None, account: AccountFacts) -> str:
    """Return why the fact of a row does not hold any longer, as a code."""
    entry, event = account.log_in(row.token_id), account.event(row.event)
    works = account.state == Account.State.CONNECTED
    match row.kind:
        case Kind.LOG_IN:
            if entry is None:
                return "not_linked"
            since = None if entry.removed else entry.dead_since
            return "" if since and int(since.timestamp()) == row.event else "renewed"
        case Kind.ACCESS:
            return "" if entry is not None and is_lost(entry) else "can_be_used"
        case Kind.DEACTIVATED:
            return "" if account.state in STOPPED else "works_again"
        case Kind.RESTRICTED:
            return "" if account.restricted else "not_restricted"
        case Kind.SHIFTED:
            on = works and (event is None or account.active_token_id == event.token_id)
            return "" if on else "moved_on"
        case Kind.RECOVERED:
            lifted = event is not None and event.kind == Event.UNRESTRICTED
            return "" if not account.restricted and (works or lifted) else "stopped_again"
        case Kind.FEW_PEOPLE:
            return _macro_over(row, rule) or ("people_again" if _enough(row, rule, account) else "")
    return ""


def _enough(row: Told, rule: Rule | None, account: AccountFacts) -> bool:
    """Return whether an account that was short of people is not, or stopped, which is told otherwise."""
    if account.deactivated or -row.event not in account.shortages.values():
        return True
    return rule is not None and account.people_count >= rule.people


def _hearing(row: Told, account: AccountFacts, world: World) -> set[str]:
    """Return whom what happened tells as it is now; of what is said to one reader alone, that one where it still concerns them."""
    if row.kind == Kind.UNSTEADY:
        return {row.recipient} if world.may_hear(account, row.recipient) or row.via else set()
    if row.kind == Kind.RECOVERED and row.action_id is None:
        return {row.recipient} if hears_that_it_is_over(row.recipient, account, world) else set()
    event = account.event(row.event)
    fact = Fact(row.kind, row.event, event.at if event else row.at, row.token_id)
    return {one.reader.address for one in readers_of(fact, account, world)}


def _why_not_told(row: Notice | Told, rule: Rule | None, hearing: Collection[str], world: World) -> str:
    """Return why a reader is told no longer what still holds, as a code; "" where it is among those who are."""
    if row.recipient in hearing:
        return ""
    unreached = world.directory.why_unreached(row.recipient)
    if unreached:
        return unreached
    macro = rule.macro_id if rule else NO_MACRO
    muted = world.directory.mutes.why(row.recipient, account_id=row.account_id, macro_id=macro, day=None)
    if muted:
        return "reader_away" if muted == AWAY else "reader_left_out"
    if why := _macro_over(row, rule):
        return why
    if isinstance(row, Told) and row.kind == Kind.LOG_IN and not row.via:
        return "other_address"
    return f"not_told_{row.via or 'direct'}"


def _drop(rows: NoticeQuerySet | ToldQuerySet, reason: str, now: datetime) -> None:
    """Note that these are not told. Where that is for their reader or their team, whoever is told instead is looked for: of warnings by the
    day's run once more, else by another look at the accounts.
    """
    if reason.startswith(_OF_THE_READER):
        if isinstance(rows, ToldQuerySet):
            accounts = dict(rows.order_by("-at").values_list("account", "at"))
            if accounts:
                note_news(accounts, min(accounts.values()))
        elif rows.exists():
            last = Evaluation.objects.scheduled().order_by("-on_date")[:1]
            Evaluation.objects.filter(pk__in=last.values("pk")).update(dropped_at=Greatest("dropped_at", now))
    rows.update(outcome=Outcome.DROPPED, outcome_reason=kept_reason(reason))


# --- what became of it


def record_end(message: Message) -> None:
    """Write what became of a message's notices, and of what it tells, in the transaction that records it.

    Where the mail server refuses the address, whoever stands in is looked for. Nobody does for an operator. What was cancelled counts as
    told, or the next day would send it.
    """
    notices: NoticeQuerySet = message.notices.live()
    rows: ToldQuerySet = message.told.live()
    if message.state == Message.State.SENT:
        _record_sent(message, notices, rows, message.sent_at or timezone.now())
        return
    parked = RefusedAddress.objects.of(message.recipient).first()
    if message.has_failed and parked:
        for some in (notices, rows):
            _drop(some.exclude(via=Via.OPERATOR), REFUSED, parked.refused_at)
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
