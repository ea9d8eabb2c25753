"""Refusals of writes that our own questions contradict: the log-in works, the role permits writing, and yet the channel takes no change.

Only jobs write, so only their reports show it. What the channel's table knows as "this person may not write" counts at once. What it does
not know counts where two words say so within an hour, and only where another person can go on; operators are told. A word is a lease's, and
two leases of one key are one word unless the second was taken when the first was over. Whatever a key says, it shifts an account once an
hour by answers that are known, and one account a day by answers that are not, so that a hostile key cannot walk through a pool.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Account, AccountToken, RefusedWrite
from accounts.sync import entries as pool_entries
from infra import locks
from infra.locks import Lock
from tokens.channels.kinds import WRITE_REFUSALS, AccessCheck, Classification, Reason, Verdict
from tokens.models import Token

WITHIN = timedelta(hours=1)
WORDS = 2  # so many words shift an account where the table does not know the answer
KNOWN_EVERY = timedelta(hours=1)  # one shift of an account, by one key
UNKNOWN_EVERY = timedelta(days=1)  # one shift of any account, by one key
KEPT_FOR = timedelta(days=7)
ONE_LEASE = timedelta(minutes=15)  # how long a lease is good for sending
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
def take(
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
    if fresh is None or _of_key(api_key, now).count() >= ROWS_A_KEY:
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
    if not new or not (_may_shift(word, now) if reason else _is_shared(word, now)):
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


def lift(*, account_ids: Collection[int] | None = None, token_ids: Collection[int], now: datetime) -> None:
    """Forget that the channel refused these people's writes, in these accounts or all of theirs, and ask about their roles at once."""
    refused = AccountToken.objects.filter(token__in=token_ids).exclude(write_refused_at=None)
    if account_ids is not None:
        refused = refused.filter(account__in=account_ids)
    lifted = list(refused.values_list("token_id", flat=True))
    if lifted:
        refused.update(write_refused_at=None, write_refusal="")
        Token.objects.filter(pk__in=lifted).make_due(now)


def forget(*, now: datetime) -> int:
    """Delete old words. Returns how many."""
    return RefusedWrite.objects.filter(at__lt=now - KEPT_FOR).delete()[0]


def _of_key(api_key: int, now: datetime, within: timedelta = WITHIN) -> QuerySet[RefusedWrite]:
    return RefusedWrite.objects.filter(api_key=api_key, at__gt=now - within)


def _may_shift(word: RefusedWrite, now: datetime) -> bool:
    """Return whether this key has not shifted this account within the last hour."""
    shifted = _of_key(word.api_key, now, KNOWN_EVERY).filter(acted_on=True)
    return not shifted.filter(account=word.account_id).exists()


def _is_shared(word: RefusedWrite, now: datetime) -> bool:
    """Return whether a second word says the same of this person, somebody else can go on, and the key has not used up its one shift."""
    if _of_key(word.api_key, now, UNKNOWN_EVERY).filter(acted_on=True, known=False).exists():
        return False
    others = RefusedWrite.objects.filter(
        account=word.account_id, token=word.token_id, known=False, at__gt=now - WITHIN
    ).exclude(pk=word.pk)
    words = [(one.api_key, one.leased_at) for one in others]
    distinct = [one for one in words if one[0] != word.api_key or abs(one[1] - word.leased_at) >= ONE_LEASE]
    return len(distinct) + 1 >= WORDS and _another_can(word)


def _another_can(word: RefusedWrite) -> bool:
    entries = Account.objects.get(pk=word.account_id).pool.select_related("token")
    return any(entry.is_usable for entry in entries if entry.token_id != word.token_id)
