"""What a mail about accounts says of log-ins, as plain facts: its lines, grouped by the log-in that ended or will."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

from accounts.models import Account, AccountToken
from accounts.pool import health
from accounts.pool.mails import ReaderWithNames
from macros.at_once.rules import ENDS
from macros.models import Notice, Told
from tokens.channels import declarations
from tokens.channels.kinds import AN_APPEAL_HELPS, Reason
from tokens.models import Token
from tokens.token import reasons
from ui.name_visibility import NameVisibility
from users.models import User
from users.people.queries import Via

_BY_CLOCK: Mapping[str, Reason] = {
    Token.DeadlineClock.REFRESH: Reason.REFRESH_EXPIRED,
    Token.DeadlineClock.DATA_ACCESS: Reason.DATA_ACCESS_EXPIRED,
}

OF_LOG_INS = (*ENDS, Told.Kind.DEACTIVATED, Told.Kind.SHIFTED)  # what is said by lines


class Section(StrEnum):
    """The headings of a mail, in order."""

    DEACTIVATED = "deactivated"
    WEEK = "week"
    MONTH = "month"
    LATER = "later"


@dataclass(frozen=True)
class WarningLine:
    """One account of a mail. `token` is the log-in that would save it: the reader's own where there is one."""

    account: Account
    entries: Sequence[AccountToken]
    token: Token | None
    mine: bool  # the log-in is the reader’s own, and not one that they removed
    deactivated: bool
    covered: bool  # a log-in ends or ended, the account goes on
    ends: datetime | None
    names: NameVisibility  # whose names its reader may read
    days: int  # that are left by the reader's calendar; below 0 for a deactivated account
    via: Via = Via.DIRECT  # how it came to its reader, where a macro warned
    since: datetime | None = None  # when it happened, of what is told at once

    @property
    def section(self) -> Section:
        """The heading that it comes under."""
        if self.deactivated or self.interrupted:
            return Section.DEACTIVATED
        if self.days <= 7:
            return Section.WEEK
        return Section.MONTH if self.days <= 30 else Section.LATER

    @property
    def interrupted(self) -> bool:
        """Whether nothing can be published now, though its log-in has not ended: the channel does not confirm it."""
        return self.account.state == Account.State.INTERRUPTED and not self.covered

    @property
    def held_up(self) -> bool:
        """Whether it is dark until its channel answers, and nobody is asked for anything."""
        return self.deactivated and self.interrupted

    @cached_property
    def person(self) -> str:
        """Who can fix it, or ""."""
        return self.names.within(self.token, self.account) if self.token else ""

    @property
    def unreachable(self) -> bool:
        """Whether nobody can be asked to fix it: the person is not known, can no longer log in, took it back, or there is no log-in."""
        return self.token is None or not _can_be_asked(self.token)

    @property
    def carrier(self) -> str:
        """Who else carries the account: until its deadline, where it ends; or now. "" for nobody."""
        for entry in self.entries:
            lasts = entry.is_living and entry.token.deadline == self.account.deadline
            if entry.token != self.token and (lasts if self.ends else entry.is_usable):
                return self.names.within(entry.token, self.account)
        return ""

    @cached_property
    def lost(self) -> str:
        """Why the log-in that would save it is of no use for it now; "" while that log-in carries it or could."""
        entry = next((one for one in self.entries if self.token and one.token_id == self.token.pk), None)
        if entry is None:
            return self.token.reason if self.token and self.token.state == Token.State.DEAD else ""
        return "" if entry.is_living else entry.reason

    @property
    def reason(self) -> str:
        """Why it ends or ended, by the log-in that would save it: what stopped it here, else the date that comes first."""
        clock = self.token.deadline_clock if self.token else ""
        return self.lost or _BY_CLOCK.get(clock, Reason.EXPIRED)

    @cached_property
    def by_consent(self) -> bool:
        """Whether its person ends it by re-authenticating; else an admin at the channel, or somebody else with access, has to act."""
        return reasons.by_consent(self.lost)

    @property
    def of_system(self) -> bool:
        """Whether a new token of a system user ends it, which no person gives by re-authenticating."""
        return self.token is not None and self.token.kind == Token.Kind.SYSTEM and self.by_consent

    @property
    def walled(self) -> bool:
        """Whether the log-in is fine, and the account's team takes those of its own people only."""
        return self.lost == health.OUTSIDE

    @property
    def can_act(self) -> bool:
        """Whether the reader ends it by re-authenticating."""
        return self.mine and self.by_consent and not self.held_up

    @cached_property
    def waits_for(self) -> str:
        """Who has to act where it is not the person: "an admin at X", "somebody else with access at X", X; "" where it is."""
        if self.held_up:
            return declarations.label(self.account.channel)
        if self.by_consent:
            return ""
        explanation = self.explain(self.account.name)
        return explanation.helper if explanation else ""

    @property
    def only_appeal(self) -> bool:
        """Whether the channel stopped its person's own account, so that somebody else has to link the account."""
        return self.lost in AN_APPEAL_HELPS

    def explain(self, account: str) -> reasons.Explanation | None:
        """Return why it ends or ended, worded for its reader; None where no log-in is linked. `account`: its name, or that of all of
        several that one cause hit.
        """
        if self.token is None:
            return None
        return reasons.explain(
            self.account.channel,
            self.reason,
            person=self.person,
            account=account,
            you=self.mine,
            ahead=not self.lost,
        )


def lines_about(
    rows: Iterable[Notice | Told], *, accounts: Mapping[int, Account], who: ReaderWithNames, now: datetime
) -> list[WarningLine]:
    """Return one line an account, most urgent first, and one for each log-in of the reader's own (`who`).

    `accounts` are those of the rows by their ids, loaded with their pools. What several macros found, or was told at once, too, is one
    line. The account's own line comes first: a log-in that ends says nothing more where that stands.
    """
    made = [_told_line(accounts[row.account_id], row, who) for row in _told_once(rows)]
    made += [_line(accounts[one.account_id], one, who, now) for one in _found_once(rows)]
    lines: dict[tuple[int, int | None], WarningLine] = {}
    for line in sorted(made, key=lambda line: (not line.mine, line.since is None, line.covered)):
        lines.setdefault((line.account.pk, line.token.pk if line.token and line.mine else None), line)
    mine = {line.account.pk for line in lines.values() if line.mine}
    return sorted((line for line in lines.values() if line.mine or line.account.pk not in mine), key=_urgency)


def _found_once(rows: Iterable[Notice | Told]) -> Iterable[Notice]:
    """Return one notice of each end. The date of what is interrupted asks for more than that it is."""
    facts: dict[tuple[int, int | None], Notice] = {}
    notices = [one for one in rows if isinstance(one, Notice)]
    for notice in sorted(notices, key=lambda one: one.threshold == 0):
        facts.setdefault((notice.account_id, notice.token_id), notice)
    return facts.values()


def _told_once(rows: Iterable[Notice | Told]) -> Iterable[Told]:
    """Return one row of each account of which something of log-ins was told at once, of the own log-in first."""
    facts: dict[int, Told] = {}
    told = [one for one in rows if isinstance(one, Told) and one.kind in OF_LOG_INS]
    for row in sorted(told, key=lambda one: (one.kind not in ENDS, one.pk or 0)):
        facts.setdefault(row.account_id, row)
    return facts.values()


def group_by_log_in(lines: Iterable[WarningLine]) -> list[list[WarningLine]]:
    """Group the lines, which are sorted, by the log-in that one re-authentication renews; accounts without one stand alone.

    What re-authenticating does not help stands apart from what it does.
    """
    logins: dict[tuple[str, int, str], list[WarningLine]] = {}
    for line in lines:
        what = "" if line.by_consent else line.lost
        key = ("token", line.token.pk, what) if line.token else ("account", line.account.pk, "")
        logins.setdefault(key, []).append(line)
    return list(logins.values())


def _urgency(line: WarningLine) -> tuple[bool, bool, float, bool, str]:
    return (
        line.since is not None and not line.mine and line.covered,
        not line.deactivated,
        line.ends.timestamp() if line.ends else 0.0,
        line.covered,
        line.account.name,
    )


def _line(account: Account, notice: Notice, who: ReaderWithNames, now: datetime) -> WarningLine:
    deactivated = notice.threshold == 0
    entries = account.in_order(account.pool.all())
    token = _token_of(notice, account, entries, who.user)
    ends = None if deactivated else notice.ends
    today = now.astimezone(who.zone).date()
    later = account.deadline is None or ends is None or account.deadline - ends > timedelta(minutes=1)
    return WarningLine(
        account=account,
        entries=entries,
        token=token,
        mine=_is_own(token, who.user),
        deactivated=deactivated,
        covered=notice.token_id is not None and not deactivated and later,
        ends=ends,
        names=who.names,
        days=(ends.astimezone(who.zone).date() - today).days if ends else -1,
        via=Via(notice.via),
    )


def _told_line(account: Account, row: Told, who: ReaderWithNames) -> WarningLine:
    dark = account.state == Account.State.INTERRUPTED and row.kind == Told.Kind.DEACTIVATED
    entries = account.in_order(account.pool.all())
    token = row.token or _token_that_stopped(account, entries, who.user)
    line = WarningLine(
        account=account,
        entries=entries,
        token=token,
        mine=_is_own(token, who.user),
        deactivated=account.is_deactivated or dark,
        covered=account.state == Account.State.CONNECTED,
        ends=None,
        names=who.names,
        days=-1,
        since=row.at,
    )
    return line if line.lost else replace(line, mine=False)  # it works again, and is the backup


def _can_be_asked(token: Token) -> bool:
    if token.is_removed:
        return False
    return token.kind == Token.Kind.SYSTEM or (
        token.consented_by is not None and token.consented_by.is_active
    )


def _own(entries: Sequence[AccountToken], reader: User | None) -> list[AccountToken]:
    """Return the reader's own, but for what was removed on purpose: nobody is asked to bring that back."""
    return [entry for entry in entries if entry.is_of(reader) and not entry.token.is_removed]


def _is_own(token: Token | None, reader: User | None) -> bool:
    if token is None or token.is_removed:
        return False
    return reader is not None and token.consented_by_id == reader.pk


def _token_that_stopped(
    account: Account, entries: Sequence[AccountToken], reader: User | None
) -> Token | None:
    """Return the log-in whose end stopped an account that is dark: of the reader's own, and of who can be asked, where there are any.

    Where its person can only appeal at the channel, one whose new consent would bring the account back.
    """
    some = _own(entries, reader) or entries
    some = [one for one in some if _can_be_asked(one.token)] or some
    stopped = account.entry_that_stopped(some)
    if stopped is not None and stopped.reason in AN_APPEAL_HELPS:
        helpful = [one for one in some if reasons.by_consent(one.reason)]
        stopped = account.entry_that_stopped(helpful) or stopped
    chosen = stopped or next(iter(some), None)
    return chosen.token if chosen else None


def _token_of(
    notice: Notice, account: Account, entries: Sequence[AccountToken], reader: User | None
) -> Token | None:
    """Choose the log-in to renew: the notice's own; of an account that is dark the one that stopped it; else the reader's own that can be
    renewed, else the one that carries or carried the account last.
    """
    if notice.token_id is not None:
        return next((entry.token for entry in entries if entry.token_id == notice.token_id), notice.token)
    if notice.threshold == 0:
        return _token_that_stopped(account, entries, reader)
    helpful = [one for one in _own(entries, reader) if reasons.by_consent(one.reason)]

    def rank(entry: AccountToken) -> tuple[bool, bool, float]:
        token = entry.token
        carries = account.deadline is not None and token.deadline == account.deadline
        return (
            entry.is_living and carries,
            entry.is_living,
            token.state_since.timestamp(),
        )

    best = max(helpful or entries, key=rank, default=None)
    return best.token if best else None
