"""Writing that log-ins back up accounts: the pool entries, one event each, the settled pools."""

from collections.abc import Sequence
from datetime import datetime

from accounts import pool
from accounts.backups import Offer
from accounts.models import AccountEvent, AccountToken
from tokens import lifecycle
from users.models import User

ADDED = "backup"  # cause of the event in the account's time-line


def write(made: Sequence[Offer], *, actor: User, note: str, now: datetime, cause: str = ADDED) -> None:
    """Write the pool entries with one event each, and settle. The caller holds the locks of the tokens, then of the accounts."""
    if not made:
        return
    ids = [offer.account_id for offer in made]
    AccountToken.objects.bulk_create(
        AccountToken(
            account_id=offer.account_id,
            token=offer.token,
            role=offer.role,
            can_publish=offer.can_publish,
            facts=offer.facts,
            added_by=actor,
            added_at=now,
        )
        for offer in made
    )
    AccountEvent.objects.bulk_create(
        AccountEvent(
            account_id=offer.account_id,
            token=offer.token,
            kind=AccountEvent.Kind.LINKED,
            cause=cause,
            source="staff",
            actor=actor,
            note=note[:300],
            at=now,
        )
        for offer in made
    )
    lifecycle.note_linked(token_ids={offer.token.pk for offer in made}, now=now)
    pool.settle(account_ids=ids, cause="linked", now=now, source="staff", actor=actor, note=note[:300])
