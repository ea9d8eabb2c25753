"""The one mail about what happened to accounts, made at sending of what holds then."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.pool import mails as mailing
from accounts.pool.mails import ReaderWithNames
from macros.at_once import services
from macros.at_once.cards import CARDS, Group, cards_of, groups_of
from macros.at_once.queries import SLICE, read_facts
from macros.at_once.rules import why_not
from macros.mutes.mails import finish_mail, foot_addresses, may_stop_mails
from macros.notices import history
from macros.notices.models import Shortage, Told
from macros.notices.values import AccountFacts
from notifications.models import Message
from notifications.outbox.mails import Mail, NotWanted, register_kind
from ui import addresses
from ui.text import join_names, quoted
from users.models import User
from users.people.queries import Via
from users.signals import address_changed

Kind = Told.Kind


def build_news(message: Message) -> Mail:
    """Build the mail from what still holds. Raises NotWanted, with the reasons, where nothing does."""
    now = timezone.now()
    rows, looked = _still(message)
    reader = mailing.reader_of(message)
    may_stop = may_stop_mails(message)
    asks = any(one.asks for one in rows) and any(one.action_id for one in rows)
    foot = foot_addresses(message, user=reader.user, may_stop=may_stop, asks=asks)
    if not any(one.action_id for one in rows):
        foot["not_mine_url"] = ""  # whose log-in it is, or who stands in, was not named by anybody
    groups = groups_of(rows, looked, message.recipient)
    mail = compose_news(rows, groups, looked, message, reader, foot, now=now)
    return finish_mail(
        mail,
        message,
        user=reader.user,
        first=Account.objects.get(pk=groups[0].accounts[0]),
        stop=foot["stop_url"],
        teams={one.team_id for one in rows},
        now=now,
    )


def _still(message: Message) -> tuple[list[Told], Mapping[int, AccountFacts]]:
    """Return what a message still has to say, and the accounts as they are. Drops are recorded. Raises NotWanted where nothing is left."""
    rows = list(Told.objects.live().filter(message=message).select_related("action__macro").order_by("pk"))
    since = {one.account_id: min(one.at for one in rows) - timedelta(days=1) for one in rows}
    ids, looked = sorted(since), dict[int, AccountFacts]()
    kept_rows, dropped = list[Told](), dict[str, list[Told]]()
    over = _over_shortages(rows)
    for place in range(0, len(ids), SLICE):
        some = read_facts({pk: since[pk] for pk in ids[place : place + SLICE]})
        looked |= some.accounts
        for row in rows:
            if (account := some.accounts.get(row.account_id)) is not None:
                again = row.kind == Kind.FEW_PEOPLE and (row.event in over or _enough(row, account))
                reason = "people_again" if again else why_not(row, account, some)
                (dropped.setdefault(reason, []) if reason else kept_rows).append(row)
    for reason, gone in dropped.items():
        services.drop_told(gone, reason)
    if not kept_rows:
        raise NotWanted(*(sorted(dropped) or ["deleted_or_told"]))
    return kept_rows, looked


def _enough(row: Told, account: AccountFacts) -> bool:
    """Return whether an account that was short of people now is not."""
    action = row.action
    return account.deactivated or (
        action is not None and not action.within and account.people_count >= (action.people or 0)
    )


def _over_shortages(rows: Sequence[Told]) -> set[int]:
    """Return the numbers of shortages of people that are over, as rows have them."""
    asked = {-one.event for one in rows if one.kind == Kind.FEW_PEOPLE}
    lasting = (
        set(Shortage.objects.running().filter(pk__in=asked).values_list("pk", flat=True)) if asked else set()
    )
    return {-pk for pk in asked - lasting}


def compose_news(
    rows: Sequence[Told],
    groups: Sequence[Group],
    looked: Mapping[int, AccountFacts],
    message: Message,
    reader: ReaderWithNames,
    more: Mapping[str, object],
    *,
    now: datetime,
) -> Mail:
    """Return the mail that tells a reader of these groups, with `more` facts: the addresses of its foot."""
    shown = groups[:CARDS]
    cards = cards_of(shown, looked, reader, now)
    ids = {one.account_id for one in rows}
    macros = sorted({one.action.macro.name for one in rows if one.action})
    first = cards[0]
    facts = {
        "first": first,
        "name": first["line"]["name"],  # type: ignore[index]  # a line
        "channel": first["channel"],
        "more": len(ids) - 1,
        "sums": _sums(groups, looked, cards),
        "cards": cards,
        "unseen": len(ids - {pk for one in shown for pk in one.accounts}),
        "personal": any("?log_in=" in str(one.get("renew_url", "")) for one in cards),
        "macros": join_names([quoted(name) for name in macros]),
        "macro_count": len(macros),
        "because": _because(rows, groups[0], first),
        "about_channel": first["channel"] if first.get("mine") else "",
        "about_url": addresses.absolute_url("channel_page", first["channel_key"])
        if first.get("mine")
        else "",
    }
    return mailing.compose_account_mail(services.KIND, message, reader, facts | dict(more))


def _sums(
    groups: Sequence[Group], looked: Mapping[int, AccountFacts], cards: Sequence[Mapping[str, object]]
) -> list[dict[str, object]]:
    """Return how many accounts what happened to, and whom what is dark waits for; without the reader's own log-ins."""
    found: Counter[tuple[str, str]] = Counter()
    for group, card in zip_longest(groups, cards, fillvalue=None):
        assert group is not None  # there are no more cards than groups
        if group.card != "ended":
            found[group.card, ""] += len(group.accounts)
        elif not group.mine:
            dark = sum(looked[pk].state != Account.State.CONNECTED for pk in group.accounts)
            who = (card.get("waits_for") or card.get("person")) if card else ""
            found["dark", str(who or "")] += dark
            found["goes_on", ""] += len(group.accounts) - dark
    return [{"kind": kind, "who": who, "number": number} for (kind, who), number in found.items() if number]


def _because(rows: Sequence[Told], group: Group, first: Mapping[str, object]) -> str:
    """Return why the reader gets the mail, by what comes first in it."""
    ways = {Via(one.via) for one in group.rows}
    if group.mine:
        return "owner" if first.get("system") else "linked"
    if Via.TEAM_LEAD in ways:
        return "lead"
    if Via.OPERATOR in ways:
        return "operator"
    if any(one.action_id for one in rows):
        return "macro"
    if first.get("you_help"):
        return "admin"
    return {"restricted": "restricted", "works": "told"}.get(group.card, "looks_after")


def register() -> None:
    """Say how the mail is built, and that what was told goes along to a new address."""
    register_kind(
        services.KIND,
        build_news,
        name=_("What happened to accounts"),
        ended=services.record_end,
        why=history.facts_of,
        asks=True,
        readdress=services.readdress,
    )
    address_changed.connect(services.take_along, sender=User, dispatch_uid="macros.at_once")
