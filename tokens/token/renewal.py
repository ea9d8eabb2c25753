"""Renewing a token without a person: when it is due, and the one call. `tokens.checks.probe` drives it, `tokens.lifecycle` records it.

A date that renewal can move is renewed long before anybody is warned of it; a refresh token that restarts its life is used at least
weekly. What a channel renews and when is data of its package (`Channel.renewal`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q

from tokens.channels import gate, registry
from tokens.channels.http import NOT_SENT
from tokens.channels.kinds import (
    ChannelError,
    Classification,
    Grant,
    Reason,
    Renewal,
    Verdict,
)
from tokens.token.models import NEARLY, Token
from tokens.vault.services import VaultError

BEYOND_WARNINGS = timedelta(days=7)
AT_MOST_EVERY = timedelta(days=1)  # however wide the warnings are
LAST_TRY = timedelta(
    days=1
)  # before a refresh token ends that no renewal moves, what outlives it is renewed once more
TOGETHER = timedelta(hours=1)  # dates so near to each other are one
SPREAD = 0.15  # part of a period by which tokens that came together are drawn apart
FIRST_DAY = timedelta(days=1)  # over which renewals are drawn that were due when their tokens came
ENOUGH_LEFT = timedelta(days=10)
GOLDEN = 0.618033988749895  # its multiples fill the circle evenly, however many there are
PAUSE = timedelta(seconds=30)  # after a try that got no answer

_widest_warning: list[Callable[[], timedelta]] = []


@dataclass(frozen=True)
class Attempt:
    """What one try gave: a grant, or the classification that says why there is none."""

    grant: Grant | None
    classification: Classification
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Whether the channel refused this token, as against trouble on the way."""
        return self.grant is None and self.classification.verdict == Verdict.TOKEN_DEAD

    @property
    def not_asked(self) -> bool:
        """Whether the call was not made at all, because the channel was not to be asked just then."""
        return self.grant is None and gate.was_not_asked(self.evidence)

    @property
    def unanswered(self) -> bool:
        """Whether the call went out and nothing says what the channel did: no answer, one that broke off, trouble of its own."""
        status = self.evidence.get("status")
        if self.grant is not None or not isinstance(status, int):
            return False
        if self.not_asked or str(self.evidence.get("body")).startswith(NOT_SENT):
            return False
        return status in {0, 200} or status >= 500


def register_widest_warning(ask: Callable[[], timedelta]) -> None:
    """Say how many days ahead the earliest warning goes out. Whoever warns registers it; the last one holds."""
    _widest_warning[:] = [ask]


def policy_of(token: Token) -> Renewal | None:
    """Return how the token's channel renews; None where it does not."""
    return registry.get(token.app.channel).renewal


def possible(token: Token, now: datetime) -> bool:
    """Return whether anything can renew this token now."""
    policy = policy_of(token)
    if policy is None:
        return False
    if policy.exchange:
        return token.access_expires_at is not None and token.access_expires_at > now
    if token.refresh_unanswered_at is not None and not _may_be_tried_again(token, now):
        return False
    return token.has_refresh_token and (token.refresh_refused_at is None or _looks_again(token, now))


def _looks_again(token: Token, now: datetime) -> bool:
    """Return whether what the channel said against the token is to be asked again now: a refusal to renew it, too."""
    return token.look_again_at is not None and token.look_again_at <= now


def spends(token: Token) -> bool:
    """Return whether a renewal may make the refresh token void that it is made with. An exchange leaves the old token as it is."""
    policy = policy_of(token)
    return policy is not None and not policy.exchange


def _may_be_tried_again(token: Token, now: datetime) -> bool:
    """Return whether a refresh token whose answer is lost may be used once more.

    A channel may have replaced it, and may take its use for a theft: unless its declaration says that this is safe, it is tried only once
    the access token is over and nothing can be lost by it.
    """
    if registry.get(token.app.channel).declaration.refresh_again_is_safe:
        return True
    return token.access_expires_at is None or token.access_expires_at <= now + NEARLY


def pausing(token: Token, now: datetime) -> bool:
    """Return whether the last try went without an answer a moment ago, so that another one right now would only spend more."""
    if token.refresh_unanswered_at is None or token.renewal_tried_at is None:
        return False
    return now - token.renewal_tried_at < PAUSE


def next_at(token: Token, now: datetime) -> datetime | None:
    """Return when the token is to be renewed; a time in the past means now, None never."""
    policy = policy_of(token)
    if policy is None or not possible(token, now):
        return None
    last = token.renewed_at or token.linked_at
    wanted = []
    if policy.lead is not None and token.access_expires_at is not None and not _ends_with_refresh(token):
        early = _drawn_apart(token, token.access_expires_at - _lead(policy), last)
        wanted.append(max(early, token.renewed_at + AT_MOST_EVERY) if token.renewed_at else early)
    if policy.every is not None:
        wanted.append(last + policy.every * (1 - SPREAD * share(token)))
    if (
        is_fixed(token)
        and token.refresh_expires_at is not None
        and last < token.refresh_expires_at - LAST_TRY
    ):
        wanted.append(token.refresh_expires_at - LAST_TRY)
    if not wanted:
        return None
    due = min(wanted)
    if token.renewal_tried_at is None or _looks_again(token, now):
        return due
    return max(due, token.renewal_tried_at + policy.again_after)


def is_fixed(token: Token) -> bool:
    """Return whether the token's refresh token is of the older kind whose date no renewal moves."""
    if token.refresh_expires_at is None or token.app_id is None:
        return False
    policy = policy_of(token)
    if policy is None or policy.fixed is None:
        return False
    return abs(token.refresh_expires_at - token.linked_at - policy.fixed) < TOGETHER


def renews_itself(token: Token, now: datetime) -> bool:
    """Return whether the token's date moves with every renewal, and renewals were on time: then no number of days means anything."""
    policy = policy_of(token)
    if policy is None or policy.rolls is None or policy.every is None or is_fixed(token):
        return False
    on_time = token.deadline is not None and token.deadline - now > policy.rolls - 2 * policy.every
    return on_time and token.state == Token.State.VALID and possible(token, now)


def _ends_with_refresh(token: Token) -> bool:
    """Return whether the access date is the refresh token's own, beyond which no renewal can move it."""
    if not token.has_refresh_token or token.refresh_expires_at is None or token.access_expires_at is None:
        return False
    return token.access_expires_at > token.refresh_expires_at - TOGETHER


def wanted(token: Token, now: datetime) -> bool:
    """Return whether the token is to be renewed before it is asked about: it is due, or its access token is over."""
    due = next_at(token, now)
    return (due is not None and due <= now) or lapsed(token, now)


def lapsed(token: Token, now: datetime) -> bool:
    """Return whether the access token is over, or nearly, and there is a refresh token behind it."""
    policy = policy_of(token)
    if policy is None or policy.exchange or not possible(token, now):
        return False
    return token.access_expires_at is not None and token.access_expires_at <= now + NEARLY


def attempt(token: Token, *, timeout: float | None = None) -> Attempt:
    """Ask the channel to renew the token. Writes nothing and touches no database, so it may run in a thread. `timeout` in seconds."""
    try:
        grant = registry.get(token.app.channel).renew(token.app.keys(), token.unseal(), timeout=timeout)
    except ChannelError as error:
        return Attempt(None, error.classification, error.evidence)
    except (VaultError, ValueError) as error:
        return Attempt(
            None, Classification(Verdict.OUR_BUG, Reason.TRANSIENT, row="no credentials", note=str(error))
        )
    if grant is None:
        return Attempt(None, Classification(Verdict.OUR_BUG, Reason.TRANSIENT, row="nothing renews here"))
    return Attempt(grant, Classification(Verdict.OK, row="renewed"))


def _lead(policy: Renewal) -> timedelta:
    """Return how early a date is renewed. One that is the person's deadline: always before the earliest warning of it."""
    lead = policy.lead or timedelta(0)
    if not policy.exchange:
        return lead  # the access date is no deadline while there is a refresh token behind it
    widest = _widest_warning[0]() if _widest_warning else timedelta(0)
    return max(lead, widest + BEYOND_WARNINGS)


def _drawn_apart(token: Token, due: datetime, last: datetime) -> datetime:
    """Return a moment before a renewal is due, so that tokens which came together are not renewed together.

    Where it was due when the token came, as an old one that was imported, it is drawn over the first day instead, unless it ends soon.
    """
    if due > last:
        return due - (due - last) * SPREAD * share(token)
    ends = token.access_expires_at
    if token.renewed_at is None and ends is not None and ends - last > ENOUGH_LEFT:
        return last + FIRST_DAY * share(token)
    return due


def share(token: Token) -> float:
    """Return a number from 0 to 1 that stays the same for a token, as far as can be from those of its neighbours by id."""
    return (token.pk or 0) * GOLDEN % 1


def renewing(*, now: datetime, by: str = "") -> Q:
    """Return the condition of tokens that renew themselves. `by`: the way to them from the rows that are asked, e.g. "token__"."""
    found = Q(pk__in=[])
    for key, channel in registry.CHANNELS.items():
        policy = channel.renewal
        if policy is not None and policy.rolls is not None and policy.every is not None:
            on_time = now + policy.rolls - 2 * policy.every
            rolling = _is(by, app__channel=key, state=Token.State.VALID, deadline__gt=on_time)
            found |= rolling & _possible(policy, key, by, now) & _not_fixed(policy, by)
    return found


def _is(by: str, **facts: object) -> Q:
    return Q(**{f"{by}{name}": value for name, value in facts.items()})


def _possible(policy: Renewal, channel: str, by: str, now: datetime) -> Q:
    if policy.exchange:
        return _is(by, access_expires_at__gt=now)
    whole = _is(by, has_refresh_token=True, refresh_refused_at=None)
    if registry.CHANNELS[channel].declaration.refresh_again_is_safe:
        return whole
    answered = _is(by, refresh_unanswered_at=None)
    return whole & (answered | _is(by, access_expires_at=None) | _is(by, access_expires_at__lte=now + NEARLY))


def _not_fixed(policy: Renewal, by: str) -> Q:
    if policy.fixed is None:
        return Q()
    consent = F(f"{by}linked_at")
    return (
        _is(by, refresh_expires_at=None)
        | _is(by, refresh_expires_at__lte=consent + (policy.fixed - TOGETHER))
        | _is(by, refresh_expires_at__gte=consent + (policy.fixed + TOGETHER))
    )
