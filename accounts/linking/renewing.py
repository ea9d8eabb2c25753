"""Renewing one log-in by a mailed link: a consent of the same native user, and of nobody else, who changes nothing."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import app_migration, pool_entries, renewal_links
from accounts.campaigns import stages
from accounts.renewal_links import RenewalLink, Standing
from tokens import lifecycle
from tokens.channels import registry
from tokens.channels.kinds import AccountList, ChannelError, Grant, Identity
from tokens.models import ChannelApp, Token
from tokens.vault import VaultError
from users.models import User

logger = logging.getLogger(__name__)
INTENT = "renew"


class NotOpen(Exception):  # noqa: N818  # an answer
    """The link that a handshake began with no longer opens anything. `link` is None where its log-in or person is gone."""

    def __init__(self, link: RenewalLink | None) -> None:
        super().__init__("not open")
        self.link = link


class SomebodyElse(Exception):  # noqa: N818  # an answer
    """Another native user consented than the one whose log-in it is. Nothing of it was kept."""


@dataclass(frozen=True)
class Renewed:
    """A log-in that was renewed. `lost`: ids of accounts that the new consent no longer serves."""

    token: Token
    lost: list[int]


def expected(channel: str, state: Mapping[str, Any], now: datetime) -> tuple[ChannelApp, RenewalLink]:
    """Return the app and the link that a handshake began with. Raises NotOpen; nothing was exchanged at the channel then."""
    data = state.get("data") or {}
    link = renewal_links.of_facts(data)
    app = ChannelApp.objects.filter(channel=channel, is_default=True, client_id=data.get("client_id")).first()
    if link is None or app is None or link.token.app_id != app.pk:
        raise NotOpen(link)
    if link.standing(now) not in {Standing.OPEN, Standing.EXPIRED}:  # one that ends on the way is good
        raise NotOpen(link)
    return app, link


@transaction.atomic
def keep(
    *,
    link: RenewalLink,
    app: ChannelApp,
    identity: Identity,
    grant: Grant,
    listed: AccountList,
    now: datetime,
) -> Renewed:
    """Write the renewed log-in and its pools. Raises SomebodyElse, and NotOpen where the log-in or the person went meanwhile."""
    token = Token.objects.locked().get(pk=link.token.pk)
    if identity.kind == "system" or identity.native_user_id != token.native_user_id:
        raise SomebodyElse
    active = User.objects.filter(pk=link.user.pk, is_active=True).exists()
    if token.is_removed or token.consented_by_id != link.user.pk or not active:
        raise NotOpen(link)
    token = lifecycle.store_consent(app=app, identity=identity, grant=grant, user=link.user, now=now)
    app_migration.adopt_accounts(token=token, listed=listed, now=now, source="link")
    lost = pool_entries.apply_list(
        token=token, generation=token.generation, listed=listed, now=now, source="link", consented=True
    )
    stages.settle(now=now, people=[link.user.pk])
    return Renewed(token, lost)


def discard(*, app: ChannelApp, identity: Identity, grant: Grant) -> None:
    """Have the channel end a consent that is not kept, as far as it can be done. Outside any transaction.

    Where that native user has a log-in here it is left alone: at most channels the call ends whatever the person gave our app.
    """
    if Token.objects.filter(app=app, native_user_id=identity.native_user_id).exists():
        return
    try:
        registry.get(app.channel).revoke(app.keys(), grant.credentials)
    except (ChannelError, VaultError, ValueError) as error:
        logger.warning("a consent at %s that was not kept could not be revoked: %s", app.channel, error)
