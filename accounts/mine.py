"""My accounts: does anything need me, and what do I press. Grouped by log-in, because one consent renews all its accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts import faces, pool_reasons, selection, summary
from accounts.calendar_days import AT_RISK, URGENT, within
from accounts.linking import overview
from accounts.models import Account, AccountToken
from accounts.names import Names
from accounts.summary import Summary
from tokens import channels, reasons, renewal
from tokens.channels.base import Reason
from tokens.models import ChannelKey, Token
from users.models import User


@dataclass(frozen=True)
class Hanging:
    """One account that hangs on a log-in, and what still carries it."""

    account: Account
    text: str


@dataclass(frozen=True)
class LoginRow:
    """One log-in of this person that needs him."""

    token: Token
    channel: str
    label: str
    pill: faces.Pill
    text: str
    accounts: Sequence[Hanging]
    target: Account | None


@dataclass(frozen=True)
class WorkingRow:
    """One account that needs nobody, or at most a backup."""

    account: Account
    pill: faces.Pill
    text: str
    deed: str  # "", "reauthenticate"

    @property
    def line(self) -> str:
        """The text with the channel's name in front: accounts of one brand have one name at six channels."""
        label = faces.channel_name(self.account.channel)
        return self.text if self.text.startswith(label) else f"{label} · {self.text}"


def page(user: User, now: datetime) -> dict[str, Any]:
    """Return what "My accounts" shows: log-ins that need the person first, then the accounts."""
    accounts = summary.with_pools(Account.objects.visible_to(user))
    found = {account.pk: summary.of(account, now) for account in accounts}
    names = Names(user)
    needing = [row for row in (_login_row(token, found, names, now) for token in _own_tokens(user)) if row]
    needing.sort(key=lambda row: (row.token.state != Token.State.DEAD, row.token.deadline or now))
    shown = {hanging.account.pk for row in needing for hanging in row.accounts}
    rest = [_working_row(one, user, names) for pk, one in found.items() if pk not in shown]
    rest.sort(key=_by_need)
    return {
        "do_first": needing,
        "working": rest,
        "lead": _lead(needing, rest),
        "empty": not needing and not rest,
    }


def _own_tokens(user: User) -> list[Token]:
    tokens = Token.objects.filter(consented_by=user).select_related("app")
    return list(tokens.prefetch_related("pool_entries").order_by("id"))


def _login_row(token: Token, found: dict[int, Summary], names: Names, now: datetime) -> LoginRow | None:
    """Return the row of a log-in that stopped or ends within 30 days; None where the person need do nothing."""
    entries = [entry for entry in token.pool_entries.all() if entry.account_id in found]
    if not entries:
        return None
    label, zone = channels.get(token.app.channel).label, timezone.get_current_timezone()
    if token.state == Token.State.DEAD:
        pill = faces.STOPPED
        text = reasons.explain(token.app.channel, token.reason, person=token.native_user_name, you=True).what
    elif token.deadline is not None and within(token.deadline, AT_RISK, now=now, zone=zone):
        left = faces.days_left(deadline_kind="date", deadline=token.deadline, now=now, zone=zone)
        urgent = within(token.deadline, URGENT, now=now, zone=zone)
        pill = faces.Pill(left.text, "urgent" if urgent else "warn", "warning" if urgent else "schedule")
        text = ""
    else:
        return None
    hanging = [_hanging(found[entry.account_id], token, names, now) for entry in entries]
    hanging.sort(key=lambda one: (one.account.state != Account.State.DEACTIVATED, one.account.name))
    if len(hanging) > 1:
        many = "both" if len(hanging) == 2 else f"all {len(hanging)}"
        text = f"{text} One re-authentication repairs {many} accounts.".strip()
    return LoginRow(token, token.app.channel, label, pill, text, hanging, hanging[0].account)


def _hanging(one: Summary, token: Token, names: Names, now: datetime) -> Hanging:
    account = one.account
    carriers = [entry for entry in one.usable if entry.token_id != token.pk]
    if account.state == Account.State.DEACTIVATED:
        return Hanging(account, "has stopped. Nobody else is linked.")
    if account.state == Account.State.PAUSED:
        return Hanging(account, "is paused by staff.")
    if account.state == Account.State.INTERRUPTED:
        return Hanging(account, "is being checked. Another log-in may carry it.")
    zone = timezone.get_current_timezone()
    if not carriers:
        ends = token.deadline
        when = faces.short_date(ends, zone=zone, now=now, named=True) if ends else ""
        return Hanging(account, f"stops {when}. Nobody else is linked.")
    name = faces.first_name(names.within(carriers[0].token, account))
    best = max((entry.token.deadline for entry in carriers if entry.token.deadline), default=None)
    if any(entry.token.deadline is None for entry in carriers) or best is None:
        return Hanging(account, f"still works through {name}")
    day = faces.moment(best, zone=zone, now=now).day
    left = faces.time_left(best, now=now, zone=zone)
    return Hanging(account, f"still works through {name} until {day} ({left})")


def _working_row(one: Summary, user: User, names: Names) -> WorkingRow:
    account = one.account
    mine = [entry for entry in one.usable if entry.token.consented_by_id == user.pk]
    backups = one.people - (1 if mine else 0)
    if one.pill == faces.DATE_UNKNOWN:
        return WorkingRow(
            account, one.pill, "End date not available: linked before dates were stored", "reauthenticate"
        )
    if account.state == Account.State.DEACTIVATED:
        if not one.entries:
            return WorkingRow(account, one.pill, "Nobody is linked yet.", "reauthenticate")
        told = reasons.explain(account.channel, account.reason, account=account.name)
        return WorkingRow(account, one.pill, f"Has stopped: {told.short.lower()}", "reauthenticate")
    if account.state == Account.State.INTERRUPTED:
        return WorkingRow(account, one.pill, "We are checking; nothing to do.", "")
    if account.state == Account.State.PAUSED:
        return WorkingRow(account, one.pill, f"Paused by staff. {account.pause_note}".strip(), "")
    if account.restriction:
        label = channels.get(account.channel).label
        return WorkingRow(account, one.pill, f"{label} says: {account.restriction}", "")
    until = one.days.text
    if mine:
        who = "only you" if backups <= 0 else f"you and {backups} backup{'' if backups == 1 else 's'}"
    else:
        carrier = one.active_name(names)
        who = f"through {faces.first_name(carrier)}" if carrier else "nobody"
    return WorkingRow(account, one.pill, f"{until} · {who}", "")


def _by_need(row: WorkingRow) -> tuple[bool, str, int]:
    """What stopped first, then by name, and accounts of one name in the usual order of channels."""
    account = row.account
    stopped = account.state == Account.State.DEACTIVATED
    return not stopped, account.name.casefold(), ChannelKey.values.index(account.channel)


def _lead(needing: Sequence[LoginRow], rest: Sequence[WorkingRow]) -> str:
    if needing:
        return f"{len(needing)} of your log-ins need{'s' if len(needing) == 1 else ''} you."
    if any(row.deed for row in rest):
        return "Some accounts need somebody."
    limited = [row.account.name for row in rest if row.account.restriction]
    if limited:
        return f"Your log-ins work, but the channel restricts {faces.join_names(limited)}."
    return "Everything works. Nothing to do."


@dataclass(frozen=True)
class Keeper:
    """One person on the page "Who keeps it connected"."""

    name: str
    you: bool
    pill: faces.Pill
    text: str
    days: faces.DaysLeft


def account_page(account: Account, user: User, now: datetime) -> dict[str, Any]:
    """Return the pool of one account in plain words, read-only."""
    one = summary.of(account, now)
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
        "channel": channels.get(account.channel),
        "restricted": reasons.explain(account.channel, Reason.RESTRICTED, account=account.name),
    }


def _keeper(account: Account, entry: AccountToken, user: User, names: Names, now: datetime) -> Keeper:
    token = entry.token
    you = token.consented_by_id == user.pk
    active = account.active_token_id == token.pk
    name = names.token(token, account)
    pill = faces.token_pill(
        active=active, state=token.state, access=entry.access, can_publish=entry.can_publish
    )
    dead = token.state == Token.State.DEAD  # its own date says nothing any more; when it stopped does
    days = faces.days_left(
        deadline_kind="date" if dead else token.deadline_kind,
        deadline=token.state_since if dead else token.deadline,
        now=now,
        zone=timezone.get_current_timezone(),
        usable=selection.usable(entry),
        renews=renewal.renews_itself(token, now),
    )
    return Keeper(name, you, pill, _keeper_text(account, entry, name, you=you, active=active), days)


def _keeper_text(account: Account, entry: AccountToken, name: str, *, you: bool, active: bool) -> str:
    token = entry.token
    who = "You" if you else faces.first_name(name)
    reason = pool_reasons.entry_reason(entry)
    if token.state != Token.State.DEAD and entry.access == AccountToken.Access.LOST:
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
    return f"{who} {'stand' if you else 'stands'} by."
