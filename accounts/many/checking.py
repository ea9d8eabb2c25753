"""Having the tokens of accounts checked: they become due, and the sweep asks the channels within a minute."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from accounts import due_checks
from accounts.jobs import services
from accounts.jobs.handlers import Result, in_order
from accounts.models import AccountToken, Job


def check(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
    """Have all tokens of these accounts asked about, each once in a job. Raises OnHold."""
    seen = list(services.accounts_of(job, keys).values_list("pk", flat=True))
    tokens: dict[int, list[int]] = defaultdict(list)
    fresh: set[int] = set()
    entries = AccountToken.objects.filter(account__in=seen)
    for account, token, checked in entries.values_list("account", "token", "token__last_checked_at"):
        tokens[account].append(token)
        if checked is None or checked < job.created_at:
            fresh.add(token)
    if fresh:
        due_checks.make_due(token_ids=fresh, now=now, writes_in=seen)
    results = {
        pk: Result.done(pk, "checked", n=len(tokens[pk])) if tokens[pk] else Result.skips(pk, "nobody_linked")
        for pk in seen
    }
    return in_order(keys, results)
