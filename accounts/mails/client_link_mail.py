"""The mails of client links: the link itself, made while it is sent, and to whoever made it that it was used."""

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from accounts import client_link_news, client_links
from accounts.models import Account, ClientLink
from notifications import composing
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens.channels import declarations
from tokens.models import Token
from ui import addresses, dates
from ui.text import before_more, first_name, join_names
from users.models import User

NAMED = 10


def build(message: Message) -> Mail:
    """Build the mail with the link, or with one a team.

    Raises NotWanted where all of them are used, revoked, gone or past, or act for whoever reads them no more: switched off since.
    """
    found = ClientLink.objects.select_related("team", "made_by").order_by("team__name")
    found = found.filter(pk__in=[message.payload["client_link"], *message.payload.get("others", ())])
    now = timezone.now()
    links = [one for one in found if one.is_open(now)]
    if not links:
        raise NotWanted("client_link_over")
    barred = client_links.barred_by(links[0], now)
    if isinstance(barred, User) and not barred.is_active:
        raise NotWanted("person_left")
    reader, first = composing.Reader(None), links[0]
    cards = [
        {
            "team": str(link.team) if len(links) > 1 else "",
            "channels": _channels(link),
            "accounts": join_names(
                [one.get("name") or one["native_id"] for one in link.asked_for[:NAMED]], len(link.asked_for)
            ),
            "link": client_links.address_of(link),
        }
        for link in links
    ]
    facts = {
        "organisation": settings.ORGANISATION_NAME,
        "asker": first.asker,
        "name": first.name,
        "teams": len(links),
        "team": join_names([str(link.team) for link in links]),
        "note": first.note,
        "channels": _channels(*links),
        "cards": cards,
        "until": dates.moment(first.expires_at, zone=reader.zone).full,
        "why_url": "",
    }
    maker = first.answers_to
    reply_to = maker.email if maker else ""
    mail = composing.compose(client_link_news.MAIL, message, reader, facts, reply_to=reply_to)
    for one in cards:
        mail = composing.without_link(mail, one["link"])
    return mail


def _channels(*links: ClientLink) -> str:
    """Return what is left to be linked by them."""
    left = dict.fromkeys(channel for link in links for channel in link.left)
    return join_names([str(declarations.label(channel)) for channel in left])


def build_used(message: Message) -> Mail:
    """Build "your link was used", for its maker, or for whoever stands in.

    Raises NotWanted where the link is gone, or where its maker can no longer log in, or is no longer of its team.
    """
    link, reader = _link_of(message), composing.reader_of(message)
    maker, own = link.made_by, client_link_news.is_for_maker(message, link)
    if own and (link.answers_to is None or link.answers_to.email != message.recipient):
        raise NotWanted("person_left")
    channel, ids = message.payload["channel"], message.payload["accounts"]
    accounts = Account.objects.filter(pk__in=ids).order_by("name")
    log_in = Token.objects.filter(pk=message.payload.get("log_in", 0)).first()
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
        "accounts": before_more(
            [account.name for account in accounts[:NAMED]], unseen=max(0, len(ids) - NAMED)
        ),
        "unseen": max(0, len(ids) - NAMED),
        "log_in": log_in.native_user_name if log_in else "",
        "url": _page_of(link, accounts, reader.user),
    }
    return composing.compose(client_link_news.USED_MAIL, message, reader, facts)


def _why_not(link: ClientLink) -> str:
    """Return why whoever made a link is not told: "left", "left_team" or "unreached"."""
    if link.made_by is None or not link.made_by.is_active:
        return "left"
    return "left_team" if link.answers_to is None else "unreached"


def _page_of(link: ClientLink, accounts: QuerySet[Account], reader: User | None) -> str:
    """Return the link's page for whoever sees it, else the account's."""
    if reader is not None and client_links.seen_by(reader).filter(pk=link.pk).exists():
        return addresses.absolute_url("client_link_of", link.pk)
    first = accounts.first()
    return addresses.absolute_url("open_account", first.pk) if first else ""


def _link_of(message: Message) -> ClientLink:
    links = ClientLink.objects.select_related("team", "made_by", "contact")
    link = links.filter(pk=message.payload["client_link"]).first()
    if link is None:
        raise NotWanted("client_link_over")
    return link
