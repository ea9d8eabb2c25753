"""Renewing one log-in by a mailed link, or logged in: a consent of the same native user, and of nobody else, who changes nothing."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.asks import progress, rules
from accounts.models import Account, Ask
from accounts.renewal_links import services as renewal_links
from accounts.renewal_links.services import RenewalLink, Standing
from accounts.sync import app_migration
from accounts.sync import entries as pool_entries
from tokens import lifecycle
from tokens.channels import registry
from tokens.channels.kinds import AccountList, ChannelError, Grant, Identity
from tokens.models import ChannelApp, Token
from tokens.vault.services import VaultError
from users.addresses import services as refused_addresses
from users.models import User

logger = logging.getLogger(__name__)
RENEW_INTENT = "renew"
LOG_INS = "log_ins"  # of the handshake's state: what is to be renewed


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
    Raises SomebodyElse, NotTold, and NotOpen where the log-in or the person went meanwhile.
    """
    demand_same_person(link, app, identity)
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
    app_migration.adopt_accounts(
        token=token, listed=listed, now=now, source="link", former=former.pk if moves else None
    )
    lost = pool_entries.apply_list(
        token=token, generation=token.generation, listed=listed, now=now, source="link", consented=True
    )
    progress.settle_asks(now=now, people=[link.user.pk])
    progress.note_linked(user=link.user, now=now)
    refused_addresses.confirm_address(link.user.email, mailed_at=link.issued, now=now)
    left = former.pool_entries.values_list("account_id", flat=True) if moves else ()
    return Renewed(token, [*lost, *left])


def discard_consent(*, app: ChannelApp, identity: Identity, grant: Grant) -> None:
    """Have the channel end a consent that is not kept, as far as it can be done. Outside any transaction.

    Where that native user has a log-in here it is left alone: at most channels the call ends whatever the person gave our app.
    """
    known = Token.objects.filter(app=app, native_user_id=identity.native_user_id)
    if known.not_removed().exists():
        return
    try:
        registry.get(app.channel).revoke(app.keys(), grant.credentials)
    except (ChannelError, VaultError, ValueError) as error:
        logger.warning("a consent at %s that was not kept could not be revoked: %s", app.channel, error)


def discard_begun(*, channel: str, state: Mapping[str, Any], identity: Identity, grant: Grant) -> None:
    """Do the same with what a handshake brought whose link opens nothing by now. Its app is known by that handshake."""
    client_id = (state.get("data") or {}).get("client_id")
    app = ChannelApp.objects.filter(channel=channel, client_id=client_id).first()
    if app is not None:
        discard_consent(app=app, identity=identity, grant=grant)


# --- somebody who is logged in renews an own log-in: what asks hear of it, as of who comes by a mailed link ------------------


def log_ins_to_renew(user: User, account: Account, named: str = "") -> list[int]:
    """Return the person's own log-ins (ids) in an account; where a mail named one of them, that alone."""
    own = account.pool.filter(token__consented_by=user).order_by("pk").values_list("token_id", flat=True)
    return [pk for pk in own if str(pk) == named] or list(own)


def note_renewal_failed(begun: Mapping[str, Any], trouble: str) -> str:
    """Note that a handshake renewed nothing, of the one log-in that was to be renewed; of several nobody knows which was meant.

    Returns the page where the person tries again, "" where it was no renewal.
    """
    ids = begun.get(LOG_INS)
    if not ids:
        return ""
    if len(ids) == 1:
        progress.note_trouble(token_ids=ids, trouble=trouble)
    return reverse("reauthenticate", args=[begun["account"]])


def note_renewal_kept(begun: Mapping[str, Any], token_id: int) -> None:
    """Note that a consent was kept: where it is another log-in's than the one that was to be renewed, that is not done.

    One that moved to another app is done by now, and stays so.
    """
    ids = begun.get(LOG_INS) or []
    if len(ids) == 1 and ids != [token_id]:
        progress.note_trouble(token_ids=ids, trouble=rules.OTHER_LOG_IN)


def note_at_channel(ids: list[int]) -> None:
    """Note that the person goes to the channel to renew these."""
    progress.note_at_channel(token_ids=ids, now=timezone.now())
