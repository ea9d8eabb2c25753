"""A log-in that one of our people ends on purpose: dead at once, revoked at the channel afterwards, its credentials purged.

In this order, because the call to the channel takes seconds and may fail: from the first write on nothing is served, whatever becomes of
the call; the credentials stay until it was made, so that a process that dies in between leaves work and no open authorisation.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from tokens.doubts import services as doubts
from tokens.lifecycle.transitions import STATE_FIELDS, event, facts, notify_pools, set_state
from tokens.models import ChannelApp, Doubt, Token, TokenEvent
from users.models import User


class NotAsSeen(Exception):  # noqa: N818  # an answer
    """The log-in is not the one that the person looked at: renewed, consented to again, or removed meanwhile."""


@transaction.atomic
def remove(*, token_id: int, generation: int, actor: User, note: str, now: datetime) -> None:
    """End the log-in of this generation, and send the news. Raises NotAsSeen where it has moved on."""
    token = Token.objects.locked().select_related("app").get(pk=token_id)
    if token.generation != generation or token.is_removed:
        raise NotAsSeen
    before = facts(token)
    set_state(token, Token.State.DEAD, Token.REMOVED, {}, now)
    token.generation += 1
    token.doubted_at = None
    doubts.refute(token, Doubt.Kind, now)
    token.removed_at, token.removed_by, token.due_at = now, actor, None
    token.save(update_fields=[*STATE_FIELDS, "removed_at", "removed_by", "due_at"])
    event(token, TokenEvent.Kind.REMOVED, now, source="staff", actor=actor, detail={"note": note})
    notify_pools(token, before, now, "staff")


def claim_removed(*, token_id: int, now: datetime) -> tuple[Token, int] | None:
    """Claim a removed log-in that is still authorised at the channel, for the call that ends it. Returns it with the claim's number.

    None where it is held, or not so.
    """
    with transaction.atomic():
        token = Token.objects.to_revoke().free(now).filter(pk=token_id).locked().select_related("app").first()
        return (token, Token.objects.filter(pk=token_id).claim(now)) if token is not None else None


@transaction.atomic
def record_revoked(
    *, token_id: int, generation: int, taken: bool, final: bool, now: datetime, actor: User | None = None
) -> bool:
    """Write what the channel said to the call that ends an authorisation. Returns whether the credentials are purged.

    `taken`: it did so. `final`: asking again is of no use. Where the person consented again meanwhile, the call may have ended that too
    (at Facebook it does), and that was not the person: it is asked at once, and `removed_at` says until when an end is ours.
    """
    token = Token.objects.locked().get(pk=token_id)
    token.claimed_until = None
    if token.generation != generation or not token.is_removed:
        token.removed_at, token.due_at = max(now, token.linked_at), now
        token.save(update_fields=["claimed_until", "removed_at", "due_at"])
        return False
    if final:
        token.credentials, token.has_refresh_token = None, False
        event(token, TokenEvent.Kind.REVOKED, now, source="staff", actor=actor, detail={"taken": taken})
    token.save(update_fields=["claimed_until", "credentials", "has_refresh_token"])
    return final


@transaction.atomic
def wipe_all(*, now: datetime) -> int:
    """Empty the credentials of all log-ins and the secrets of all channel apps. Returns how many log-ins there were.

    Nothing is revoked at the channels: the consents are the original's. The log-ins count as removed on purpose, so that nobody is asked
    or mailed about them. The caller settles all pools.
    """
    wiped = Token.objects.exclude(credentials__isnull=True, state=Token.State.DEAD)
    ids = list(wiped.locked().values_list("pk", flat=True))
    Token.objects.filter(pk__in=ids).update(
        credentials=None,
        credentials_key="",
        has_refresh_token=False,
        state=Token.State.DEAD,
        reason=Token.REMOVED,
        state_since=now,
        evidence={},
        generation=F("generation") + 1,
        removed_at=now,
        doubted_at=None,
        look_again_at=None,
        due_at=None,
        claimed_until=None,
        claimed_by=None,
        refresh_wanted_at=None,
        refresh_wanted={},
        refresh_began_at=None,
        refresh_began_by="",
        refresh_unanswered_at=None,
    )
    Doubt.objects.open().update(ended_at=now)
    ChannelApp.objects.update(
        secrets=None, secrets_key="", state=ChannelApp.State.NOT_SET_UP, version=F("version") + 1
    )
    return len(ids)
