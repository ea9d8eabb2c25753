"""Writing which log-ins back up accounts from now on, and whom to ask first, in one transaction; and the mails, one a person."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts import backup_requests, backup_writing, backups
from accounts.backups import Offer
from accounts.errors import WORDS
from accounts.mails import backup_mail
from accounts.models import Account, AccountToken, BackupRequest
from tokens.models import Token
from ui.phrases import phrase
from users.models import User


@dataclass(frozen=True)
class Outcome:
    """What became of it."""

    added: Sequence[Offer]
    asked: Sequence[Offer]  # their people, before anything is added
    refused: Mapping[int, str]  # account -> why nobody was added, in words


def tell(*, added: Sequence[Offer], asked: Sequence[Offer], actor: User, note: str, now: datetime) -> None:
    """Mail everybody whose log-in was added, and those who are asked, in the transaction that says so."""
    for person, of_person in _by_person(added, actor).items():
        backup_mail.tell(person, of_person, actor=actor, note=note, now=now)
    for person, of_person in _by_person(asked, actor).items():
        backup_mail.ask(person, of_person, actor=actor, note=note, now=now)


@transaction.atomic
def write(
    *, chosen: Mapping[int, int], actor: User, note: str, now: datetime, ask_all: bool = False
) -> Outcome:
    """Add to each account (id) the log-in (id) that was chosen for it, or ask its person, as far as it still may be, in one transaction.

    `ask_all`: ask everybody, and not only whom `backup_requests.asked_first` names.
    Without the mails and the checks: they are the caller's. Never raises for one that may not be: its account is among the refused.
    """
    tokens = {token.pk: token for token in Token.objects.filter(pk__in=set(chosen.values())).locked()}
    accounts = {
        account.pk: account
        for account in Account.objects.filter(pk__in=chosen).select_related("team").locked()
    }
    found = backups.every_offer(account_ids=list(accounts))
    possible = {offer.account_id: offer for offer in found if chosen[offer.account_id] == offer.token.pk}
    linked = set(AccountToken.objects.filter(account__in=accounts).values_list("account", "token"))
    refused = {
        account_id: _why_not(tokens.get(token_id), linked=(account_id, token_id) in linked)
        for account_id, token_id in chosen.items()
        if account_id not in possible
    }
    asked_for = _answers(chosen)
    for account_id in asked_for.keys() & possible.keys():
        del possible[account_id]
    asks = set(possible) if ask_all else backup_requests.asked_first(possible, accounts, actor)
    asked = [one for pk, one in possible.items() if pk in asks]
    made = [one for pk, one in possible.items() if pk not in asks]
    backup_writing.write(made, actor=actor, note=note, now=now)
    backup_requests.write(asked, actor=actor, note=note, now=now)
    return Outcome(made, asked, refused | asked_for)


def _why_not(token: Token | None, *, linked: bool) -> str:
    if linked:
        return phrase(WORDS, "backup_linked_already")
    if token is None or token.state != Token.State.VALID:
        return phrase(WORDS, "backup_stopped")
    return phrase(WORDS, "backup_gone")


def _answers(chosen: Mapping[int, int]) -> dict[int, str]:
    """Return by account why its person is neither added nor asked: they were asked, and have not answered, or declined."""
    states = BackupRequest.State
    waiting = BackupRequest.objects.filter(account__in=chosen, state__in=[states.ASKED, states.DECLINED])
    words = {states.ASKED: "backup_asked_already", states.DECLINED: "backup_declined"}
    return {
        account_id: phrase(WORDS, words[states(state)])
        for account_id, token_id, state in waiting.values_list("account", "token", "state")
        if chosen[account_id] == token_id
    }


def _by_person(offers: Sequence[Offer], actor: User) -> dict[User, list[Offer]]:
    """Return the offers by whom to tell of them: one mail a person; whoever added their own log-in knows."""
    found: dict[User, list[Offer]] = defaultdict(list)
    for offer in offers:
        person = offer.token.consented_by
        if offer.token.kind == Token.Kind.PERSON and person is not None and person.pk != actor.pk:
            found[person].append(offer)
    return found
