"""Renewing one log-in by a mailed link: a consent of the same native user, and of nobody else, who changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.asks import progress
from accounts.models import Ask
from accounts.renewal_links import services as renewal_links
from accounts.renewal_links.services import RenewalLink, Standing
from accounts.sync import app_migration
from accounts.sync import entries as pool_entries
from tokens import lifecycle
from tokens.channels import registry
from tokens.channels.kinds import AccountList, Grant, Identity
from tokens.models import ChannelApp, Token
from users.addresses import services as refused_addresses
from users.models import User

RENEW_INTENT = "renew"


class NotOpen(Exception):  # noqa: N818  # an answer
    """The mailed link that a handshake began with no longer opens anything. `link` (an Ask of a client link) is None where it is gone."""

    def __init__(self, link: RenewalLink | Ask | None) -> None:
        super().__init__("not open")
        self.link: Any = link


class NotTold(Exception):  # noqa: N818  # an answer
    """The channel's list, which would tell whose consent it is, could not be read. Nothing was kept."""


class SomebodyElse(Exception):  # noqa: N818  # an answer
    """Another native user consented than the one whose log-in it is. Nothing of it was kept."""


@dataclass(frozen=True)
class Renewed:
    """A log-in that was renewed. `lost`: ids of accounts that the new consent no longer serves."""

    token: Token
    lost: list[int]


def expected_renewal(channel: str, state: Mapping[str, Any], now: datetime) -> tuple[ChannelApp, RenewalLink]:
    """Return the app and the link that a handshake began with. Raises NotOpen; nothing was exchanged at the channel then."""
    data = state.get("data") or {}
    link = renewal_links.link_from_facts(data)
    app = ChannelApp.objects.leading().filter(channel=channel, client_id=data.get("client_id")).first()
    if link is None or app is None or link.token.app.channel != channel:
        raise NotOpen(link)
    if link.standing_at(now) not in {Standing.OPEN, Standing.EXPIRED}:  # one that ends on the way is good
        raise NotOpen(link)
    return app, link


def demand_same_person(link: RenewalLink, app: ChannelApp, identity: Identity) -> None:
    """Raise SomebodyElse where another native user consented, as far as the channel tells before it lists ad accounts."""
    if identity.kind == "system":
        raise SomebodyElse
    token = link.token
    if identity.native_user_id == token.native_user_id:
        return
    per_app = app.pk != token.app_id and registry.get(app.channel).ids_per_app
    if not per_app or not identity.name or identity.name != token.native_user_name:
        raise SomebodyElse


def _demand_reach(token: Token, app: ChannelApp, identity: Identity, listed: AccountList) -> None:
    """Raise SomebodyElse where a native user under another app is somebody else's here, or has another id and reaches none of the accounts.

    Raises NotTold where the list, which would tell that, could not be read.
    """
    known = Token.objects.filter(app=app, native_user_id=identity.native_user_id, consented_by__isnull=False)
    if known.not_removed().exclude(consented_by=token.consented_by_id).exists():
        raise SomebodyElse
    if identity.native_user_id == token.native_user_id:
        return
    ids = {native.native_id for native in listed.accounts}
    if not token.pool_entries.filter(account__native_id__in=ids).exists():
        raise SomebodyElse if listed.complete else NotTold


@transaction.atomic
def keep_renewed(
    *,
    link: RenewalLink,
    app: ChannelApp,
    identity: Identity,
    grant: Grant,
    listed: AccountList,
    now: datetime,
) -> Renewed:
    """Write the renewed log-in and its pools; of one under an app that retires, the log-in that takes the old one's places.

    A link that was mailed since its address was parked shows that mail arrives there: the address is released.
    The caller asked for `demand_same_person`. Raises SomebodyElse, NotTold, and NotOpen where the log-in or the person went meanwhile.
    """
    former = Token.objects.locked().filter(pk=link.token.pk).first()
    if former is None:  # its person had their data deleted meanwhile
        raise NotOpen(link)
    token, moves = former, former.app_id != app.pk
    if moves:
        _demand_reach(token, app, identity, listed)
    active = User.objects.filter(pk=link.user.pk, is_active=True).exists()
    if token.is_removed or token.consented_by_id != link.user.pk or not active:
        raise NotOpen(link)
    token = lifecycle.store_consent(app=app, identity=identity, grant=grant, user=link.user, now=now)
    old = app_migration.adopt_accounts(
        token=token, listed=listed, now=now, former=former.pk if moves else None
    )
    lost = pool_entries.apply_answers(
        token=token, generation=token.generation, listed=listed, now=now, source="link", consented=True
    )
    progress.note_moved(token_ids=old, now=now)
    progress.settle_asks(now=now, people=[link.user.pk])
    progress.note_linked(user=link.user, now=now)
    refused_addresses.confirm_address(link.user.email, mailed_at=link.issued, now=now)
    left = former.pool_entries.values_list("account_id", flat=True) if moves else ()
    return Renewed(token, [*lost, *left])
