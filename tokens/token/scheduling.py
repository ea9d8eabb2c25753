"""When a token is looked at next: by its state, its dates and its renewal.

Tokens that came together, or were in trouble together, are drawn apart, each by a share of its own.
"""

from datetime import datetime, timedelta

from tokens.channels.kinds import HINDERED, LIFTABLE, Verdict
from tokens.models import Token
from tokens.token import renewal

PROBE_EVERY = timedelta(hours=4)
PROBE_EVERY_IN_USE = timedelta(hours=1)  # leased within the last day
RETRY_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
AFTER_TROUBLE = timedelta(minutes=15)
APART = timedelta(minutes=24)  # over which tokens are spread that met the same trouble
NOT_TOGETHER = timedelta(
    minutes=1
)  # over which tokens are spread that wait for their channel to be asked again
AFTER_WITNESS = timedelta(minutes=3)
NOT_TOLD = HINDERED | {Verdict.OUR_BUG}
LIFTABLE_EVERY = timedelta(days=1)
LIFTABLE_FOR = timedelta(days=30)


def set_due(token: Token, now: datetime, *, retry_after: int = 0) -> None:
    """Set `due_at` and `due_for`. Does not save. `retry_after` in seconds.

    Never later than just after the token's next date, nor than what is said against it is to be asked again. Where that was hindered just
    now, it is asked again like after any trouble.
    """
    _by_state(token, now, retry_after)
    look = token.look_again_at
    if look is not None and look <= now:
        look = now + after_trouble(token, timedelta(seconds=retry_after))
    if look is not None and (token.due_at is None or token.due_at > look):
        token.due_at, token.due_for = look, Token.DueFor.PROBE


def _by_state(token: Token, now: datetime, retry_after: int) -> None:
    token.due_for = Token.DueFor.PROBE
    age = now - token.state_since
    if token.state == Token.State.DEAD:
        again = token.reason in LIFTABLE and age < LIFTABLE_FOR
        token.due_at = now + LIFTABLE_EVERY if again else None
    elif token.state == Token.State.COOLING:
        step = next((step for step in RETRY_AFTER if age < step), RETRY_AFTER[-1])
        token.due_at = now + jittered(token, step) if token.look_again_at is None else None
    elif (
        token.app_refused_at is not None and token.app_refused_at >= now
    ):  # once another token was asked, this one is asked whose fault it is
        token.due_at = now + jittered(token, AFTER_WITNESS)
    elif token.last_check_result in NOT_TOLD:
        token.due_at = now + after_trouble(token, timedelta(seconds=retry_after))
    else:
        _when_valid(token, now)


def _when_valid(token: Token, now: datetime) -> None:
    in_use = token.last_used_at is not None and now - token.last_used_at < timedelta(days=1)
    due = now + jittered(token, PROBE_EVERY_IN_USE if in_use else PROBE_EVERY)
    # A lapsed access token is no event where there is a refresh token behind it: a lease or the next probe renews it.
    dates = [token.refresh_expires_at, token.data_access_expires_at]
    if not renewal.possible(token, now):
        dates.append(token.access_expires_at)
    token.due_at = min([due, *(at + timedelta(seconds=1) for at in dates if at is not None and at > now)])
    # A renewal that is asked for already waits for its lane, whatever the date says.
    renews = renewal.next_at(token, now) if token.refresh_wanted_at is None else None
    if renews is not None and renews <= token.due_at:
        token.due_at, token.due_for = max(renews, now), Token.DueFor.REFRESH


def again(token: Token, now: datetime, wait: timedelta) -> None:
    """Have a token asked about again in a while, or when it is due anyway. Does not save."""
    soon = now + jittered(token, wait)
    if token.due_at is None or token.due_at > soon:
        token.due_at, token.due_for = soon, Token.DueFor.PROBE


def read_accounts(token: Token, at: datetime) -> None:
    """Have the ad accounts of a token that works read from this moment on. Does not save. One that is due earlier keeps its date."""
    if token.state == Token.State.VALID and (token.due_at is None or token.due_at > at):
        token.due_at, token.due_for = at, Token.DueFor.ACCOUNTS


def stay_due(token: Token, now: datetime, *, closed_for: int) -> None:
    """Keep a token due that was not asked about after all. Does not save. `closed_for`: seconds until its app may be asked again.

    A renewal whose date comes earlier keeps it: a pause, which may last a day, does not hold it up.
    """
    opens = once_open(token, now, closed_for)
    if token.due_at is None or token.due_at >= opens:
        return
    renews = renewal.next_at(token, now)
    if renews is not None and now < renews < opens:
        token.due_at, token.due_for = renews, Token.DueFor.REFRESH
    else:
        token.due_at = opens


def once_open(token: Token, now: datetime, closed_for: int) -> datetime:
    """Return when a token is asked about whose app may be asked in so many seconds. The others of the app wait for the same moment."""
    return now + timedelta(seconds=closed_for) + NOT_TOGETHER * renewal.share(token)


def jittered(token: Token, wait: timedelta) -> timedelta:
    """Return the wait, up to three tenths shorter or one longer: tokens checked together are spread over 24 minutes of an hour."""
    return wait * (0.7 + 0.4 * renewal.share(token))


def after_trouble(token: Token, wait: timedelta = timedelta(0)) -> timedelta:
    """Return when a token is asked again whose channel gave no answer; `wait`: not earlier, as the channel said.

    The others of its app had the same trouble at the same time.
    """
    return max(AFTER_TROUBLE, wait) + APART * renewal.share(token)
