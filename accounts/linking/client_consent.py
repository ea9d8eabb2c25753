"""The consent of somebody who came by a client link: kept for the contact that the link makes, for what the link asks for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.asks import links
from accounts.linking import consent
from accounts.models import Ask, PendingLink
from tokens.channels.kinds import AccountList, Grant, Identity
from tokens.models import ChannelApp, Token
from users.models import User

INTENT = "client"


class NotOpen(Exception):  # noqa: N818  # an answer
    """The link that a handshake began with no longer opens anything. `link` is None where it is gone."""

    def __init__(self, link: Ask | None) -> None:
        super().__init__("not open")
        self.link = link


def expected(channel: str, state: Mapping[str, Any], now: datetime) -> tuple[ChannelApp, Ask]:
    """Return the app and the link that a handshake began with. Raises NotOpen; nothing was exchanged at the channel then."""
    data = state.get("data") or {}
    link = links.found().filter(pk=data.get("client_link", 0)).first()
    app = ChannelApp.objects.filter(channel=channel, is_default=True, client_id=data.get("client_id")).first()
    if link is None or app is None or not link.is_open(now) or channel not in link.left:
        raise NotOpen(link)
    if links.barred_by(link, now) is not None:
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
    began = timezone.now()
    try:
        links.demand_contact(link, now)
        user = owner or links.contact_of(link)
        return _keep(app=app, user=user, link=link, identity=identity, grant=grant, listed=listed, now=now)
    except links.ClientLinkRefused:
        raise NotOpen(links.found().filter(pk=link.pk).first()) from None
    except Exception:
        links.drop_contact(email=link.email, made_since=began)
        raise


@transaction.atomic
def _keep(
    *,
    app: ChannelApp,
    user: User,
    link: Ask,
    identity: Identity,
    grant: Grant,
    listed: AccountList,
    now: datetime,
) -> PendingLink:
    """Write the log-in of this person, and of its list what the link asks for."""
    asked = link.native_ids(app.channel)
    pending = consent.keep(
        app=app,
        user=user,
        identity=identity,
        grant=grant,
        listed=listed,
        target=None,
        next_url="",
        now=now,
        team=link.team,
        wanted=asked,
    )
    if asked:
        pending.offered = [one for one in pending.offered if one["native_id"] in asked]
        pending.save(update_fields=["offered"])
    return pending
