"""Which tokens renew themselves, as a condition of rows: what `tokens.renewal.renews_itself` says of one, for very many."""

from datetime import datetime

from django.conf import settings
from django.db.models import F, Q

from tokens.channels import registry
from tokens.channels.kinds import Renewal
from tokens.renewal import TOGETHER
from tokens.token_model import NEARLY, Token


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
    if channel in settings.LOST_REFRESH_AGAIN:
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
