"""Tokens that end when nobody uses them: what counts as use, since when there was none, and when the channel ends them.

A date that moved with every use would begin a new cycle of warnings each day, and would say nothing while AdToken keeps the token alive by
itself. So there is none until the token has gone unused for a while (`Idle.quiet`).
"""

from datetime import datetime

from django.db.models import Q

from tokens.channels import registry
from tokens.channels.kinds import Idle, Use
from tokens.models import Token

# The columns that say when there was such a use; a consent always is one.
_SAID_BY: dict[Use, str] = {"renewal": "renewed_at", "check": "proven_at", "job": "last_used_at"}


def ends_at(token: Token, now: datetime) -> datetime | None:
    """Return when the channel ends the token for want of use; None where it has no such end, or where it is used as it should be."""
    idle = _clock_of(token)
    if idle is None:
        return None
    used_at = max(filter(None, (token.linked_at, *(getattr(token, _SAID_BY[use]) for use in idle.kept_by))))
    return used_at + idle.after if now - used_at >= idle.quiet else None


def to_be_dated(channel: str, idle: Idle, now: datetime) -> Q:
    """Return the tokens of a channel whose date by `ends_at` may come or go by time alone: the same rule for many rows."""
    since = now - idle.quiet
    unused = Q(linked_at__lte=since)
    for use in idle.kept_by:
        unused &= Q((f"{_SAID_BY[use]}__lte", since)) | Q((_SAID_BY[use], None))
    return Q(app__channel=channel) & (unused | Q(deadline_clock=Token.DeadlineClock.IDLE))


def is_over(token: Token, now: datetime) -> bool:
    """Return whether the token went unused until its end, so that a refusal needs no other cause."""
    return (
        token.deadline_clock == Token.DeadlineClock.IDLE
        and token.deadline is not None
        and token.deadline <= now
    )


def _clock_of(token: Token) -> Idle | None:
    """Return the clock that a token ends by where nobody uses it; where renewals alone are use, only what is renewed has one."""
    channel = registry.CHANNELS.get(token.app.channel) if token.app_id is not None else None
    idle = channel.lifetime.idle if channel else None
    if idle is None or idle.kept_by != {"renewal"}:
        return idle
    return idle if token.has_refresh_token and token.refresh_refused_at is None else None
