"""Backups at hand in the staff portal: the card below an account's pool, and the page that asks about accounts, one or many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from accounts.backups import jobs as adding
from accounts.backups import queries as backups
from accounts.backups import services as backing_up
from accounts.backups.queries import Offer
from accounts.jobs.models import BACKUP
from accounts.jobs.models import say as say_why
from accounts.models import Account, AccountToken
from accounts.pool import permissions
from accounts.pool.queries import account_labels
from portal import bulk
from ui.confirm import ConfirmLine
from ui.dates import day
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from users.models import User
from users.people.queries import names_for

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
        may=_publishes(offer),
        read_on=day(timezone.localdate(offer.seen_at)),
    )


def _publishes(offer: Offer) -> str:
    """Return whether the person may publish there, as far as it is known."""
    sure = offer.can_publish == AccountToken.CanPublish.YES
    return gettext("can publish") if sure else gettext("not known whether it may publish")


# --- the page ----------------------------------------------------------------------------------------------------------------


def _lines(accounts: Sequence[Account], viewer: User) -> list[ConfirmLine]:
    """Return who would be added to each account, or asked before; and why nobody, last."""
    best, called, names = adding.best_offers(accounts), account_labels(accounts), names_for(viewer)
    asked_first = backing_up.asked_first(best, {one.pk: one for one in accounts}, viewer)
    waiting = backing_up.waiting_of(called)
    made = []
    for account in accounts:
        offer = best.get(account.pk)
        if offer is None:
            why = say_why(adding.why_not(account, waiting))
            made.append(ConfirmLine(called[account.pk], gettext("Nobody"), skipped=why))
            continue
        but = gettext("is asked first") if account.pk in asked_first else ""
        who = names.token(offer.token, account)
        made.append(ConfirmLine(called[account.pk], who, then=_publishes(offer), but=but))
    return sorted(made, key=lambda line: bool(line.skipped))


def _left_over(chosen: bulk.Chosen) -> Mapping[str, object]:
    """Return the accounts that lack a backup and that no log-in at hand reaches: for these somebody can be invited."""
    best = adding.best_offers([] if chosen.unread else chosen.accounts)
    lacking = [one.pk for one in chosen.accounts if one.lacks_backup and not one.is_paused]
    left = [] if chosen.unread else [pk for pk in lacking if pk not in best]
    return {"left_over": ",".join(map(str, left)), "left": len(left)}


BULKS = (
    bulk.Bulk(
        BACKUP,
        _lines,
        gettext_lazy("No log-in of a colleague is known to reach one of them."),
        facts=_left_over,
    ),
)
