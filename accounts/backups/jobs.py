"""Adding a backup to accounts that one person carries, or nobody: the best log-in that reaches each. People are told once, at the end."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from accounts.backups import queries as backups
from accounts.backups import services as backing_up
from accounts.backups.queries import Offer
from accounts.checks import jobs as due_checks
from accounts.jobs import services
from accounts.jobs.models import BACKUP
from accounts.jobs.services import JobKind, Outcome, Result, register_kind, results_in_order
from accounts.models import Account, Job
from accounts.pool import permissions
from tokens.models import Token
from users.people.queries import names_for


def add_to_each(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
    """Add to each account the best log-in at hand, or ask its person first (`backing_up`); `tell_at_end` tells them."""
    found = list(services.accounts_of_job(job, keys).only("pk", "team", "people_count", "paused_at"))
    names = names_for(job.user)
    chosen = {pk: offer.token.pk for pk, offer in best_offers(found).items()}
    outcome = backing_up.write_backups(chosen=chosen, actor=job.user, note=job.note, now=now)
    if outcome.added:
        due_checks.make_tokens_due(token_ids={offer.token.pk for offer in outcome.added}, now=now)
    waiting = backing_up.waiting_of([one.pk for one in found])
    results = {one.pk: Result.skips(one.pk, why_not(one, waiting)) for one in found}
    by_id = {one.pk: one for one in found}
    for offers, why in ((outcome.added, "backed_up_by"), (outcome.asked, "asked_first")):
        for offer in offers:
            who = names.token(offer.token, by_id[offer.account_id])
            results[offer.account_id] = Result.done(offer.account_id, why, who=who, token=offer.token.pk)
    return results_in_order(keys, results)


def best_offers(accounts: Sequence[Account]) -> dict[int, Offer]:
    """Return by account the best log-in that could be added, where one person carries it, or nobody, and it is not paused."""
    few = [one.pk for one in accounts if one.lacks_backup and not one.is_paused]
    return {pk: found[0] for pk, found in backups.offers_by_account(account_ids=few).items()}


def why_not(account: Account, waiting: Collection[int]) -> str:
    """Return why nobody is added to an account, as a block of words/jobs.txt. `waiting`: somebody was asked about these."""
    if account.is_paused:
        return "paused"
    if not account.lacks_backup:
        return "several_carry_it"
    return "asked_and_waits" if account.pk in waiting else "none_reaches"


def tell_at_end(job: Job, now: datetime) -> None:
    """Tell everybody whose log-in was added, and ask those who are to agree: one mail a person, however many accounts."""
    made: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for key, why, facts in job.items.filter(outcome=Outcome.DONE).values_list("key", "why", "facts"):
        made[why].append((key, facts["token"]))
    ids = {token for pairs in made.values() for _, token in pairs}
    tokens = Token.objects.select_related("app", "consented_by").in_bulk(ids)
    added, asked = (
        [Offer(key, tokens[pk], "", "", now) for key, pk in made[why] if pk in tokens]
        for why in ("backed_up_by", "asked_first")
    )
    backing_up.tell_of_backups(added=added, asked=asked, actor=job.user, note=job.note, now=now)


def register_job() -> None:
    """Say how this job is done."""
    register_kind(BACKUP, JobKind(permissions.ADD_BACKUP, add_to_each, finish=tell_at_end))
