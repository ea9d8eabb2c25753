"""Ending authorisations from our side: what a sweep may clear away, and "Revoke at the channel" and "Remove my log-in".

A log-in that carries, or ever carried, an account is not a sweep's to end: at most channels the permission belongs to the person and the
app, so that ending one token ends every consent the person gave. Only people end it, on purpose.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, When

from accounts import summary
from accounts.errors import ActionRefused
from accounts.mails import removal_mail
from accounts.models import Account, AccountToken
from tokens import lifecycle
from tokens.channels import registry
from tokens.channels.kinds import ChannelError, Verdict
from tokens.clock import Clock
from tokens.models import Token
from tokens.vault import VaultError
from ui.name_visibility import NameVisibility
from users import hold, liveness
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
        revoke(token)
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


def remove(*, token: Token, generation: int, actor: User, note: str, now: datetime) -> "Ended":
    """End a log-in on purpose: no account is served by it from now on, and the channel is told. Returns how far that came.

    `generation`: the one that was looked at. Its history and its places in the pools stay; its credentials go. Raises ActionRefused where
    the log-in was renewed, consented to again or removed since; OnHold where this installation may call nobody.
    """
    hold.refuse()
    try:
        with transaction.atomic():
            lifecycle.remove(token_id=token.pk, generation=generation, actor=actor, note=note, now=now)
            removal_mail.tell(tokens=[token], actor=actor, now=now)
    except lifecycle.NotAsSeen:
        raise ActionRefused("removed_or_renewed") from None
    return end_at_channel(token_id=token.pk, now=now, actor=actor)


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
            taken, final = _tell_channel(token)
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


def _tell_channel(token: Token) -> tuple[bool, bool]:
    """Return whether the channel took it, and whether asking again is of no use."""
    try:
        return registry.get(token.app.channel).revoke(token.app.keys(), token.unseal()), True
    except ChannelError as error:
        logger.warning("token %s could not be revoked at the channel: %s", token.pk, error)
        ended_already = error.classification.verdict == Verdict.TOKEN_DEAD
        return ended_already, ended_already
    except (VaultError, ValueError, registry.UnknownChannel) as error:
        logger.warning("token %s could not be revoked at the channel: %s", token.pk, error)
        return False, True


def sweep_removed(*, now: datetime) -> int:
    """Go on with removals that a busy token, a silent channel or a killed process left open. Returns how many are done now."""
    waiting = Token.objects.to_revoke().order_by("removed_at", "id").values_list("pk", flat=True)
    clock = Clock(now)
    results = [end_at_channel(token_id=token_id, now=clock.read()) for token_id in list(waiting[:ORPHANS])]
    return sum(result != Ended.LATER for result in results)


@dataclass(frozen=True)
class Effect:
    """What becomes of one account when a log-in is removed."""

    account: Account
    stops: bool
    backup_lost: bool  # it goes on, with one log-in less
    carrier: str  # through whom it goes on; "" where it stops, or is not carried now


@dataclass(frozen=True)
class Effects:
    """What becomes of all accounts of a log-in, which may be ten thousand: they are counted, and few are looked at."""

    token: Token
    stops: int
    backups: int  # those that lose one
    carried: int  # through somebody else, whether the log-in counts there or not
    all: int

    def first(
        self, count: int, *, names: NameVisibility, now: datetime, carried: bool = False
    ) -> list[Effect]:
        """Return the first accounts, those that stop before those that lose a backup, then by name; or only the `carried` ones."""
        entries = _entries(self.token).filter(other=True) if carried else _entries(self.token)
        in_order = entries.order_by("place", "account__name", "account_id")
        ids = list(in_order.values_list("account_id", flat=True)[:count])
        accounts = summary.with_pools(Account.objects.all()).in_bulk(ids)
        return [_effect(self.token, accounts[pk], names, now) for pk in ids if pk in accounts]

    def to_type(self, first: Sequence[Effect]) -> str:
        """Return what is typed before a log-in is removed that keeps an account alive alone: its name, of several the log-in's; else ""."""
        if not self.stops or not first:
            return ""
        return (
            first[0].account.name
            if self.stops == 1
            else self.token.native_user_name or self.token.native_user_id
        )


def effects(token: Token) -> Effects:
    """Count what becomes of the accounts of a log-in when it is removed."""
    numbers = _entries(token).aggregate(
        stops=Count("pk", filter=Q(place=0)),
        backups=Count("pk", filter=Q(place=1)),
        carried=Count("pk", filter=Q(other=True)),
        all=Count("pk"),
    )
    return Effects(token, **numbers)


def _entries(token: Token) -> QuerySet[Any]:
    """Return the pool entries of a log-in with `other`, whether another could be served there, and their `place` on the page."""
    usable = Q(access=AccountToken.Access.OK, token__state=Token.State.VALID)  # as selection.usable
    usable &= ~Q(can_publish=AccountToken.CanPublish.NO)
    others = AccountToken.objects.filter(usable, account=OuterRef("account")).exclude(token=token)
    place = Case(When(usable & Q(other=False), then=0), When(usable, then=1), default=2)
    return AccountToken.objects.filter(token=token).annotate(other=Exists(others)).annotate(place=place)


def _effect(token: Token, account: Account, names: NameVisibility, now: datetime) -> Effect:
    one = summary.summarise(account, now)
    counts = any(entry.token_id == token.pk for entry in one.usable)
    others = [entry for entry in one.usable if entry.token_id != token.pk]
    carrier = names.within(others[0].token, account) if others else ""
    return Effect(account, counts and not others, counts and bool(others), carrier)


def revoke(token: Token) -> None:
    """Cancel the authorisation at the channel, as far as it can be done: one that is down, or has ended it already, holds nothing up."""
    try:
        registry.get(token.app.channel).revoke(token.app.keys(), token.unseal())
    except (ChannelError, VaultError, ValueError, registry.UnknownChannel) as error:
        logger.warning("token %s could not be revoked at the channel: %s", token.pk, error)
