"""How far the checks are that somebody asked for on a page, and what came of them. Nothing is stored."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from accounts import access_doubts, checking, selection
from accounts.models import Account, AccountToken
from tokens.channels.kinds import Verdict
from tokens.models import Token
from ui.name_visibility import NameVisibility
from ui.progress import Asked, Progress, ResultLine
from ui.text import join_names


def progress_of(
    account: Account, asked: Asked | None, names: NameVisibility, now: datetime
) -> Progress | None:
    """Return how far the checks of an account's tokens are that were asked for; None where none were, or they are long over."""
    if asked is None or not asked.at <= now < asked.at + checking.SHOWN_FOR:
        return None
    found = results(account, asked.rows, asked_at=asked.at, now=now)
    called = [(names.token(entry.token, account), result) for entry, result in found]
    waiting = [name for name, result in called if result is None]
    return Progress(
        asked_at=asked.at,
        waiting=join_names(list(dict.fromkeys(waiting))),
        late=now >= asked.at + checking.REFRESHED_FOR,
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


def results(
    account: Account, token_ids: Collection[str], *, asked_at: datetime, now: datetime
) -> list[tuple[AccountToken, CheckResult | None]]:
    """Return what came of the checks of these tokens of an account's pool that were asked for then, in the pool's order.

    None: it is not done yet.
    """
    return [
        (entry, _result(account, entry, asked_at) if checking.is_done(entry.token, now) else None)
        for entry in selection.in_order(account)
        if str(entry.token_id) in token_ids
    ]


def _result(account: Account, entry: AccountToken, asked_at: datetime) -> CheckResult:
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
    if access_doubts.is_doubted(token.pk, account.native_id):
        return CheckResult.DOUBTED
    if entry.access == AccountToken.Access.LOST:
        return CheckResult.ACCESS_LOST
    return CheckResult.CANNOT_PUBLISH if entry.can_publish == AccountToken.CanPublish.NO else CheckResult.FINE
