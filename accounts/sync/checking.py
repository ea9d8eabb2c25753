"""Checks that somebody asked for: the sweep does them, and the page that asked shows how far they are. No caller waits for a channel."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from accounts.jobs import services
from accounts.jobs.models import CHECK
from accounts.jobs.services import JobKind, Result, register_kind, results_in_order
from accounts.models import Account, AccountToken, Job
from accounts.sync import doubts as access_doubts
from accounts.sync import write_refusals
from accounts.sync.tasks import check_tokens
from infra.asking_workers import ask_on_commit
from tokens.channels.kinds import Verdict
from tokens.models import Token
from ui.name_visibility import NameVisibility
from ui.progress import Asked, Progress, ResultLine
from ui.text import join_names
from users.installation import hold


def make_due(
    *,
    token_ids: Collection[int],
    now: datetime,
    writes_in: Collection[int] = (),
    writes_of: Collection[int] | None = None,
) -> int:
    """Have these tokens and their ad accounts asked about by the sweep. Returns how many there are.

    `writes_in`: the accounts (ids) of which somebody pressed "Check now". Whether the channel takes writes again only the next write tells,
    so refusals of writes are forgotten there, of these tokens or (`writes_of`) of some; in no other account, since nobody has looked there.
    Raises OnHold where nobody is asked.
    """
    hold.refuse()
    if writes_in:
        lifted = token_ids if writes_of is None else writes_of
        write_refusals.lift(account_ids=writes_in, token_ids=lifted, now=now)
    return int(Token.objects.filter(pk__in=token_ids).make_due(now))


SHOWN_FOR = timedelta(minutes=10)  # how long a page says what came of a check
REFRESHED_FOR = timedelta(minutes=2)  # how long it looks again by itself
READING = timedelta(seconds=3)


def check_accounts(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
    """Have all tokens of these accounts asked about, each once in a job. Raises OnHold."""
    seen = list(services.accounts_of_job(job, keys).values_list("pk", flat=True))
    tokens: dict[int, list[int]] = defaultdict(list)
    fresh: set[int] = set()
    entries = AccountToken.objects.filter(account__in=seen)
    for account, token, checked in entries.values_list("account", "token", "token__last_checked_at"):
        tokens[account].append(token)
        if checked is None or checked < job.created_at:
            fresh.add(token)
    if fresh:
        make_due(token_ids=fresh, now=now, writes_in=seen)
    results = {
        pk: Result.done(pk, "checked", n=len(tokens[pk])) if tokens[pk] else Result.skips(pk, "nobody_linked")
        for pk in seen
    }
    return results_in_order(keys, results)


def register_job() -> None:
    """Say how this job is done."""
    register_kind(CHECK, JobKind("tokens.probe_token", check_accounts))


def ask_to_check(
    *,
    token_ids: Collection[int],
    now: datetime,
    writes_in: Collection[int] = (),
    writes_of: Collection[int] | None = None,
) -> int:
    """Have these tokens and their ad accounts asked about at once. Returns how many there are.

    `writes_in`, `writes_of`: where refused writes count no more, see `make_due`. The sweep finds the tokens within a minute
    where no worker could be told. Raises OnHold where nobody is asked.
    """
    due = make_due(token_ids=token_ids, now=now, writes_in=writes_in, writes_of=writes_of)
    if due:
        ask_on_commit(check_tokens, *sorted(token_ids))
    return due


def is_done(token: Token, now: datetime) -> bool:
    """Return whether a check that was asked for has ended: nobody holds the token, it is no longer due, and its ad accounts were read.

    These are read right after the token was asked about, which nothing marks: a few seconds are left to them.
    """
    held = (
        token.claimed_until is not None and token.claimed_until > now
    ) or token.refresh_wanted_at is not None
    reading = token.last_checked_at is not None and token.last_checked_at > now - READING
    return not held and not reading and (token.due_at is None or token.due_at > now)


def progress_of(
    account: Account, asked: Asked | None, names: NameVisibility, now: datetime
) -> Progress | None:
    """Return how far the checks of an account's tokens are that were asked for; None where none were, or they are long over."""
    if asked is None or not asked.at <= now < asked.at + SHOWN_FOR:
        return None
    found = results(account, asked.rows, asked_at=asked.at, now=now)
    called = [(names.token(entry.token, account), result) for entry, result in found]
    waiting = [name for name, result in called if result is None]
    return Progress(
        asked_at=asked.at,
        waiting=join_names(list(dict.fromkeys(waiting))),
        late=now >= asked.at + REFRESHED_FOR,
        lines=[ResultLine(name, result) for name, result in called if result is not None],
    )


class CheckResult(StrEnum):
    """What came of a check of one token, and of its access to one account."""

    DEAD = "dead"
    APP_FAULT = "app_fault"
    OUR_BUG = "our_bug"
    UNCLEAR = "unclear"
    DOUBTED = "doubted"  # the channel says that it is over, which is not believed yet
    ACCESS_LOST = "access_lost"
    CANNOT_PUBLISH = "cannot_publish"
    FINE = "fine"


def results(
    account: Account, token_ids: Collection[str], *, asked_at: datetime, now: datetime
) -> list[tuple[AccountToken, CheckResult | None]]:
    """Return what came of the checks of these tokens of an account's pool that were asked for then, in the pool's order.

    None: it is not done yet.
    """
    return [
        (entry, _result(account, entry, asked_at) if is_done(entry.token, now) else None)
        for entry in account.pool_in_order()
        if str(entry.token_id) in token_ids
    ]


def _result(account: Account, entry: AccountToken, asked_at: datetime) -> CheckResult:
    token = entry.token
    told = token.last_checked_at is not None and token.last_checked_at >= asked_at
    found = (
        (token.state == Token.State.DEAD, CheckResult.DEAD),
        (told and token.doubted_at is not None, CheckResult.DOUBTED),
        (token.last_check_result == Verdict.APP_FAULT, CheckResult.APP_FAULT),
        (token.last_check_result == Verdict.OUR_BUG, CheckResult.OUR_BUG),
        (not told or token.state != Token.State.VALID, CheckResult.UNCLEAR),
    )
    for holds, result in found:
        if holds:
            return result
    if access_doubts.is_doubted(token.pk, account.native_id):
        return CheckResult.DOUBTED
    if entry.access == AccountToken.Access.LOST:
        return CheckResult.ACCESS_LOST
    return CheckResult.CANNOT_PUBLISH if entry.can_publish == AccountToken.CanPublish.NO else CheckResult.FINE
