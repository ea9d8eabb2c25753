"""Adding log-ins that reach accounts already as backups: by staff, one account or many, in one transaction.

Some people are asked instead, and add it themselves (`backup_requests`).

The reading behind it may be a week old, so whoever is added is asked about at once. Each person gets one mail, however many accounts.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from accounts import backup_adding, checking
from accounts.backup_adding import Outcome
from users import hold
from users.models import User


def add(*, chosen: Mapping[int, int], actor: User, note: str, now: datetime) -> Outcome:
    """Add to each account (id) the log-in (id) that was chosen for it, as far as it still may be, and have all of them asked about.

    Who was added meanwhile, stopped, or may no longer be used for the account is refused, and stops no other. Raises OnHold.
    """
    hold.refuse()
    with transaction.atomic():
        outcome = backup_adding.write(chosen=chosen, actor=actor, note=note, now=now)
        backup_adding.tell(added=outcome.added, asked=outcome.asked, actor=actor, note=note, now=now)
    if outcome.added:
        checking.ask(token_ids={offer.token.pk for offer in outcome.added}, now=now)
    return outcome
