"""Refusals of writes that our own questions contradict: the log-in works, the role permits writing, and yet the channel takes no change.

Only jobs write, so only their reports show it. What the channel's table knows as "this person may not write" counts at once. What it does
not know counts where two words say so within an hour, and only where another person can go on; operators are told. A word is a lease's, and
two leases of one key are one word unless the second was taken when the first was over. Whatever a key says, it shifts an account once an
hour by answers that are known, and one account a day by answers that are not, so that a hostile key cannot walk through a pool.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import AccountToken, RefusedWrite
from accounts.sync import entries as pool_entries
from infra import locks
from infra.locks import Lock
from tokens.channels.kinds import WRITE_REFUSALS, AccessCheck, Classification, Reason, Verdict
from tokens.models import Token

KEPT_FOR = timedelta(days=7)
ROWS_A_KEY = 1000  # words kept of one key within an hour; what is more counts for nothing

# An answer that blames the app counts too: our own questions with the same app are answered well.
_CONTRADICTED = frozenset(
    {
        Verdict.ACCESS_LOST,
        Verdict.CONFIRM_FIRST,
        Verdict.TOKEN_DEAD,
        Verdict.ACCOUNT_RESTRICTED,
        Verdict.APP_FAULT,
    }
)


@transaction.atomic
def take_refused_write(
    *,
    token: Token,
    account_id: int,
    api_key: int,
    leased_at: datetime,
    classification: Classification,
    read: AccessCheck,
    now: datetime,
) -> bool:
    """Take a job's word that the channel refused a write, after our own question found the token fine.

    `leased_at` is when the reported lease was given, `classification` what the job's answer means, `read` what the channel says of the ad
    account when we ask: where that tells the trouble itself, there is nothing to decide. Returns whether the person now counts as one who
    may not write here. Reports at the same time are taken one after the other: per key, then per token.
    """
    if not _permits_writing(read):
        return False
    reason = known_reason(read.classification) or known_reason(classification)
    if reason is None and classification.verdict not in _CONTRADICTED:
        return False
    locks.take(Lock.REFUSED_WRITES, str(api_key))
    fresh = Token.objects.filter(pk=token.pk, generation=token.generation).locked().first()
    kept = RefusedWrite.objects.of_key(api_key, since=now - RefusedWrite.WITHIN)
    if fresh is None or kept.count() >= ROWS_A_KEY:
        return False
    word, new = RefusedWrite.objects.get_or_create(
        account_id=account_id,
        token=fresh,
        api_key=api_key,
        leased_at=leased_at,
        defaults={
            "reason": reason or Reason.WRITING_REFUSED,
            "known": reason is not None,
            "said": classification.note or classification.row,
            "at": now,
        },
    )
    if not new or not (word.may_shift(now) if reason else word.is_shared(now)):
        return False
    refused = pool_entries.refuse_writing(
        token=fresh, account_id=account_id, reason=Reason(word.reason), note=word.said, now=now
    )
    if refused:
        RefusedWrite.objects.filter(pk=word.pk).update(acted_on=True)
    return refused


def _permits_writing(read: AccessCheck) -> bool:
    """Return whether what we read contradicts the job's answer, or says itself that this person may not write."""
    if read.classification.reason in WRITE_REFUSALS:
        return True
    return read.account is not None and read.account.can_publish != "no" and not read.account.restriction


def known_reason(classification: Classification) -> Reason | None:
    """Return why a person may not write, where the channel's table says that an answer means it; else None."""
    if classification.verdict != Verdict.ACCESS_LOST:
        return None
    return (
        classification.reason if classification.reason in WRITE_REFUSALS | {Reason.PUBLISHING_LOST} else None
    )


def lift_refusals(
    *, account_ids: Collection[int] | None = None, token_ids: Collection[int], now: datetime
) -> None:
    """Forget that the channel refused these people's writes, in these accounts or all of theirs, and ask about their roles at once."""
    refused = AccountToken.objects.filter(token__in=token_ids).exclude(write_refused_at=None)
    if account_ids is not None:
        refused = refused.filter(account__in=account_ids)
    lifted = list(refused.values_list("token_id", flat=True))
    if lifted:
        refused.update(write_refused_at=None, write_refusal="")
        Token.objects.filter(pk__in=lifted).make_due(now)


def forget_refusals(*, now: datetime) -> int:
    """Delete old words. Returns how many."""
    return RefusedWrite.objects.filter(at__lt=now - KEPT_FOR).delete()[0]
