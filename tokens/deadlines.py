"""The deadline of a token: the moment from which it serves nobody unless a person acts before. A function of its row, and of the time.

Where a channel ends what nobody uses, a date that moved with every use would begin a new cycle of warnings each day, and would say nothing
while AdToken keeps the token alive by itself. So there is none until the token has gone unused for a while (`Idle.quiet`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from tokens import renewal
from tokens.channels import registry
from tokens.channels.kinds import Idle, Use
from tokens.models import Token

JITTER = timedelta(days=1)  # a date that moves by less starts no new cycle of warnings


@dataclass(frozen=True)
class Deadline:
    """When a token ends, of which kind that knowledge is, and which clock it comes from ("" where none does)."""

    kind: str
    at: datetime | None = None
    clock: str = ""


NEVER = Deadline(Token.DeadlineKind.NEVER)
UNKNOWN = Deadline(Token.DeadlineKind.UNKNOWN)


def deadline_of(token: Token, now: datetime) -> Deadline:
    """Return the earliest of the end of serving, the end of data access, and the end for want of use."""
    serving = serving_end(token)
    others = (
        (token.data_access_expires_at, Token.DeadlineClock.DATA_ACCESS),
        (ends_at(token, now), Token.DeadlineClock.IDLE),
    )
    first = serving
    for at, clock in others:
        if at is not None and (first.at is None or at < first.at):
            first = Deadline(Token.DeadlineKind.DATE, at, clock)
    return first


def serving_end(token: Token) -> Deadline:
    """Return when the token stops being served if nobody acts.

    That is the access date where nothing renews it (no refresh token, or a confirmed refusal), else the later of access and refresh date.
    Where both end together it is the end of renewal. Where what the last renewal gives outlives the refresh token, it is the end of that.
    """
    renews = token.has_refresh_token and token.refresh_refused_at is None
    clocks = [("access", token.access_expires_at)]
    if renews:
        clocks.append(("refresh", token.refresh_expires_at))
    if any(token.dates_source.get(clock) == "never" for clock, _ in clocks):
        return NEVER
    if renews and (outliving := _after_the_last_renewal(token)) is not None:
        return Deadline(Token.DeadlineKind.DATE, outliving, Token.DeadlineClock.ACCESS)
    known = [(at, clock) for clock, at in clocks if at is not None]
    if not known:
        return UNKNOWN
    at, clock = max(known)
    if (
        token.refresh_expires_at is not None
        and renews
        and abs(at - token.refresh_expires_at) < renewal.TOGETHER
    ):
        clock = Token.DeadlineClock.REFRESH
    return Deadline(Token.DeadlineKind.DATE, at, clock)


def _after_the_last_renewal(token: Token) -> datetime | None:
    """Return the end of the access token that the last possible renewal will give; None where the channel does not go beyond.

    AdToken renews a day before the end of such a refresh token. Where a renewal gave less than a whole life, the channel cuts it there.
    """
    if not renewal.is_fixed(token) or token.refresh_expires_at is None:
        return None
    life = registry.get(token.app.channel).lifetime.access
    if life is None:
        return None
    access = token.access_expires_at
    last = token.renewed_at or token.linked_at
    if access is None or access - last < life - JITTER:
        return None
    if last >= token.refresh_expires_at - renewal.LAST_TRY:
        return access
    return token.refresh_expires_at - renewal.LAST_TRY + life


def moved(old: Deadline, new: Deadline) -> bool:
    """Return whether warnings start again: the kind changed, or the date moved by more than a day, either way."""
    if old.kind != new.kind:
        return True
    return old.at is not None and new.at is not None and abs(new.at - old.at) > JITTER


def apply(token: Token, now: datetime) -> bool:
    """Set the token's deadline fields and cycle from its dates and its use. Return whether the deadline changed at all. Does not save.

    A move is measured from where the cycle began and not from the last one: many small moves must not add up unseen.
    """
    old = Deadline(token.deadline_kind, token.deadline, token.deadline_clock)
    new = deadline_of(token, now)
    if old == new:
        return False
    begun = Deadline(old.kind, token.cycle_deadline or old.at)
    if moved(begun, new):
        token.cycle += 1
        token.cycle_since, token.cycle_deadline = now, new.at
    else:
        token.cycle_deadline = begun.at
    token.deadline_kind, token.deadline, token.deadline_clock = new.kind, new.at, new.clock
    return True


def detail(token: Token) -> dict[str, str | None]:
    """Return what an event says of the deadline: `deadline` as an ISO date with time, `kind`."""
    return {"deadline": token.deadline.isoformat() if token.deadline else None, "kind": token.deadline_kind}


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


def is_unused(token: Token, now: datetime) -> bool:
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
