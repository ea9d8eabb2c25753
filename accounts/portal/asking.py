"""Asking many to re-authenticate: one mail per log-in, with all its accounts."""

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from accounts import deeds, faces, selection
from accounts.calendar_days import AT_RISK, within
from accounts.models import Account, AccountToken
from accounts.names import Names
from accounts.portal.confirm import Page
from accounts.portal.jobs import Job, lines, live, number
from tokens.models import Token, TokenEvent
from users.models import User

Found = tuple[Account, AccountToken]


def _needs(entry: AccountToken, now: datetime) -> bool:
    """Tell whether a new consent of this person would help the account: stopped, or ending within 30 days."""
    token = entry.token
    if token.state == Token.State.DEAD:
        return True
    soon = within(token.deadline, AT_RISK, now=now, zone=timezone.get_current_timezone())
    return selection.living(entry) and soon


def needed(accounts: Sequence[Account], names: Names, now: datetime) -> list[Job]:
    """Return one job per log-in that stopped or ends soon, and one that says why for each account where nobody is asked."""
    found: list[Found] = []
    nobody = []
    for account in accounts:
        paused = account.paused_at is not None
        entries = [] if paused else [entry for entry in selection.in_order(account) if _needs(entry, now)]
        found += [(account, entry) for entry in entries]
        if not entries:
            nobody.append(Job("Nobody", account.name, _why_nobody(account, paused=paused), _nothing))
    return everybody(found, names, now) + nobody


def everybody(entries: Sequence[Found], names: Names, now: datetime) -> list[Job]:
    """Return one job per log-in, whether or not it ends soon; those that are skipped last."""
    by_token: dict[int, list[Found]] = {}
    for account, entry in entries:
        by_token.setdefault(entry.token_id, []).append((account, entry))
    asked = _asked_today(list(by_token), now)
    made = [_job(found, names, asked) for found in by_token.values()]
    return sorted(made, key=lambda job: bool(job.skipped))


def _why_nobody(account: Account, *, paused: bool) -> str:
    if paused:
        return "paused"
    return "nothing ends within 30 days" if account.pool.all() else "nobody has linked it yet"


def _asked_today(token_ids: list[int], now: datetime) -> dict[int, datetime]:
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    asks = TokenEvent.objects.filter(token__in=token_ids, kind=TokenEvent.Kind.ASKED, at__gte=midnight)
    return dict(asks.order_by("at").values_list("token_id", "at"))


def _job(found: list[Found], names: Names, asked: dict[int, datetime]) -> Job:
    account, entry = found[0]
    token = entry.token
    at = asked.get(token.pk)
    if at is not None and at <= token.linked_at:
        at = None  # he has re-authenticated since
    refused = deeds.cannot_ask(token)
    skipped = refused or (f"asked today, {timezone.localtime(at):%H:%M}" if at else "")

    def run(by: User, note: str, now: datetime) -> None:
        deeds.ask_to_reauthenticate(account=account, token=token, actor=by, note=note, now=now)

    what = faces.join_names([one.name for one, _ in found])
    return Job(names.token(token, account), what, skipped, run, again=bool(at) and not refused)


def page(count: int, jobs: Sequence[Job]) -> Page:
    """Return the confirm page for that many accounts."""
    mails = live(jobs)
    again = [job for job in jobs if job.again]
    people = len({job.who for job in jobs if not job.skipped})
    asks = f"Ask {people} {'person' if people == 1 else 'people'} to re-authenticate?"
    return Page(
        question=asks if mails or again else "Nobody can be asked",
        lead=f"One mail per log-in, with all its accounts. {number(count, 'account')} chosen.",
        button=f"Send {number(mails, 'mail')}",
        people=lines(jobs, "now"),
        columns=("Person", "Accounts", "Mail"),
        again=f"Send to {faces.join_names([job.who for job in again])} all the same" if again else "",
        refused="" if mails or again else "Nobody is asked: see the reasons above.",
    )


def _nothing(_by: User, _note: str, _now: datetime) -> None:
    """Do nothing: the job is always skipped."""


def mails_on_the_way(count: int) -> str:
    """Return what to say after asking."""
    return f"{number(count, 'mail')} on the way."
