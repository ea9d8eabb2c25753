"""One line of the list Social Accounts: what its cells say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.utils import timezone
from django.utils.text import capfirst

from accounts.asks import rules as fixers
from accounts.models import Account, AccountToken
from accounts.pool import health
from accounts.pool import queries as pool_queries
from accounts.pool.health import Health
from accounts.pool.queries import Summary
from tokens.channels.kinds import Reason
from tokens.models import Token
from ui import dates
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from ui.text import join_names, mid, restriction_said

say = partial(phrase, "words/pool.txt")


@dataclass(frozen=True)
class ListedAccount:
    """An account as the list shows it."""

    summary: Summary
    why: str
    person: str  # who carries it now, as the viewer may know it; "" for nobody
    deadline_note: str
    fixer: str  # of one that is dark: whose new consent helps, or who else is waited for; "" where nobody is known


def listed_account(account: Account, *, names: NameVisibility, now: datetime) -> ListedAccount:
    """Make the line of an account that `with_pools` loaded."""
    one = pool_queries.summarise(account, now)
    active = one.active
    return ListedAccount(
        summary=one,
        why=why_line(one, names, now),
        person=names.token(active.token, account) if active else "",
        deadline_note=_deadline_note(one, now),
        fixer=_fixer(one, names) if one.health == Health.DEACTIVATED else "",
    )


def _fixer(one: Summary, names: NameVisibility) -> str:
    """Return who can bring a dark account back: the people who can consent again, first who stopped last; else who is waited for."""
    found = fixers.fixers_of_dark(one.account, one.entries)
    people = dict.fromkeys(names.token(entry.token, one.account) for entry in found.entries)
    return join_names(list(people)) if people else found.waits_for


def _deadline_note(one: Summary, now: datetime) -> str:
    account, zone = one.account, timezone.get_current_timezone()
    if account.deadline is not None:
        date = dates.short_date(account.deadline, zone=zone, now=now)
        return say("deadline", when=date, n=one.undated) if one.undated else date
    if account.is_deactivated:
        return say("since", when=dates.short_date(account.since, zone=zone, now=now))
    return ""


def why_line(one: Summary, names: NameVisibility, now: datetime) -> str:
    """Return the line under the pill: the guide's table of states says what it names."""
    account = one.account
    if account.is_paused:
        return _paused(account, names, now)
    if account.is_deactivated:
        return _stopped(one) if one.entries else say("nobody_linked")
    if account.state == Account.State.INTERRUPTED:
        return _tried_again(one.entries, now)
    if account.restriction:
        return capfirst(restriction_said(account.restriction))
    if one.health in {Health.URGENT, Health.AT_RISK}:
        return _what_ends(one, names)
    if one.health == Health.NO_BACKUP:
        return say("only", who=names.token(one.active.token, account)) if one.active else ""
    return say("undated") if one.health == Health.DATE_UNKNOWN else ""


def _stopped(one: Summary) -> str:
    """Return why it is dark: what stopped the last log-in here, or that staff took the last token away."""
    reason = one.account.reason_now(one.entries)
    if reason == health.UNLINKED:
        return say("last_unlinked")
    if reason in {*Reason, *health.DECIDED_HERE}:
        return one.account.explain(reason).short
    return say("none_usable")


def _paused(account: Account, names: NameVisibility, now: datetime) -> str:
    assert account.paused_at is not None
    day = dates.moment(account.paused_at, zone=timezone.get_current_timezone(), now=now).day
    who = names.user(account.paused_by) if account.paused_by else ""
    return say("paused", who=who, when=day, note=account.why_paused)


def _tried_again(entries: Sequence[AccountToken], now: datetime) -> str:
    due = [e.token.due_at for e in entries if e.token.state == Token.State.COOLING and e.token.due_at]
    if not due or min(due) <= now:
        return say("tried_again", at="")
    return say("tried_again", at=f"{timezone.localtime(min(due)):%H:%M}")


def _what_ends(one: Summary, names: NameVisibility) -> str:
    stopped = next((e for e in one.entries if e.token.state == Token.State.DEAD), None)
    if stopped is not None:
        explanation = one.account.explain(stopped.token.reason)
        return f"{names.first(stopped.token, one.account)}: {mid(explanation.short)}"
    dated = one.account.last_entries(one.entries)
    return (
        str(dates.CLOCK_NAMES.get(dated[0].token.deadline_clock, dates.CLOCK_NAMES["access"]))
        if dated
        else ""
    )
