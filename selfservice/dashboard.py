"""My accounts: does anything need me, and what do I press. Grouped by log-in, because one consent renews all its accounts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from accounts import pool_reasons, selection, summary
from accounts.health import Health, InPool, state_in_pool
from accounts.models import Account, AccountToken
from accounts.name_visibility import Names
from accounts.pool_reasons import OUTSIDE
from accounts.summary import Summary
from selfservice import my_list
from selfservice.linking import overview
from selfservice.my_list import ATTENTION, STOPPED, WORKING
from tokens import reasons
from tokens.channels import declarations, registry
from tokens.channels.kinds import Reason
from tokens.models import Token
from ui import dates
from ui.calendar_days import AT_RISK, URGENT, within
from ui.dates import DeadlineFacts
from ui.pills import Pill, pill
from ui.text import first_name, join_names
from users.models import User


@dataclass(frozen=True)
class Hanging:
    """One account that uses a log-in, and what still carries it."""

    account: Account
    text: str


@dataclass(frozen=True)
class LoginRow:
    """One log-in of this person that needs him."""

    token: Token
    channel: str
    label: str
    pill: Pill
    text: str
    accounts: Sequence[Hanging]  # those that are named
    more: int  # how many others use it
    target: Account


@dataclass(frozen=True)
class AccountRow:
    """One account outside the log-ins that need the person."""

    account: Account
    health: Health
    text: str
    group: str  # one of GROUPS
    deed: str = (
        ""  # "reauthenticate", "steps" (somebody else has to act), "link" (the person was never linked)
    )

    @property
    def line(self) -> str:
        """The text with the channel's name in front: accounts of one brand have one name at six channels."""
        label = declarations.label(self.account.channel)
        return self.text if self.text.startswith(label) else f"{label} · {self.text}"


@dataclass(frozen=True)
class Group:
    """Accounts under one heading."""

    key: str
    title: str
    number: int  # on all pages
    rows: Sequence[AccountRow]


NAMED = 6  # accounts of a log-in
SEARCHED_FROM = 20  # accounts; fewer are seen at one look
GROUPS = {STOPPED: "Not working", ATTENTION: "Needs attention", WORKING: "Working"}


def page(user: User, now: datetime, *, search: str = "", log_in: int = 0, number: int = 1) -> dict[str, Any]:
    """Return what "My accounts" shows: log-ins that need the person first, then a page of the accounts, what stops first above.

    `search` (name or id) and `log_in` (one of the person's own tokens) narrow the list, and then it holds those log-ins' accounts too.
    """
    names, zone = Names(user), timezone.get_current_timezone()
    needing, shown = _needing(user, names, now)
    one_log_in = Token.objects.filter(pk=log_in, consented_by=user).select_related("app").first()
    narrowed = bool(search or one_log_in)
    found = my_list.others(
        user, without=[] if narrowed else shown, log_in=one_log_in, search=search, now=now, zone=zone
    )
    counts = my_list.count(found)
    pages = max(1, -(-counts.total // my_list.PAGE))
    number = min(max(1, number), pages)
    first = (number - 1) * my_list.PAGE
    accounts = summary.with_pools(found)[first : first + my_list.PAGE]
    rows = [_account_row(summary.summarise(account, now), user, names, now) for account in accounts]
    groups = [
        Group(key, title, getattr(counts, key), [row for row in rows if row.group == key])
        for key, title in GROUPS.items()
    ]
    return {
        "do_first": needing if number == 1 and not narrowed else [],
        "groups": [group for group in groups if group.rows],
        "lead": _narrowed_lead(search, one_log_in, counts) if narrowed else _lead(needing, counts, found),
        "empty": not needing and not counts.total and not narrowed,
        "search": search,
        "log_in": one_log_in,
        "narrowed": narrowed,
        "searchable": narrowed or counts.total + len(shown) > SEARCHED_FROM,
        "number": number,
        "pages": pages,
    }


def _narrowed_lead(search: str, log_in: Token | None, counts: my_list.Counts) -> str:
    """Return how much of the list is shown. What is not shown may need somebody, so nothing is said of it."""
    what = f"{counts.total:,} account{'' if counts.total == 1 else 's'}"
    of = f" of your {registry.get(log_in.app.channel).label} log-in" if log_in else ""
    matching = f" match{'es' if counts.total == 1 else ''} “{search}”" if search else ""
    return f"{what}{of}{matching}."


def _needing(user: User, names: Names, now: datetime) -> tuple[list[LoginRow], list[int]]:
    """Return the rows of the person's log-ins that need him, most urgent first, and the ids of all accounts that use them."""
    by_token: dict[int, list[AccountToken]] = {}
    for entry in my_list.own_entries(user):
        by_token.setdefault(entry.token_id, []).append(entry)
    rows, shown = [], []
    for entries in by_token.values():
        hanging = _hanging_on(entries, now)
        if hanging:
            rows.append(_login_row(hanging, names, now))
            shown += [entry.account_id for entry in hanging]
    rows.sort(key=_by_urgency(now))
    return rows, shown


def _hanging_on(entries: Sequence[AccountToken], now: datetime) -> list[AccountToken]:
    """Return the entries of a log-in that re-authenticating helps: all where it stopped or ends within 30 days, else those of no use.

    Accounts that wait for an admin at the channel are left out, and so are log-ins that were removed on purpose: nobody is asked to bring
    them back.
    """
    token = entries[0].token
    if token.is_removed:
        return []
    helped = [entry for entry in entries if reasons.by_consent(pool_reasons.entry_reason(entry))]
    ends = within(token.deadline, AT_RISK, now=now, zone=timezone.get_current_timezone())
    if token.state == Token.State.DEAD or ends:
        return helped
    return [entry for entry in helped if not selection.living(entry)]


def _login_row(entries: Sequence[AccountToken], names: Names, now: datetime) -> LoginRow:
    """Return the row of the log-in of these entries."""
    token = entries[0].token
    label, zone = registry.get(token.app.channel).label, timezone.get_current_timezone()
    worst = my_list.worst([entry.account_id for entry in entries], NAMED)
    named = [summary.summarise(account, now) for account in summary.with_pools(worst)]
    if token.state == Token.State.DEAD:
        shown = pill("log_in", "stopped")
        text = reasons.explain(token.app.channel, token.reason, person=token.native_user_name, you=True).what
    elif token.deadline is not None and within(token.deadline, AT_RISK, now=now, zone=zone):
        left = dates.days_left(DeadlineFacts("date", token.deadline), now=now, zone=zone).text
        urgent = within(token.deadline, URGENT, now=now, zone=zone)
        shown = pill("account", "urgent" if urgent else "at_risk", label=left)
        text = ""
    else:
        told = pool_reasons.explain_entry(_entry_in(named[0], token), you=True)
        shown, text = pill("log_in", "limited", label=told.short), told.what
    if len(entries) > 1:
        many = "both" if len(entries) == 2 else f"all {len(entries)}"
        text = f"{text} One re-authentication is enough for {many} accounts.".strip()
    hanging = [_hanging(one, _entry_in(one, token), names, now) for one in named]
    more = len(entries) - len(named)
    return LoginRow(token, token.app.channel, label, shown, text, hanging, more, named[0].account)


def _entry_in(one: Summary, token: Token) -> AccountToken:
    """Return a log-in's entry in the pool of an account that was read with it."""
    return next(entry for entry in one.entries if entry.token_id == token.pk)


def _by_urgency(now: datetime) -> Callable[[LoginRow], tuple[bool, bool, datetime]]:
    """Return the order of log-ins: those whose accounts stopped, then those that stopped, then by what ends first."""

    def place(row: LoginRow) -> tuple[bool, bool, datetime]:
        dark = any(one.account.state == Account.State.DEACTIVATED for one in row.accounts)
        return not dark, row.token.state != Token.State.DEAD, row.token.deadline or now

    return place


def _hanging(one: Summary, entry: AccountToken, names: Names, now: datetime) -> Hanging:
    account, token = one.account, entry.token
    carriers = [other for other in one.usable if other.token_id != token.pk]
    others = "Nobody else is linked." if len(one.entries) == 1 else "No other log-in works for it."
    if account.state == Account.State.DEACTIVATED:
        return Hanging(account, f"has stopped. {others}")
    if account.state == Account.State.PAUSED:
        return Hanging(account, "is paused by staff.")
    if account.state == Account.State.INTERRUPTED:
        return Hanging(account, "is being checked. Another log-in may carry it.")
    zone = timezone.get_current_timezone()
    if not carriers:
        ends = token.deadline
        when = dates.short_date(ends, zone=zone, now=now, named=True) if ends else ""
        return Hanging(account, f"stops {when}. {others}")
    name = first_name(names.within(carriers[0].token, account))
    best = max((other.token.deadline for other in carriers if other.token.deadline), default=None)
    if any(other.token.deadline is None for other in carriers) or best is None:
        return Hanging(account, f"still works through {name}")
    day = dates.moment(best, zone=zone, now=now).day
    left = dates.time_left(best, now=now, zone=zone)
    return Hanging(account, f"still works through {name} until {day} ({left})")


def _account_row(one: Summary, user: User, names: Names, now: datetime) -> AccountRow:
    account, health = one.account, one.health
    if account.state == Account.State.DEACTIVATED:
        text, deed = _stopped(one, user, names)
        return AccountRow(account, health, text, STOPPED, deed)
    if account.state == Account.State.INTERRUPTED:
        return AccountRow(account, health, "We are checking; nothing to do.", STOPPED)
    if account.state == Account.State.PAUSED:
        return AccountRow(account, health, f"Paused by staff. {account.pause_note}".strip(), STOPPED)
    if account.restriction:
        label = registry.get(account.channel).label
        return AccountRow(account, health, f"{label} says: {account.restriction}", STOPPED)
    own = overview.own_entry(one, user)
    if health == Health.DATE_UNKNOWN:
        deed = "reauthenticate" if own else ""
        text = "End date not available: linked before dates were stored"
        return AccountRow(account, health, text, ATTENTION, deed)
    left = dates.days_left(one.deadline, now=now, zone=timezone.get_current_timezone()).text
    text = f"{left} · {_carried_by(one, user, names)}"
    if own is not None and not selection.living(own):
        own.account = account
        said = _keeper_text(account, own, "", you=True, active=False)
        deed = _own_deed(own)
        return AccountRow(account, health, f"{text}. {said}", ATTENTION, deed)
    return AccountRow(account, health, text, WORKING if health == Health.HEALTHY else ATTENTION)


def _own_deed(own: AccountToken) -> str:
    """Return what the person can do for a log-in of theirs that carries nothing here. Nobody is asked to bring back what they removed."""
    if own.token.is_removed:
        return ""
    return "reauthenticate" if pool_reasons.explain_entry(own).by_consent else "steps"


def _carried_by(one: Summary, user: User, names: Names) -> str:
    if any(entry.token.consented_by_id == user.pk for entry in one.usable):
        backups = one.people - 1
        return "only you" if backups <= 0 else f"you and {backups} backup{'' if backups == 1 else 's'}"
    carrier = one.active_name(names)
    return f"through {first_name(carrier)}" if carrier else "nobody"


def _stopped(one: Summary, user: User, names: Names) -> tuple[str, str]:
    """Return why an account that is dark has stopped and whom it waits for, and what the reader can do."""
    if not one.entries:
        return "Nobody is linked yet.", "link"
    account = one.account
    told = pool_reasons.explain_account(account, pool_reasons.account_reason(account, one.entries))
    stopped = pool_reasons.entry_that_stopped(account, one.entries)
    waits_for = told.waits_for
    if not waits_for and stopped is not None and stopped.token.consented_by_id not in {None, user.pk}:
        waits_for = names.within(stopped.token, account)
    text = f"Has stopped: {told.short[:1].lower()}{told.short[1:]}" if told.short else "Has stopped"
    own = overview.own_entry(one, user)
    if own is None or own.token.is_removed:
        deed = "link"
    else:
        own.account = account
        deed = _own_deed(own)
    return f"{text}. Waits for {waits_for}." if waits_for else f"{text}.", deed


def _lead(needing: Sequence[LoginRow], counts: my_list.Counts, found: QuerySet[Any]) -> str:
    """Return the first sentence of the page, the worst fact first."""
    also = "other " if needing else ""
    said = []
    if needing:
        said.append(f"{len(needing)} of your log-ins need{'s' if len(needing) == 1 else ''} you.")
    if counts.stopped and counts.stopped == counts.restricted and not needing:
        limited = join_names(list(found.filter(group=STOPPED).values_list("name", flat=True)))
        said.append(f"Your log-ins work, but the channel restricts {limited}.")
    elif counts.stopped:
        one = counts.stopped == 1
        said.append(f"{counts.stopped:,} {also}account{' does' if one else 's do'} not work.")
    if counts.attention and not needing:
        one = counts.attention == 1
        said.append(f"{counts.attention:,} account{' needs' if one else 's need'} attention.")
    return " ".join(said) or "Everything works. Nothing to do."


@dataclass(frozen=True)
class Keeper:
    """One person on the page "Who keeps it connected"."""

    name: str
    you: bool
    state: InPool
    text: str
    deadline: DeadlineFacts


def account_page(account: Account, user: User, now: datetime) -> dict[str, Any]:
    """Return the pool of one account in plain words, read-only."""
    one = summary.summarise(account, now)
    names = Names(user)
    keepers = [_keeper(account, entry, user, names, now) for entry in one.entries]
    mine = overview.own_entry(one, user)
    told = reasons.explain(
        account.channel, pool_reasons.entry_reason(mine) if mine else "", account=account.name, you=True
    )
    return {
        **overview.limits(mine, one, names, told),
        "account": account,
        "summary": one,
        "keepers": keepers,
        "mine": mine is not None,
        "refused_by_team": overview.refused_by_team(account, user),
        "needs_me": mine is not None and bool(_hanging_on([mine], now)),
        "channel": registry.get(account.channel),
        "restricted": reasons.explain(account.channel, Reason.RESTRICTED, account=account.name),
    }


def _keeper(account: Account, entry: AccountToken, user: User, names: Names, now: datetime) -> Keeper:
    token = entry.token
    you = token.consented_by_id == user.pk
    active = account.active_token_id == token.pk
    name = names.token(token, account)
    state = state_in_pool(entry, active=active)
    deadline = summary.deadline_of(token, usable=selection.usable(entry), now=now)
    text = _keeper_text(account, entry, name, you=you, active=active)
    return Keeper(name, you, state, text, deadline)


def _keeper_text(account: Account, entry: AccountToken, name: str, *, you: bool, active: bool) -> str:
    token = entry.token
    who = "You" if you else first_name(name)
    reason = pool_reasons.entry_reason(entry)
    if token.state != Token.State.DEAD and entry.access == AccountToken.Access.LOST and reason != OUTSIDE:
        return f"{who} can no longer reach this ad account."
    if token.state != Token.State.DEAD and reason == Reason.PUBLISHING_LOST:
        return f"{who} can report only. Not a backup."
    if reason == Reason.SCOPE_MISSING:
        return f"{who} did not grant a permission that is needed here. Not a backup."
    if reason and token.state != Token.State.COOLING:
        return reasons.explain(account.channel, reason, person=name, account=account.name, you=you).what
    if token.state == Token.State.COOLING:
        return "We are checking this log-in."
    if active:
        return f"{who} {'carry' if you else 'carries'} it now."
    if token.demoted_at is not None:
        told = reasons.explain(
            account.channel, pool_reasons.READING_REFUSED, person=name, account=account.name, you=you
        )
        return told.what
    return f"{who} {'are' if you else 'is'} a backup."
