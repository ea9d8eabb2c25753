"""The mails of asks to link accounts: the client link, made while it is sent; to who has a log-in here; and that a link was used."""

from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet
from django.utils import timezone

from accounts.asks import inviting, links
from accounts.asks.models import Ask, AskLine
from accounts.models import Account
from notifications import composing, unarrived_mails
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens.channels import declarations
from tokens.models import Token
from ui import addresses, dates
from ui.text import before_more, first_name, join_names
from users.models import User

NAMED = 10


def _asks_of(message: Message) -> QuerySet[Ask]:
    asks = Ask.objects.select_related("team", "made_by", "contact")
    return asks.filter(pk__in=message.payload["asks"]).order_by("team__name", "pk")


def note_ended(message: Message) -> None:
    """Tell whoever asked that the mail did not arrive, in the transaction that records it. Of several asks it names the first."""
    if not unarrived_mails.is_unarrived(message):
        return
    now, failed = timezone.now(), message.state == Message.State.FAILED
    for ask in _asks_of(message).order_by("pk"):
        expired = ask.ends_at <= now and ask.ending in {"", Ask.Ending.LAST_DAY}
        if (ask.is_open(now) if failed else expired) and ask.answers_to is not None:
            page = "client_link_of" if ask.key else ""
            unarrived_mails.tell(about=message, to=ask.answers_to, now=now, page=page, page_id=ask.pk)
            return


# --- the client link ----------------------------------------------------------------------------------------------------------


def build(message: Message) -> Mail:
    """Build the mail with the link, or with one a team.

    Raises NotWanted where all of them are used, revoked, gone or past, or act for whoever reads them no more: switched off since.
    """
    now = timezone.now()
    open_ones = [one for one in _asks_of(message) if one.is_open(now)]
    if not open_ones:
        raise NotWanted("client_link_over")
    barred = links.barred_by(open_ones[0], now)
    if isinstance(barred, User) and not barred.is_active:
        raise NotWanted("person_left")
    reader, first = composing.Reader(None), open_ones[0]
    cards = [
        {
            "team": str(link.team) if len(open_ones) > 1 else "",
            "channels": _channels(link),
            "accounts": join_names(
                [one.name or one.native_id for one in link.asked_for[:NAMED]], len(link.asked_for)
            ),
            "link": links.address_of(link),
        }
        for link in open_ones
    ]
    facts = {
        "organisation": settings.ORGANISATION_NAME,
        "asker": first.asker,
        "name": first.name,
        "teams": len(open_ones),
        "team": join_names([str(link.team) for link in open_ones]),
        "note": first.note,
        "channels": _channels(*open_ones),
        "cards": cards,
        "until": dates.moment(first.ends_at, zone=reader.zone).full,
        "why_url": "",
    }
    maker = first.answers_to
    mail = composing.compose(links.MAIL, message, reader, facts, reply_to=maker.email if maker else "")
    for one in cards:
        mail = composing.without_link(mail, one["link"])
    return mail


def _channels(*asks: Ask) -> str:
    """Return what is left to be linked by them."""
    left = dict.fromkeys(channel for link in asks for channel in link.left)
    return join_names([str(declarations.label(channel)) for channel in left])


def build_used(message: Message) -> Mail:
    """Build "your link was used", for its maker, or for whoever stands in.

    Raises NotWanted where the link is gone, or where its maker can no longer log in, or is no longer of its team.
    """
    reader, link = composing.reader_of(message), _asks_of(message).first()
    if link is None:
        raise NotWanted("client_link_over")
    maker = link.made_by
    own = maker is not None and maker.email == message.recipient
    if own and link.answers_to is None:
        raise NotWanted("person_left")
    channel, ids = message.payload["channel"], message.payload["accounts"]
    accounts = Account.objects.filter(pk__in=ids).order_by("name")
    log_in = Token.objects.filter(pk=message.payload["log_in"]).first()
    unseen = max(0, len(ids) - NAMED)
    facts = {
        "who": link.name or link.email,
        "email": link.email,
        "first_name": first_name(str(reader.user)) if reader.user else "",
        "maker": "" if own else str(maker or ""),
        "missed": "" if own else _why_not(link),
        "own": own,
        "channel": declarations.label(channel),
        "team": str(link.team),
        "left": join_names([str(declarations.label(one)) for one in link.left]),
        "count": len(ids),
        "accounts": before_more([account.name for account in accounts[:NAMED]], unseen=unseen),
        "unseen": unseen,
        "log_in": log_in.native_user_name if log_in else "",
        "url": _page_of(link, accounts, reader.user),
    }
    return composing.compose(links.USED_MAIL, message, reader, facts)


def _why_not(link: Ask) -> str:
    """Return why whoever made a link is not told: "left", "left_team" or "unreached"."""
    if link.made_by is None or not link.made_by.is_active:
        return "left"
    return "left_team" if link.answers_to is None else "unreached"


def _page_of(link: Ask, accounts: QuerySet[Account], reader: User | None) -> str:
    """Return the link's page for whoever sees it, else the account's."""
    if reader is not None and links.seen_by(reader).filter(pk=link.pk).exists():
        return addresses.absolute_url("client_link_of", link.pk)
    first = accounts.first()
    return addresses.absolute_url("open_account", first.pk) if first else ""


# --- to who has a log-in here -------------------------------------------------------------------------------------------------


def build_asked(message: Message) -> Mail:
    """Build the mail from what was not linked since. Raises NotWanted where nothing is left, or the person cannot log in."""
    user = User.objects.filter(pk=message.payload["user"], is_active=True, is_contact=False).first()
    if user is None:
        raise NotWanted("person_left")
    waiting = inviting.waiting_for(user, timezone.now()).filter(ask__in=message.payload["asks"])
    first = waiting.order_by("channel", "name", "pk").first()
    if first is None:
        raise NotWanted("linked_since")
    asker = first.ask.made_by
    by_channel = waiting.order_by("channel").values_list("channel").annotate(number=Count("pk"))
    cards = [_card(channel, waiting.filter(channel=channel), number) for channel, number in by_channel]
    facts = {
        "asker": str(asker) if asker else "",
        "first_name": first_name(str(user)),
        "note": first.ask.note,
        "count": sum(card["count"] for card in cards),
        "name": first.name,
        "cards": cards,
    }
    reply_to = asker.email if asker and asker.is_active else ""
    return composing.compose(inviting.MAIL, message, composing.Reader(user), facts, reply_to=reply_to)


def _card(channel: str, lines: QuerySet[AskLine], number: int) -> dict[str, Any]:
    unseen = max(0, number - NAMED)
    return {
        "channel": channel,
        "label": declarations.label(channel),
        "names": before_more([one.name for one in lines.order_by("name", "pk")[:NAMED]], unseen=unseen),
        "unseen": unseen,
        "count": number,
        "url": addresses.absolute_url("link", channel),
    }
