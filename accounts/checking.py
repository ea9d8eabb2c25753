"""Checks that somebody asked for: the sweep does them, and the page that asked shows how far they are. No caller waits for a channel."""

from collections.abc import Collection
from datetime import datetime, timedelta

from accounts import due_checks, tasks
from accounts.pushes.tasks import soon
from tokens.models import Token

SHOWN_FOR = timedelta(minutes=10)  # how long a page says what came of a check
REFRESHED_FOR = timedelta(minutes=2)  # how long it looks again by itself
READING = timedelta(seconds=3)


def ask(
    *,
    token_ids: Collection[int],
    now: datetime,
    writes_in: Collection[int] = (),
    writes_of: Collection[int] | None = None,
) -> int:
    """Have these tokens and their ad accounts asked about at once. Returns how many there are.

    `writes_in`, `writes_of`: where refused writes count no more, see `due_checks.make_due`. The sweep finds the tokens within a minute
    where no worker could be told. Raises OnHold where nobody is asked.
    """
    due = due_checks.make_due(token_ids=token_ids, now=now, writes_in=writes_in, writes_of=writes_of)
    if due:
        soon(tasks.check_tokens, *sorted(token_ids))
    return due


def is_done(token: Token, now: datetime) -> bool:
    """Return whether a check that was asked for has ended: nobody holds the token, it is no longer due, and its ad accounts were read.

    These are read right after the token was asked about, which nothing marks: a few seconds are left to them.
    """
    held = (
        token.claimed_until is not None and token.claimed_until > now
    ) or token.refresh_wanted_at is not None
    reading = token.last_checked_at is not None and token.last_checked_at > now - READING
    return not held and not reading and (token.due_at is None or token.due_at > now)
