"""The consent of somebody who came by a client link: kept for the contact that the link makes, for what the link asks for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.asks import links
from accounts.linking import consent
from accounts.linking.renewing import NotOpen
from accounts.models import Ask, PendingLink
from tokens.channels.kinds import AccountList, Grant, Identity
from tokens.models import ChannelApp, Token
from users.models import User

INTENT = "client"


def expected(channel: str, state: Mapping[str, Any], now: datetime) -> tuple[ChannelApp, Ask]:
    """Return the app and the link that a handshake began with. Raises NotOpen; nothing was exchanged at the channel then."""
    data = state.get("data") or {}
    link = links.all_links().filter(pk=data.get("client_link", 0)).first()
    app = ChannelApp.objects.filter(channel=channel, is_default=True, client_id=data.get("client_id")).first()
    if link is None or app is None or channel not in link.left or not links.opens(link, now):
        raise NotOpen(link)
    return app, link


def keep(
    *,
    app: ChannelApp,
    link: Ask,
    identity: Identity,
    grant: Grant,
    listed: AccountList,
    now: datetime,
) -> PendingLink:
    """Write the log-in, and of its list what the link asks for. Raises NotOpen where the link's contact went meanwhile.

    A native user who has a log-in here already stays that person's: a link takes nobody's log-in over, and makes no contact then; a
    contact joins the link's team with what they choose. Else the contact is made before, in a transaction of its own: whoever chooses
    holds log-ins first and the link after them. Where the consent cannot be kept the contact goes again, and the link opens what it did.
    """
    known = Token.objects.filter(app=app, native_user_id=identity.native_user_id).exclude(
        reason=Token.REMOVED
    )
    owner = User.objects.filter(tokens__in=known, is_active=True).first()
    began, asked = timezone.now(), link.native_ids(app.channel)
    if links.barred_by(link, now) is not None:
        raise NotOpen(link)
    facts: dict[str, Any] = {
        "identity": identity,
        "grant": grant,
        "listed": listed,
        "team": link.team,
        "wanted": asked,
        "now": now,
    }
    try:
        user = owner or links.contact_of(link)
        with transaction.atomic():
            pending = consent.keep(app=app, user=user, target=None, next_url="", **facts)
            if asked:
                pending.offered = [one for one in pending.offered if one["native_id"] in asked]
                pending.save(update_fields=["offered"])
            return pending
    except links.ClientLinkRefused:
        raise NotOpen(links.all_links().filter(pk=link.pk).first()) from None
    except Exception:
        links.drop_contact(email=link.email, made_since=began)
        raise
