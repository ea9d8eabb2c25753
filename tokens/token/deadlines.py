"""The deadline of a token: the moment from which it serves nobody unless a person acts before. A function of its row alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tokens.channels import registry
from tokens.models import Token
from tokens.token import renewal

JITTER = timedelta(days=1)  # a date that moves by less starts no new cycle of warnings


@dataclass(frozen=True)
class Deadline:
    """When a token ends, of which kind that knowledge is, and which clock it comes from ("" where none does)."""

    kind: str
    at: datetime | None = None
    clock: str = ""


NEVER = Deadline(Token.DeadlineKind.NEVER)
UNKNOWN = Deadline(Token.DeadlineKind.UNKNOWN)


def deadline_of(token: Token) -> Deadline:
    """Return the earlier of the end of serving and the end of data access."""
    serving, at = serving_end(token), token.data_access_expires_at
    if at is not None and (serving.at is None or at < serving.at):
        return Deadline(Token.DeadlineKind.DATE, at, Token.DeadlineClock.DATA_ACCESS)
    return serving


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


def set_deadline(token: Token, now: datetime) -> bool:
    """Set the token's deadline fields and cycle from its dates. Return whether the deadline changed at all. Does not save.

    A move is measured from where the cycle began and not from the last one: many small moves must not add up unseen.
    """
    old = Deadline(token.deadline_kind, token.deadline, token.deadline_clock)
    new = deadline_of(token)
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
