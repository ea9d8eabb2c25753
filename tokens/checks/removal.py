"""Ending authorisations at their channels, from our side: what a sweep may clear away, and what people removed (`accounts.leaving`).

A log-in that carries, or ever carried, an account is not a sweep's to end: at most channels the permission belongs to the person and the
app, so that ending one token ends every consent the person gave. Only people end it, on purpose.
"""

import logging
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction

from infra import liveness
from infra.io_steps import Clock
from tokens import lifecycle
from tokens.channels import registry
from tokens.channels.kinds import ChannelError, Verdict
from tokens.models import Token
from tokens.vault.services import VaultError
from users.installation import hold
from users.models import User

logger = logging.getLogger(__name__)

ORPHAN_AFTER = timedelta(hours=24)
ORPHANS = 50  # a run
TRIED_FOR = timedelta(hours=24)  # that long a channel is asked to end an authorisation


def sweep_orphans(*, now: datetime) -> int:
    """Revoke and delete tokens that never were linked to anything within 24 hours. Returns how many were deleted."""
    never_linked = Token.objects.never_linked(before=now - ORPHAN_AFTER)
    ids = never_linked.order_by("linked_at", "id").values_list("pk", flat=True)[:ORPHANS]
    clock = Clock(now)
    return sum(_clear_away(token_id, clock.read()) for token_id in list(ids))


def _clear_away(token_id: int, now: datetime) -> bool:
    """Revoke and delete one token, unless a person came back for it since the sweep began."""
    claimed = _claim_orphan(token_id, now)
    if claimed is None:
        return False
    token, claim = claimed
    with liveness.kept(Token.objects.filter(pk=token_id).claimed_as(claim).keep_claimed):
        tell_channel(token)
    with transaction.atomic():
        never_linked = Token.objects.never_linked(before=now - ORPHAN_AFTER)
        if never_linked.locked().filter(pk=token_id, generation=token.generation).first() is not None:
            return bool(Token.objects.filter(pk=token_id).delete()[0])
    lifecycle.record_revoked(
        token_id=token_id, generation=token.generation, taken=False, final=False, now=now
    )  # consented to or linked during the call: the channel is asked at once whether it ended that too
    return False


def _claim_orphan(token_id: int, now: datetime) -> tuple[Token, int] | None:
    """Read the token again under its lock, right before the call, and claim it. Returns it with the claim's number.

    None where it is no longer an orphan, or is being checked.
    """
    with transaction.atomic():
        never_linked = Token.objects.never_linked(before=now - ORPHAN_AFTER)
        token = never_linked.free(now).locked().filter(pk=token_id).select_related("app").first()
        if token is None or token.pool_entries.exists():
            return None
        return token, Token.objects.filter(pk=token_id).claim(now)


class Ended(StrEnum):
    """How far the end of an authorisation came at the channel."""

    TAKEN = "taken"
    NO_CALL = "no call"  # the channel ends nothing for us, or has nothing left to end
    LATER = "later"  # it is held by a check, or the channel does not answer: the sweep goes on


def end_at_channel(*, token_id: int, now: datetime, actor: User | None = None) -> Ended:
    """Tell the channel that a removed log-in is over, and purge its credentials. Outside any transaction."""
    claimed = lifecycle.claim_removed(token_id=token_id, now=now)
    if claimed is None:
        return Ended.LATER
    token, claim = claimed
    try:
        with liveness.kept(Token.objects.filter(pk=token_id).claimed_as(claim).keep_claimed):
            taken, final = tell_channel(token)
    except hold.OnHold:  # it began meanwhile; the sweep goes on after it
        lifecycle.record_revoked(
            token_id=token_id, generation=token.generation, taken=False, final=False, now=now, actor=actor
        )
        return Ended.LATER
    final = final or (token.removed_at is not None and now - token.removed_at > TRIED_FOR)
    purged = lifecycle.record_revoked(
        token_id=token_id, generation=token.generation, taken=taken, final=final, now=now, actor=actor
    )
    if not purged:
        return Ended.LATER
    return Ended.TAKEN if taken else Ended.NO_CALL


def tell_channel(token: Token) -> tuple[bool, bool]:
    """Return whether the channel took it, and whether asking again is of no use."""
    try:
        return registry.get(token.app.channel).revoke(token.app.keys(), token.unseal()), True
    except ChannelError as error:
        logger.warning("token %s could not be revoked at the channel: %s", token.pk, error)
        ended_already = error.classification.verdict == Verdict.TOKEN_DEAD
        return ended_already, ended_already
    except (VaultError, ValueError) as error:
        logger.warning("token %s could not be revoked at the channel: %s", token.pk, error)
        return False, True


def sweep_removed(*, now: datetime) -> int:
    """Go on with removals that a busy token, a silent channel or a killed process left open. Returns how many are done now."""
    waiting = Token.objects.to_revoke().order_by("removed_at", "id").values_list("pk", flat=True)
    clock = Clock(now)
    results = [end_at_channel(token_id=token_id, now=clock.read()) for token_id in list(waiting[:ORPHANS])]
    return sum(result != Ended.LATER for result in results)
