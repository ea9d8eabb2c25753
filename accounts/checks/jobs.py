"""Checks that somebody asks for: the sweep does them, and no caller waits for a channel."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from accounts.checks.tasks import check_tokens
from accounts.jobs import services
from accounts.jobs.models import CHECK
from accounts.jobs.services import JobKind, Result, register_kind, results_in_order
from accounts.models import AccountToken, Job
from accounts.sync import services as account_sync
from infra.asking_workers import ask_on_commit
from tokens.models import Token
from users.installation import hold


def make_tokens_due(
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
        account_sync.lift_refusals(account_ids=writes_in, token_ids=lifted, now=now)
    return int(Token.objects.filter(pk__in=token_ids).make_due(now))


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
        make_tokens_due(token_ids=fresh, now=now, writes_in=seen)
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

    `writes_in`, `writes_of`: where refused writes count no more, see `make_tokens_due`. The sweep finds the tokens within a minute
    where no worker could be told. Raises OnHold where nobody is asked.
    """
    due = make_tokens_due(token_ids=token_ids, now=now, writes_in=writes_in, writes_of=writes_of)
    if due:
        ask_on_commit(check_tokens, *sorted(token_ids))
    return due
