"""How far checks are that somebody asked for, and what came of them, for the page that asked. No caller waits for a channel."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from accounts.models import Account, AccountToken
from accounts.sync import services as account_sync
from tokens.channels.kinds import Verdict
from tokens.models import Token
from ui.name_visibility import NameVisibility
from ui.progress import Asked, Progress, ResultLine
from ui.text import join_names

SHOWN_FOR = timedelta(minutes=10)  # how long a page says what came of a check

REFRESHED_FOR = timedelta(minutes=2)  # how long it looks again by itself

READING = timedelta(seconds=3)


def is_check_done(token: Token, now: datetime) -> bool:
    """Return whether a check that was asked for has ended: nobody holds the token, it is no longer due, and its ad accounts were read.

    These are read right after the token was asked about, which nothing marks: a few seconds are left to them.
    """
    held = (
        token.claimed_until is not None and token.claimed_until > now
    ) or token.refresh_wanted_at is not None
    reading = token.last_checked_at is not None and token.last_checked_at > now - READING
    return not held and not reading and (token.due_at is None or token.due_at > now)


def check_progress(
    account: Account, asked: Asked | None, names: NameVisibility, now: datetime
) -> Progress | None:
    """Return how far the checks of an account's tokens are that were asked for; None where none were, or they are long over."""
    if asked is None or not asked.at <= now < asked.at + SHOWN_FOR:
        return None
    found = check_results(account, asked.rows, asked_at=asked.at, now=now)
    called = [(names.token(entry.token, account), result) for entry, result in found]
    waiting = [name for name, result in called if result is None]
    return Progress(
        asked_at=asked.at,
        waiting=join_names(list(dict.fromkeys(waiting))),
        late=now >= asked.at + REFRESHED_FOR,
        lines=[ResultLine(name, result) for name, result in called if result is not None],
    )


class CheckResult(StrEnum):
    """What came of a check of one token, and of its access to one account."""

    DEAD = "dead"
    APP_FAULT = "app_fault"
    OUR_BUG = "our_bug"
    UNCLEAR = "unclear"
    DOUBTED = "doubted"  # the channel says that it is over, which is not believed yet
    ACCESS_LOST = "access_lost"
    CANNOT_PUBLISH = "cannot_publish"
    FINE = "fine"


def check_results(
    account: Account, token_ids: Collection[str], *, asked_at: datetime, now: datetime
) -> list[tuple[AccountToken, CheckResult | None]]:
    """Return what came of the checks of these tokens of an account's pool that were asked for then, in the pool's order.

    None: it is not done yet.
    """
    return [
        (entry, _check_result(account, entry, asked_at) if is_check_done(entry.token, now) else None)
        for entry in account.pool_in_order()
        if str(entry.token_id) in token_ids
    ]


def _check_result(account: Account, entry: AccountToken, asked_at: datetime) -> CheckResult:
    token = entry.token
    told = token.last_checked_at is not None and token.last_checked_at >= asked_at
    found = (
        (token.state == Token.State.DEAD, CheckResult.DEAD),
        (told and token.doubted_at is not None, CheckResult.DOUBTED),
        (token.last_check_result == Verdict.APP_FAULT, CheckResult.APP_FAULT),
        (token.last_check_result == Verdict.OUR_BUG, CheckResult.OUR_BUG),
        (not told or token.state != Token.State.VALID, CheckResult.UNCLEAR),
    )
    for holds, result in found:
        if holds:
            return result
    if account_sync.is_doubted(token.pk, account.native_id):
        return CheckResult.DOUBTED
    if entry.access == AccountToken.Access.LOST:
        return CheckResult.ACCESS_LOST
    return CheckResult.CANNOT_PUBLISH if entry.can_publish == AccountToken.CanPublish.NO else CheckResult.FINE
