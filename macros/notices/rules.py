"""What the actions of macros find: facts of an account and a rule give the notices that are due in a span of days.

Pure: no database, no clock. Days are calendar days in the project's zone, so that "10 days" never comes as 9.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

from macros.notices.values import (
    LIVE,
    LONG_AGO,
    AccountFacts,
    Directory,
    LogIn,
    Reader,
    Span,
    TellsBefore,
    Told,
    who_is_told,
)
from users.people.queries import Via


@dataclass(frozen=True)
class Rule:
    """What an action does, stored or of a form that is not saved yet (then `action_id` may be 0)."""

    action_id: int
    macro_id: int
    kind: str
    emails: tuple[str, ...]  # in lower case
    notify_consenters: bool
    days: tuple[
        int, ...
    ] = ()  # ahead, the tightest first; of "nothing happened" those of the macro's warning
    of_token: bool = False  # it watches each log-in, else the account
    scope: str = "all"
    channels: frozenset[str] = frozenset()
    team_id: int | None = None
    excluded: frozenset[int] = frozenset()
    chosen: frozenset[int] | None = None  # accounts of a form; None: as stored
    enabled: bool = True
    people: int = 0  # fewer than so many are told of
    after: int = 0  # days after the first warning
    created_at: datetime = LONG_AGO

    @property
    def is_chosen(self) -> bool:
        """Whether it is for chosen accounts."""
        return self.scope == "chosen"

    def why_not(self, account: AccountFacts) -> str:
        """Return why it does not watch an account, as a code; "" where it does."""
        if not self.enabled:
            return "off"
        if self.team_id is not None and self.team_id != account.team_id:
            return "other_team"
        if account.pk in self.excluded:
            return "left_out_account"
        if self.scope == "channels" and account.channel not in self.channels:
            return "other_channel"
        if self.is_chosen:
            chosen = self.macro_id in account.macros if self.chosen is None else account.pk in self.chosen
            return "" if chosen else "not_applied"
        return ""

    def readers(
        self,
        account: AccountFacts,
        directory: Directory,
        *,
        log_ins: Sequence[LogIn] | None = None,
        day: date | None = None,
    ) -> Told:
        """Return who is told of an account, or of these of its log-ins, on a day (None: now); and whom it names that is not."""
        people = account.people(log_ins) if self.notify_consenters else ()
        return who_is_told(
            (*self.emails, *people),
            account_id=account.pk,
            team_id=account.team_id,
            macro_id=self.macro_id,
            directory=directory,
            day=day,
        )


class Rules:
    """Rules, found by the macros of an account: most are for chosen accounts, and not asked of all others."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._wide: list[Rule] = []
        self._by_macro: dict[int, list[Rule]] = {}
        for rule in rules:
            if rule.is_chosen and rule.chosen is None:
                self._by_macro.setdefault(rule.macro_id, []).append(rule)
            else:
                self._wide.append(rule)

    def of(self, account: AccountFacts) -> list[Rule]:
        """Return those that may watch an account."""
        chosen = (rule for macro in account.macros for rule in self._by_macro.get(macro, ()))
        return [*self._wide, *chosen]


@dataclass(frozen=True)
class World:
    """Some accounts, and all that decides who is told of them."""

    accounts: Mapping[int, AccountFacts]
    rules: Sequence[Rule] = ()
    directory: Directory = field(default_factory=Directory)

    @cached_property
    def by_action(self) -> Mapping[int, Rule]:
        """The rules by their actions (ids)."""
        return {one.action_id: one for one in self.rules}

    def watching(self, account: AccountFacts, kind: str = "") -> list[Rule]:
        """Return the rules of a kind ("": of any) that watch an account."""
        return [one for one in self.rules if kind in {"", one.kind} and not one.why_not(account)]

    def may_hear(self, account: AccountFacts, address: str) -> bool:
        """Return whether an account concerns an address, whatever it snoozed: it may be another team's since it was told of it.

        A person whom it concerns sees it, or can renew a log-in of it. Others are named by a macro that watches it, or are operators.
        """
        places = self.directory
        if address in places.operators:
            return True
        if address in places.gone:
            return False
        if address in places.see_all or address in places.members.get(account.team_id, ()):
            return True
        if address in account.people():
            return True
        return any(address in one.emails and not one.why_not(account) for one in self.rules)


@dataclass(frozen=True)
class Ends:
    """What may be told of an account: that it or one of its log-ins (`token_id`) ends, or that it is dark (no deadline)."""

    cycle: int
    token_id: int | None = None
    deadline: datetime | None = None
    known_since: datetime = LONG_AGO
    log_ins: Sequence[LogIn] | None = None  # whose people are told; None: all of the pool


@dataclass(frozen=True)
class Due:
    """One fact that a rule tells on a day. Threshold 0: the account is dark."""

    rule: Rule
    account: AccountFacts
    ends: Ends
    on: date
    threshold: int
    told: Told

    @cached_property
    def news(self) -> list[Reader]:
        """Whom it is news for: nobody is told twice of the same, by whichever macro, nor whoever is on it of what is no more urgent."""
        if self.account.acknowledged.get(self.ends.token_id, self.threshold + 1) <= self.threshold:
            return []
        known = {
            one.address
            for one in self.account.told
            if one.token_id == self.ends.token_id and _covers(one.threshold, self.threshold)
        }
        if not self.threshold:
            known |= self.account.heard
        return [one for one in self.told.readers if one.address not in known]


def _covers(told: int, threshold: int) -> bool:
    """Return whether whoever was told of one threshold knows of another: of the same or a tighter one; that it is dark stands alone."""
    return told == threshold if not threshold else 1 <= told <= threshold


def find_due(rule: Rule, account: AccountFacts, directory: Directory, span: Span) -> Iterator[Due]:
    """Yield what a warning tells of an account, each fact and day once; of several days those that are due first, first.

    What was told before is among it, see `Due.news`.
    """
    if not rule.days or rule.why_not(account):
        return
    for ends in _ends(rule, account, span):
        for on, threshold in due_days(rule.days, ends, span):
            yield Due(
                rule,
                account,
                ends,
                on,
                threshold,
                rule.readers(account, directory, log_ins=ends.log_ins, day=on),
            )


def due_days(days: Sequence[int], ends: Ends, span: Span) -> list[tuple[date, int]]:
    """Return on which days of a span which thresholds (of these `days`, the tightest first) fire.

    One fires on the day on which the days left reach it, or on the first day of the span when that has passed. Of those that fire on one
    day the tightest counts. A threshold of d days is none where the deadline, when it comes, was known for d times 24 hours or less: of
    an authorisation that lasts just d days nobody is warned as it begins. That an account is dark fires at once.
    """
    if ends.deadline is None:
        return [(span.first, 0)]
    ends_on = span.local(ends.deadline)
    found: dict[date, int] = {}
    for threshold in days:
        if ends.known_since + timedelta(days=threshold) >= ends.deadline:
            break
        on = max(span.first, ends_on - timedelta(days=threshold))
        if on <= span.last:
            found.setdefault(on, threshold)
    return sorted(found.items())


def _ends(rule: Rule, account: AccountFacts, span: Span) -> Iterator[Ends]:
    """Yield what a warning watches of an account: that it is dark whatever it watches; then its own end, or that of each log-in."""
    # One that never had a log-in was never connected, so it did not go dark.
    if account.is_dark(span.now) and account.was_connected:
        yield Ends(account.cycle)
    if account.state not in LIVE:
        return
    until = span.midnight(rule.days[-1])
    if rule.of_token:
        for one in account.log_ins:
            if (
                one.access == "ok"
                and one.state != "dead"
                and one.deadline
                and _within(one.deadline_kind, one.deadline, span, until)
            ):
                yield Ends(one.cycle, one.token_id, one.deadline, one.known_since, (one,))
    elif account.deadline and _within(account.deadline_kind, account.deadline, span, until):
        setters = (
            one.known_since
            for one in account.log_ins
            if one.deadline == account.deadline and one.state != "dead"
        )
        yield Ends(account.cycle, None, account.deadline, min([account.cycle_since, *setters]))


def _within(kind: str, deadline: datetime, span: Span, until: datetime) -> bool:
    return kind == "date" and span.now < deadline < until


def first_covered_end(account: AccountFacts) -> datetime | None:
    """Return when the first log-in of an account ends that others carry further; None where none does."""
    ends = [
        one.deadline for one in account.log_ins if one.access == "ok" and one.state != "dead" and one.deadline
    ]
    if account.deadline_kind == "date" and account.deadline is not None:
        ends = [each for each in ends if each < account.deadline]
    return min(ends, default=None)


def find_escalated(rule: Rule, account: AccountFacts, directory: Directory, span: Span) -> Iterator[Due]:
    """Yield what further readers are told on the first day of a span, where nothing happened so many days after the first warning.

    Of a macro that warns of nothing ahead the first warning is that the account is dark, whichever mail says so. Nothing happened: the
    deadline is the same (a re-authentication begins another cycle), and nobody said that they are on it. In each cycle an action tells
    once, with the tightest threshold that was told, by whichever macro: what one told no other tells again.
    """
    if account.paused_at is not None or rule.why_not(account):
        return
    living = {one.token_id: one for one in account.log_ins if one.state != "dead"}
    for token_id in [None, *living]:
        first, threshold = first_warning(rule, account, token_id)
        if (
            first is None
            or first + timedelta(days=rule.after) > span.first
            or token_id in account.acknowledged
        ):
            continue
        if any(one.token_id == token_id and one.action_id == rule.action_id for one in account.told):
            continue
        if account.is_dark(span.now) != (threshold == 0):
            continue
        of = living[token_id] if token_id else account
        ends = Ends(of.cycle, token_id, of.deadline or account.deadline)
        yield Due(
            rule, account, ends, span.first, threshold, rule.readers(account, directory, day=span.first)
        )


def first_warning(rule: Rule, account: AccountFacts, token_id: int | None) -> tuple[date | None, int]:
    """Return on which day an account, or one of its log-ins, was first told of, as far as an escalation waits for that; None: not yet.
    And at which threshold at the latest.
    """
    found = [
        (one.on, one.threshold)
        for one in account.told
        if one.token_id == token_id and not one.waits and _waited_for(rule, one)
    ]
    if token_id is None and account.heard_on is not None:
        found.append((account.heard_on, 0))
    if not found:
        return None, 0
    return min(on for on, _ in found), min(threshold for _, threshold in found)


def _waited_for(rule: Rule, one: TellsBefore) -> bool:
    if not one.threshold:
        return True
    return bool(rule.days) and one.threshold <= rule.days[-1] and rule.of_token == (one.token_id is not None)


# --- too few people


def is_short(rule: Rule, account: AccountFacts) -> bool:
    """Return whether an account falls short of people for a rule. That it is dark is told otherwise."""
    if account.paused_at is not None or account.state not in LIVE or rule.why_not(account):
        return False
    return account.people_count < rule.people


def is_over(rule: Rule | None, account: AccountFacts) -> bool:
    """Return whether a shortage is over: enough can carry the account, or the rule (None: gone) watches it no longer.

    What is dark has not recovered.
    """
    if rule is None or account.paused_at is not None or rule.why_not(account):
        return True
    return account.state != "deactivated" and account.people_count >= rule.people


def stands_in(told: Told) -> bool:
    """Return whether others are told, because nobody whom the action names can be."""
    return any(one.via != Via.DIRECT for one in told.readers)
