"""Asking many to re-authenticate: one mail a person, with all log-ins and accounts that it is about."""

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from accounts import actions, pool_reasons, selection
from accounts.models import Account, AccountToken
from accounts.name_visibility import Names
from portal.bulk_items import Job, labels, lines, live, number
from tokens.models import Token, TokenEvent
from ui.calendar_days import AT_RISK, within
from ui.confirm import Page
from ui.text import join_names
from users.models import User

Found = tuple[Account, AccountToken]


def _needs(entry: AccountToken, now: datetime) -> bool:
    """Return whether a new consent of this person would help the account: of no use without one, or ending within 30 days."""
    if not selection.living(entry):
        return pool_reasons.explain_entry(entry).by_consent
    return within(entry.token.deadline, AT_RISK, now=now, zone=timezone.get_current_timezone())


def needed(accounts: Sequence[Account], names: Names, now: datetime) -> list[Job]:
    """Return one job per person whose log-in stopped or ends soon, and one that says why for each account where nobody is asked."""
    found: list[Found] = []
    nobody, called = [], labels(accounts)
    for account in accounts:
        paused = account.paused_at is not None
        entries = [] if paused else [entry for entry in selection.in_order(account) if _needs(entry, now)]
        found += [(account, entry) for entry in entries]
        if not entries:
            nobody.append(Job("Nobody", called[account.pk], _why_nobody(account, paused=paused), _nothing))
    return everybody(found, names, now) + nobody


def everybody(entries: Sequence[Found], names: Names, now: datetime) -> list[Job]:
    """Return one job per person, whether or not the log-ins end soon; those that are skipped last.

    A log-in that nobody can be asked to renew is a job of its own.
    """
    by_person: dict[tuple[str, int], list[Found]] = {}
    for account, entry in entries:
        token = entry.token
        refused = bool(actions.cannot_ask(token)) or token.consented_by_id is None
        key = ("log-in", token.pk) if refused else ("person", token.consented_by_id or 0)
        by_person.setdefault(key, []).append((account, entry))
    asked = _asked_today([entry.token for _, entry in entries], now)
    made = [_job(found, names, asked) for found in by_person.values()]
    return sorted(made, key=lambda job: bool(job.skipped))


def _why_nobody(account: Account, *, paused: bool) -> str:
    if paused:
        return "paused"
    if not account.pool.all():
        return "nobody has linked it yet"
    reason = pool_reasons.account_reason(account, selection.in_order(account))
    told = pool_reasons.explain_account(account, reason)
    return f"waiting for {told.waits_for}" if told.waits_for else "nothing ends within 30 days"


def _asked_today(tokens: Sequence[Token], now: datetime) -> dict[int, datetime]:
    """Return when log-ins were asked for today, without those that were renewed since."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    renewed = {token.pk: token.linked_at for token in tokens}
    asks = TokenEvent.objects.filter(token__in=renewed, kind=TokenEvent.Kind.ASKED, at__gte=midnight)
    found = dict(asks.order_by("at").values_list("token_id", "at"))
    return {token_id: at for token_id, at in found.items() if at > renewed[token_id]}


def _job(found: list[Found], names: Names, asked: dict[int, datetime]) -> Job:
    """Return what one person is asked for: what was not asked for today, or, where a tick says so, all of it."""
    account, entry = found[0]
    fresh = [(one, other.token) for one, other in found if other.token_id not in asked]
    everything = [(one, other.token) for one, other in found]
    at = max((asked[other.token_id] for _, other in found if other.token_id in asked), default=None)
    today = f"asked today, {timezone.localtime(at):%H:%M}" if at else ""
    refused = actions.cannot_ask(entry.token)

    def run(by: User, note: str, now: datetime) -> None:
        actions.ask_person(about=fresh, actor=by, note=note, now=now)

    def run_again(by: User, note: str, now: datetime) -> None:
        actions.ask_person(about=everything, actor=by, note=note, now=now)

    asked_for = [one for one, other in found if refused or not fresh or other.token_id not in asked]
    left_out = [one for one, other in found if other.token_id in asked]
    return Job(
        who=names.token(entry.token, account),
        what=_named(asked_for),
        skipped=refused or ("" if fresh else today),
        run=run,
        again=bool(at) and not refused,
        run_again=run_again,
        but=f"not about {_named(left_out)}: {today}" if fresh and at else "",
    )


def _named(accounts: Sequence[Account]) -> str:
    """Return the accounts' names, told apart where two have one name."""
    return join_names(list(labels(accounts).values()))


def page(count: int, jobs: Sequence[Job]) -> Page:
    """Return the confirm page for that many accounts."""
    mails = live(jobs)
    again = [job for job in jobs if job.again]
    return Page(
        question=question(jobs),
        lead=f"One mail a person, with all log-ins and accounts. {number(count, 'account')} chosen.",
        button=f"Send {number(mails, 'mail')}" if mails else "Send again",
        people=lines(jobs, "now"),
        columns=("Person", "Accounts", "Mail"),
        again=f"Ask {join_names([job.who for job in again])} again about what was asked today"
        if again
        else "",
        refused="" if mails or again else "Nobody is asked: see the reasons above.",
    )


def question(jobs: Sequence[Job]) -> str:
    """Return the question of a page that asks: how many people would get a mail."""
    people = live(jobs)
    if people:
        return f"Ask {people} {'person' if people == 1 else 'people'} to re-authenticate?"
    return (
        "Everybody was asked today. Ask again?" if any(job.again for job in jobs) else "Nobody can be asked"
    )


def _nothing(_by: User, _note: str, _now: datetime) -> None:
    """Do nothing: the job is always skipped."""


def mails_on_the_way(count: int) -> str:
    """Return what to say after asking."""
    return f"{number(count, 'mail')} on the way."
