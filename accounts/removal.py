"""Ending authorisations from our side: log-ins that never were linked to anything are cleared away by a sweep.

A log-in that carries, or ever carried, an account is not ours to end: at most channels the permission belongs to the person and the app, so
that ending one token ends every consent the person gave.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from tokens import channels
from tokens.channels.base import ChannelError
from tokens.models import Token
from tokens.vault import VaultError

logger = logging.getLogger(__name__)

ORPHAN_AFTER = timedelta(hours=24)
ORPHANS = 50  # a run


def sweep_orphans(*, now: datetime) -> int:
    """Revoke and delete tokens that never were linked to anything within 24 hours. Returns how many were deleted."""
    never_linked = Token.objects.never_linked(before=now - ORPHAN_AFTER)
    ids = never_linked.order_by("linked_at", "id").values_list("pk", flat=True)[:ORPHANS]
    return sum(_clear_away(token_id, now) for token_id in list(ids))


def _clear_away(token_id: int, now: datetime) -> bool:
    """Revoke and delete one token, unless a person came back for it since the sweep began."""
    token = _claim_orphan(token_id, now)
    if token is None:
        return False
    revoke(token)
    with transaction.atomic():
        never_linked = Token.objects.never_linked(before=now - ORPHAN_AFTER)
        if never_linked.locked().filter(pk=token_id, generation=token.generation).first() is not None:
            return bool(Token.objects.filter(pk=token_id).delete()[0])
    # Consented to again during the call: whether the channel ended that too is asked at once, not in some hours.
    Token.objects.filter(pk=token_id).make_due(now)
    return False


def _claim_orphan(token_id: int, now: datetime) -> Token | None:
    """Read the token again under its lock, right before the call, and claim it; None where it is no orphan any more or is being checked."""
    with transaction.atomic():
        never_linked = Token.objects.never_linked(before=now - ORPHAN_AFTER)
        token = never_linked.free(now).locked().filter(pk=token_id).select_related("app").first()
        if token is None or token.pool_entries.exists():
            return None
        Token.objects.filter(pk=token_id).claim(now)
    return token


def revoke(token: Token) -> None:
    """Cancel the authorisation at the channel, as far as it can be done: one that is down, or has ended it already, holds nothing up."""
    try:
        channels.get(token.app.channel).revoke(token.app.keys(), token.unseal())
    except (ChannelError, VaultError, ValueError, channels.UnknownChannel) as error:
        logger.warning("token %s could not be revoked at the channel: %s", token.pk, error)
