"""Why nothing is leased, in words for the job: the reason, since when, who ends it, and the steps."""

from collections.abc import Collection
from datetime import datetime, timedelta

from accounts.models import Account
from accounts.pool import rules as pool_rules
from broker.leases.errors import NotAvailable
from broker.leases.texts import text
from tokens.channels import registry
from tokens.channels.base import Channel
from tokens.channels.kinds import LIFTABLE, WRITE_REFUSALS, Reason
from tokens.models import Token
from tokens.token import reasons
from ui import dates
from users.models import User
from users.people.queries import names_for_teams


def not_available(
    account_id: int,
    *,
    teams: frozenset[int] | None,
    until: datetime | None = None,
    now: datetime | None = None,
) -> NotAvailable:
    """Say why only a person can help: reason, since, who, steps. People outside the caller's `teams` (None: all) are not named.

    `until` and `now`: of a lease whose token is to live so long. Where a new one would not either, there is nobody who can help.
    """
    account = Account.objects.select_related("active_token").get(pk=account_id)
    native = registry.get(account.channel)
    if account.state == Account.State.PAUSED:
        detail = text("paused", note=account.pause_note)
        return NotAvailable("paused", "paused", detail, account.paused_at, _names([account.paused_by], teams))
    if not account.is_deactivated and account.restriction:
        fine = account.state == Account.State.CONNECTED
        detail = text("restricted", channel=native.label, restriction=account.restriction, fine=fine)
        steps = native.steps(Reason.RESTRICTED)
        return NotAvailable(
            "restricted", "restricted", detail, None, (text("an_admin", channel=native.label),), steps
        )
    if account.state == Account.State.CONNECTED:
        token = account.active_token
        life = _life(token, native) if token else None
        if life and until and now and until > now + life:
            detail = text("none_lives_so_long", channel=native.label, life=dates.duration(_rounded(life)))
            return NotAvailable("connected", "min_valid_for", detail)
        detail = text("none_lives_until", until=f"{until:%Y-%m-%d %H:%M}" if until else "")
        people = _names([token.consented_by if token else None], teams)
        return NotAvailable("connected", "min_valid_for", detail, None, people, native.steps(Reason.EXPIRED))
    return _deactivated(account, native, teams)


def _life(token: Token, native: Channel) -> timedelta | None:
    """Return how long a token like this one lives when it is new: as the channel is known for, or longer where it gave this one more."""
    if token.access_expires_at is None:
        return None
    begun = max(token.linked_at, token.renewed_at or token.linked_at)
    return max(token.access_expires_at - begun, native.lifetime.access or timedelta(0))


def _rounded(time: timedelta) -> timedelta:
    """Return a time as people say it: in days, hours or minutes."""
    unit = timedelta(days=1) if time >= timedelta(days=2) else timedelta(minutes=1)
    return round(time / unit) * unit


def _deactivated(account: Account, native: Channel, teams: frozenset[int] | None) -> NotAvailable:
    """Say who ends it: an admin at the channel who gives a role back, or the people who linked it."""
    entries = account.pool_in_order()
    found = account.reason_now(entries)
    reason = found if found in {*Reason, *pool_rules.DECIDED_HERE} else Reason.UNKNOWN
    explanation = reasons.explain(account.channel, reason)
    people = _names([entry.token.consented_by for entry in entries], teams)
    unlinked = reason == pool_rules.UNLINKED
    todo = text("link_anew" if unlinked else "re_authenticate", channel=native.label)
    if reason == pool_rules.OUTSIDE:
        people = (explanation.waits_for,)
        todo = text("add_to_team")
    elif explanation.waits_for:
        people = (text("an_admin", channel=native.label),)
        todo = text("give_a_role")
    elif reason in LIFTABLE | WRITE_REFUSALS:
        todo = text("put_right_there", channel=native.label)
    detail = text("deactivated", reason=str(reason), todo=todo)
    return NotAvailable("deactivated", reason, detail, account.since, people, explanation.steps)


def _names(users: Collection[User | None], teams: frozenset[int] | None) -> tuple[str, ...]:
    """Return the names of the people, each once; those outside the teams by what they are."""
    names = names_for_teams(teams, people=[user.pk for user in users if user is not None])
    return tuple(dict.fromkeys(names.user(user) for user in users if user is not None))
