"""Which tokens renew themselves, as a condition of rows: what `tokens.renewal.renews_itself` says of one, for very many."""

from datetime import datetime
from typing import Any

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


def _rolls(policy: Renewal | None) -> bool:
    """Return whether a channel has log-ins that renew themselves at all."""
    return policy is not None and policy.rolls is not None and policy.every is not None


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


def of_row(row: str, *, now: datetime) -> tuple[str, dict[str, Any]]:
    """Return the condition that a row of tokens, called `row` in SQL, renews itself, and its values by name. Each is looked up alone."""
    query, values = Token.objects.filter(renewing(now=now)).order_by().values("pk").query.sql_with_params()
    names: dict[str, Any] = {f"renewing_{number}": value for number, value in enumerate(values)}
    rows = query % tuple(f"%({name})s" for name in names)
    names["renewing_channels"] = [
        key for key, channel in registry.CHANNELS.items() if _rolls(channel.renewal)
    ]
    apps = "select id from tokens_channelapp where channel = any(%(renewing_channels)s)"
    of_its_app = f"{row}.app_id = any(array({apps}))"  # which is asked once for each row, and of most is all
    found = (
        f"exists (select 1 from ({rows}) renews (id) where {of_its_app} and renews.id = {row}.id offset 0)"  # noqa: S608  # what Django makes
    )
    return found, names
