"""Accounts that one person carries and that somebody else's own log-in reaches already: that person may back them up at a press."""

from collections.abc import Collection
from datetime import datetime

from accounts import backup_adding, backups, checking
from accounts.backup_adding import Outcome
from accounts.backups import Offer
from accounts.models import Account
from tokens.models import Token
from users import hold, roles
from users.models import User

MOST = 200  # accounts that are looked at; the others follow when these are backed up


def offers_to(user: User, *, among: Collection[int] | None = None) -> list[Offer]:
    """Return which of the person's accounts (or of those `among` them, ids) an own log-in could back up, as `backups.offers` has it.

    Nothing for auditors and contacts. A fixed number of queries.
    """
    if roles.only_looks(user) or user.is_contact:
        return []
    working = Token.objects.filter(
        consented_by=user, state=Token.State.VALID, kind=Token.Kind.PERSON
    ).order_by()
    channels = list(working.values_list("app__channel", flat=True).distinct())
    if not channels:
        return []
    alone = Account.objects.of_person(user).filter(channel__in=channels, people_count__lte=1, paused_at=None)
    if among is not None:
        alone = alone.filter(pk__in=among)
    ids = list(alone.order_by("pk").values_list("pk", flat=True)[:MOST])
    found = backups.offers(account_ids=ids) if ids else {}
    return [
        offer
        for of_account in found.values()
        for offer in of_account
        if offer.token.consented_by_id == user.pk and offer.token.kind == Token.Kind.PERSON
    ]


def back_up(*, user: User, account_ids: Collection[int], now: datetime) -> Outcome:
    """Add the person's own log-in to those of these accounts that it may back up, and have it asked about. Raises OnHold."""
    hold.refuse()
    chosen = {offer.account_id: offer.token.pk for offer in offers_to(user, among=account_ids)}
    done = backup_adding.write(chosen=chosen, actor=user, note="", now=now)
    if done.added:
        checking.ask(token_ids={offer.token.pk for offer in done.added}, now=now)
    return done
