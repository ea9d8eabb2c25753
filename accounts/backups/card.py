"""The card below an account's pool: whose log-ins reach the account already, and could be added to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from accounts.backups import queries as backups
from accounts.backups import services as backing_up
from accounts.backups.queries import Offer
from accounts.models import Account, AccountToken
from accounts.pool import permissions
from ui.dates import day
from ui.name_visibility import NameVisibility
from ui.phrases import phrase

say = partial(phrase, "words/pool.txt")
SHOWN = 5


@dataclass(frozen=True)
class OfferRow:
    """One log-in that could be added, as the viewer may know it."""

    name: str
    role: str
    may: str  # whether it may publish
    read_on: str


@dataclass(frozen=True)
class Card:
    """The first log-ins that could be added to an account, and how many more there are."""

    rows: Sequence[OfferRow]
    unseen: int
    answers: Sequence[str] = ()  # what became of those who were asked
    url: str = ""  # of the page that asks before the best is added; "" for who may not add


def backup_card(request: HttpRequest, account: Account, names: NameVisibility) -> Card | None:
    """Return the card of an account that one person carries, or nobody; None where nobody could be added."""
    if not account.lacks_backup:
        return None
    found = backups.offers_by_account(account_ids=[account.pk]).get(account.pk, [])
    rows = [_offer_row(account, offer, names) for offer in found[:SHOWN]]
    answers = _answers(account, names)
    url = f"{reverse('admin:accounts_account_bulk_backup')}?account={account.pk}" if rows else ""
    if not request.user.has_perm(permissions.ADD_BACKUP):
        url = ""
    return Card(rows, len(found) - len(rows), answers, url) if rows or answers else None


def _answers(account: Account, names: NameVisibility) -> list[str]:
    """Return in a sentence each who was asked last, and what became of it."""
    return [
        say(
            f"backup_{one.stage}",
            who=names.token(one.token, account) if one.token else "",
            when=day(timezone.localdate(one.ask.created_at)),
            day=day(timezone.localdate(one.done_at or one.ask.ended_at or one.ask.created_at)),
        )
        for one in backing_up.requests_of_account(account)[:SHOWN]
    ]


def _offer_row(account: Account, offer: Offer, names: NameVisibility) -> OfferRow:
    """Return what is said of a log-in that could be added."""
    return OfferRow(
        name=names.token(offer.token, account),
        role=offer.role,
        may=publishes(offer),
        read_on=day(timezone.localdate(offer.seen_at)),
    )


def publishes(offer: Offer) -> str:
    """Return whether the person may publish there, as far as it is known."""
    sure = offer.can_publish == AccountToken.CanPublish.YES
    return gettext("can publish") if sure else gettext("not known whether it may publish")
