"""What a mute kept from its reader is looked at again once it is over: what is dark, restricted, or short of people still.

A sweep looks, not the press that ends a mute: what one who was told of all accounts missed may be most of them.

Others, who were told, are not told again: a notice of the same event to the same reader is written once. What a mail that waited left out
because of the mute counts as missed, too. A shift is no state that goes on, and is not told afterwards.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime

from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from accounts.models import Account, AccountEvent
from accounts.telling import news as telling
from macros import delays
from macros.models import Mute, NewsNotice, Shortage

Kind = AccountEvent.Kind


def look_due(now: datetime) -> None:
    """Have what ended mutes kept from their readers looked at where it is due, in the caller's transaction.

    One small query where nothing is, else a few for each reader.
    """
    due = Mute.objects.filter(look_at__lte=now).order_by("pk").select_for_update(of=("self",))
    if ended := list(due):
        Mute.objects.filter(pk__in=[one.pk for one in ended]).update(look_at=None)
        _look_again(ended, at=now)


def _look_again(ended: Collection[Mute], *, at: datetime) -> None:
    for email, accounts, since in _readers(ended):
        of_these = Q(at__gte=since) if accounts is None else Q(account__in=accounts)
        delays.look_again(_last(delays.of_what_stopped().filter(of_these)), now=at)
        if email:
            telling.look_again(email=email, account_ids=accounts, since=since, now=at)
            delays.look_again(_last(_restricted(email, accounts, since)), now=at)
        delays.look_again((-pk for pk in _short(email, accounts, since)), now=at)


def _readers(ended: Collection[Mute]) -> Iterator[tuple[str, set[int] | None, datetime]]:
    """Return each reader, "" for everybody, with the accounts, None for all, and since when."""
    found: dict[tuple[str, bool], list[Mute]] = defaultdict(list)
    for one in ended:
        found[one.email, one.account_id is None].append(one)
    for (email, of_all), some in found.items():
        accounts = None if of_all else {one.account_id for one in some if one.account_id}
        yield email, accounts, min(one.started_at for one in some)


def _last(events: QuerySet[AccountEvent]) -> QuerySet[AccountEvent, int]:
    """Return the id of the last of each account."""
    return events.order_by().values("account").annotate(last=Max("pk")).values_list("last", flat=True)


def _restricted(email: str, accounts: set[int] | None, since: datetime) -> QuerySet[AccountEvent]:
    """Return what restricts accounts still, and was not told to a reader."""
    restricted = Account.objects.exclude(restriction="")
    if accounts is not None:
        restricted = restricted.filter(pk__in=accounts)
    left_out = NewsNotice.objects.filter(_dropped(email), account=OuterRef("account"), event=OuterRef("pk"))
    events = AccountEvent.objects.filter(kind=Kind.RESTRICTED, account__in=restricted.order_by().values("pk"))
    return events.filter(Q(at__gte=since) | Exists(left_out))


def _short(email: str, accounts: set[int] | None, since: datetime) -> list[int]:
    """Return the shortages that go on and were not told to a reader; of everybody all, since who was told is not told again."""
    found = Shortage.objects.filter(over_at=None)
    if accounts is not None:
        found = found.filter(account__in=accounts)
    if email:
        left_out = NewsNotice.objects.filter(
            _dropped(email), account=OuterRef("account"), action=OuterRef("action"), event=OuterRef("pk") * -1
        )
        found = found.filter(Q(began_at__gte=since) | Exists(left_out))
    return list(found.order_by().values_list("pk", flat=True))


def _dropped(email: str) -> Q:
    return Q(recipient=email, outcome=NewsNotice.Outcome.DROPPED)
