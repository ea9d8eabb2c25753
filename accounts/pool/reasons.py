"""Why an account is not carried, by the pool entry that stopped it: one answer for mails, pages and the API.

A pool entry is of no use where its log-in stopped, where the channel took the role away, or where a permission is missing. Only the
first is a fact of the token; the others are facts of this person in this account, and the token itself is fine.
"""

from collections.abc import Sequence
from typing import Protocol

from accounts.models import Account, AccountToken
from tokens.channels.kinds import Reason
from tokens.models import Token
from tokens.token import reasons

UNLINKED = "unlinked"  # the account's reason where staff took the last usable token out of the pool
OUTSIDE = "outside_team"  # of an entry: the account's team accepts log-ins of its own people only
READING_REFUSED = "reading_refused"  # why a pool shifted: readings of one log-in's ad accounts blame our app, others' do not
DECIDED_HERE = frozenset({UNLINKED, OUTSIDE, READING_REFUSED, Token.REMOVED})  # by us, not by a channel


class Entry(Protocol):
    """A row of a pool, or its columns."""

    access: str
    access_reason: str
    can_publish: str
    doubt: str


def entry_reason(entry: AccountToken) -> str:
    """Return why an entry is of no use for its account, or ""."""
    return reason_of(entry, state=entry.token.state, reason=entry.token.reason)


def reason_of(entry: Entry, *, state: str, reason: str) -> str:
    """Return the same by the columns of an entry, and the state and reason of its token.

    A dead token goes first: nothing can be known of the role before the person has consented again. A token in passing trouble goes last.
    """
    if state == Token.State.DEAD:
        return reason or Reason.UNKNOWN
    if entry.access == AccountToken.Access.LOST:
        return entry.access_reason or Reason.ACCESS_LOST
    if entry.can_publish == AccountToken.CanPublish.NO:
        return entry.access_reason or Reason.PUBLISHING_LOST
    if state == Token.State.COOLING:
        return reason
    return Token.DOUBTED if entry.doubt == AccountToken.Doubt.STOPPED else ""


def entry_that_stopped(account: Account, entries: Sequence[AccountToken]) -> AccountToken | None:
    """Return the entry whose end stopped the account: the one of the account's own reason, else what ended last."""
    stopped = [entry for entry in entries if entry_reason(entry)]

    def rank(entry: AccountToken) -> tuple[bool, bool, float]:
        return (
            entry_reason(entry) == account.reason,
            entry.token.state != Token.State.DEAD,  # nearer to working: the log-in itself is fine
            entry.token.state_since.timestamp(),
        )

    return max(stopped, key=rank, default=None)


def account_reason(account: Account, entries: Sequence[AccountToken]) -> str:
    """Return why an account does not work: a Reason, "paused", "unlinked", or "" while it is connected.

    What a deactivated account noted when it stopped may be out of date, since whoever re-authenticated meanwhile may lack the role. So
    the pool answers, as it is now.
    """
    if account.state == Account.State.CONNECTED:
        return ""
    if account.state != Account.State.DEACTIVATED or account.reason == UNLINKED:
        return account.reason
    entry = entry_that_stopped(account, entries)
    return entry_reason(entry) if entry else account.reason


def explain_account(account: Account, reason: str) -> reasons.Explanation:
    """Word what `account_reason` returned."""
    return reasons.explain(account.channel, reason, account=account.name)


def explain_entry(entry: AccountToken, *, person: str = "", you: bool = False) -> reasons.Explanation:
    """Word why an entry is of no use for its account; empty words where it is."""
    account = entry.account
    return reasons.explain(account.channel, entry_reason(entry), person=person, account=account.name, you=you)
