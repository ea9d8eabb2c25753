"""Adding log-ins that reach accounts already as backups: by staff, one account or many, in one transaction.

The reading behind it may be a week old, so whoever is added is asked about at once. Each person gets one mail, however many accounts.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts import backups, checking, pool
from accounts.backups import Offer
from accounts.errors import WORDS
from accounts.mails import backup_mail
from accounts.models import Account, AccountEvent, AccountToken
from tokens import lifecycle
from tokens.models import Token
from ui.phrases import phrase
from users import hold
from users.models import User

CAUSE = "backup"  # of the event in the account's time-line


@dataclass(frozen=True)
class Outcome:
    """What became of it."""

    added: Sequence[Offer]
    refused: Mapping[int, str]  # account -> why nobody was added, in words


def add(*, chosen: Mapping[int, int], actor: User, note: str, now: datetime) -> Outcome:
    """Add to each account (id) the log-in (id) that was chosen for it, as far as it still may be, and have all of them asked about.

    Who was added meanwhile, stopped, or may no longer be used for the account is refused, and stops no other. Raises OnHold.
    """
    hold.refuse()
    outcome = _add(chosen, actor, note, now)
    if outcome.added:
        checking.ask(token_ids={offer.token.pk for offer in outcome.added}, now=now)
    return outcome


@transaction.atomic
def _add(chosen: Mapping[int, int], actor: User, note: str, now: datetime) -> Outcome:
    tokens = {token.pk: token for token in Token.objects.filter(pk__in=set(chosen.values())).locked()}
    accounts = {account.pk: account for account in Account.objects.filter(pk__in=chosen).locked()}
    found = backups.every_offer(account_ids=list(accounts))
    possible = {offer.account_id: offer for offer in found if chosen[offer.account_id] == offer.token.pk}
    linked = set(AccountToken.objects.filter(account__in=accounts).values_list("account", "token"))
    refused = {
        account_id: _why_not(tokens.get(token_id), linked=(account_id, token_id) in linked)
        for account_id, token_id in chosen.items()
        if account_id not in possible
    }
    made = [possible[account_id] for account_id in chosen if account_id in possible]
    write(made, actor=actor, note=note, now=now)
    _tell(made, actor, note, now)
    return Outcome(made, refused)


def write(made: Sequence[Offer], *, actor: User, note: str, now: datetime) -> None:
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
            cause=CAUSE,
            source="staff",
            actor=actor,
            note=note[:300],
            at=now,
        )
        for offer in made
    )
    lifecycle.note_linked(token_ids={offer.token.pk for offer in made}, now=now)
    pool.settle(account_ids=ids, cause="linked", now=now, source="staff", actor=actor, note=note[:300])


def _why_not(token: Token | None, *, linked: bool) -> str:
    if linked:
        return phrase(WORDS, "backup_linked_already")
    if token is None or token.state != Token.State.VALID:
        return phrase(WORDS, "backup_stopped")
    return phrase(WORDS, "backup_gone")


def _tell(made: Sequence[Offer], actor: User, note: str, now: datetime) -> None:
    """Tell each person of all accounts by one mail; whoever added their own log-in knows."""
    by_person: dict[User, list[Offer]] = defaultdict(list)
    for offer in made:
        person = offer.token.consented_by
        if offer.token.kind == Token.Kind.PERSON and person is not None and person.pk != actor.pk:
            by_person[person].append(offer)
    for person, of_person in by_person.items():
        backup_mail.tell(person, of_person, actor=actor, note=note, now=now)
