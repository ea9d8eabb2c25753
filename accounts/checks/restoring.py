"""What ends a hold: asking about all log-ins of a restored installation, or emptying a copy."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from django.db import transaction

from accounts.models import Account, AccountNews, ApiKey
from accounts.pool import services as pool
from accounts.sync import reach
from infra import io_steps
from infra.io_steps import Job
from tokens import lifecycle
from tokens.channels.kinds import DOUBTFUL, Inspection, Verdict
from tokens.lifecycle import TransitionOutcome
from tokens.lifecycle.services import inspect_at_channel
from tokens.models import Token
from tokens.token.queries import TokenQuerySet
from users.installation import hold

AT_ONCE = 8
BATCH = 200
SOURCE = "restored"


@dataclass
class AskedAgain:
    """What a round of questions gave, in log-ins."""

    work: int = 0
    doubtful: int = 0  # refused: in doubt until the ordinary checks, which may renew them, decide
    silent: list[int] = field(default_factory=list)  # ids; their channel gave no usable answer
    closed: int = 0  # no key opens them, so they cannot be asked about


def count_waiting(*, since: datetime) -> int:
    """Return how many log-ins the round that began then has not heard of yet."""
    return _waiting(since).count()


def _waiting(since: datetime) -> TokenQuerySet:
    living = Token.objects.living().filter(credentials__isnull=False)
    return living.exclude(last_checked_at__gte=since)


def ask_all_log_ins(
    *, since: datetime, clock: Callable[[], datetime], progress: Callable[[int], object]
) -> AskedAgain:
    """Ask the channels about every log-in that is not dead, once, and renew none. Called on hold, when nobody else acts.

    What a backup holds may be older than what the channel knows, so a refusal proves nothing here: the log-in is in doubt. Those that
    answered since `since` are not asked again, so a round that was stopped goes on. `progress` hears how many were asked so far.
    """
    found, done, after = AskedAgain(), 0, 0
    with hold.asking():
        while batch := list(
            _waiting(since).filter(pk__gt=after).select_related("app").order_by("pk")[:BATCH]
        ):
            after = batch[-1].pk
            asked = io_steps.run_concurrently(
                {token.pk: _ask(token, clock) for token in batch}, at_once=AT_ONCE
            )
            for token_id, result in asked.items():
                _count(found, token_id, result)
            progress(done := done + len(batch))
    return found


def _ask(token: Token, clock: Callable[[], datetime]) -> Job[TransitionOutcome]:
    inspection: Inspection = yield partial(inspect_at_channel, token)
    classification = inspection.classification
    if classification.verdict in DOUBTFUL:
        inspection = replace(
            inspection, classification=replace(classification, verdict=Verdict.CONFIRM_FIRST)
        )
    return lifecycle.record_inspection(
        token_id=token.pk,
        generation=token.generation,
        inspection=inspection,
        now=clock(),
        source=SOURCE,
        undecided=True,
    )


def _count(found: AskedAgain, token_id: int, result: TransitionOutcome | Exception) -> None:
    if isinstance(result, Exception):
        raise result
    if result.verdict == Verdict.OK:
        found.work += 1
    elif result.verdict in DOUBTFUL:
        found.doubtful += 1
    elif result.verdict == Verdict.OUR_BUG:
        found.closed += 1
    else:
        found.silent.append(token_id)


@transaction.atomic
def throw_credentials_away(*, now: datetime) -> tuple[int, int]:
    """Throw away the credentials of all log-ins and revoke all API keys. Returns how many of each. Nobody is told of it."""
    wiped = lifecycle.wipe_all(now=now)
    pool.settle(
        account_ids=list(Account.objects.values_list("pk", flat=True)),
        cause=Token.REMOVED,
        now=now,
        source=SOURCE,
    )
    reach.forget_all()
    AccountNews.objects.all().delete()
    return wiped, ApiKey.objects.unrevoked().update(revoked_at=now)
