"""What a person answers to who asks for their log-in as a backup: agreeing does it, by what holds then."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts import backup_requests, backup_writing, backups, checking
from accounts.backups import Offer
from accounts.models import Account, AccountEvent, BackupRequest
from tokens.models import Token
from users import hold
from users.models import User

AGREED = "backup_agreed"  # cause of the event in the account's time-line


@dataclass(frozen=True)
class Answered:
    """How many requests were answered, and how many of those agreed to could no longer be carried out."""

    number: int
    too_late: int = 0


def answer(*, person: User, request_ids: Collection[int], agree: bool, now: datetime) -> Answered:
    """Answer those of these requests that are the person's and still open; agreeing adds the backups and has them asked about.

    Raises OnHold where somebody agrees while nobody may be asked.
    """
    if agree:
        hold.refuse()
    with transaction.atomic():
        answered, made = _answer(person, request_ids, now, agree=agree)
    if made:
        checking.ask(token_ids={offer.token.pk for offer in made}, now=now)
    return answered


def _answer(
    person: User, request_ids: Collection[int], now: datetime, *, agree: bool
) -> tuple[Answered, Sequence[Offer]]:
    """Write the answers. The requests are locked after the log-ins and accounts that they are about."""
    mine = backup_requests.waiting_for(person).filter(pk__in=request_ids)
    about = list(mine.values_list("account_id", "token_id"))
    list(Token.objects.filter(pk__in={token_id for _, token_id in about}).locked())
    list(Account.objects.filter(pk__in={account_id for account_id, _ in about}).locked())
    requests = list(mine.order_by("pk").select_for_update(of=("self",)))
    if not agree:
        _decline(requests, person, now)
        return Answered(len(requests)), []
    pairs = {(one.account_id, one.token_id) for one in requests}
    found = backups.every_offer(account_ids={account_id for account_id, _ in pairs})
    made = [offer for offer in found if (offer.account_id, offer.token.pk) in pairs]
    backup_writing.write(made, actor=person, note="", cause=AGREED, now=now)
    done = {(offer.account_id, offer.token.pk) for offer in made}
    agreed = [one.pk for one in requests if (one.account_id, one.token_id) in done]
    _close(agreed, BackupRequest.State.AGREED, now)
    _close([one.pk for one in requests if one.pk not in agreed], BackupRequest.State.ENDED, now)
    return Answered(len(requests), too_late=len(requests) - len(agreed)), made


def _decline(requests: Sequence[BackupRequest], person: User, now: datetime) -> None:
    _close([one.pk for one in requests], BackupRequest.State.DECLINED, now)
    AccountEvent.objects.bulk_create(
        AccountEvent(
            account_id=one.account_id,
            token_id=one.token_id,
            kind=AccountEvent.Kind.BACKUP_DECLINED,
            source="self",
            actor=person,
            at=now,
        )
        for one in requests
    )


def _close(ids: Collection[int], state: BackupRequest.State, now: datetime) -> None:
    BackupRequest.objects.filter(pk__in=ids).update(state=state, answered_at=now)
