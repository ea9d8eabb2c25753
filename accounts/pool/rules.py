"""Why an account is not carried, by the pool entry that stopped it: one answer for mails, pages and the API.

A pool entry is of no use where its log-in stopped, where the channel took the role away, or where a permission is missing. Only the
first is a fact of the token; the others are facts of this person in this account, and the token itself is fine.
"""

from enum import StrEnum
from typing import Protocol

from tokens.channels.kinds import Reason
from tokens.models import Token

UNLINKED = "unlinked"  # the account's reason where staff took the last usable token out of the pool
OUTSIDE = "outside_team"  # of an entry: the account's team accepts log-ins of its own people only
READING_REFUSED = "reading_refused"  # why a pool shifted: readings of one log-in's ad accounts blame our app, others' do not
DECIDED_HERE = frozenset({UNLINKED, OUTSIDE, READING_REFUSED, Token.REMOVED})  # by us, not by a channel


class InPool(StrEnum):
    """What a token does in the pool of one account."""

    ACTIVE = "active"
    BACKUP = "backup"
    RETRYING = "retrying"
    READ_ONLY = "read_only"
    NO_ACCESS = "no_access"
    STOPPED = "stopped"


class Entry(Protocol):
    """A row of a pool, or its columns. `access` is ok or lost; `can_publish` yes, no or unknown, which counts as yes."""

    access: str
    access_reason: str
    can_publish: str
    doubt: str


def reason_of_entry(entry: Entry, *, state: str, reason: str) -> str:
    """Return why an entry is of no use for its account, by the state and reason of its token, or "".

    A dead token goes first: nothing can be known of the role before the person has consented again. A token in passing trouble goes last.
    """
    if state == Token.State.DEAD:
        return reason or Reason.UNKNOWN
    if entry.access == "lost":
        return entry.access_reason or Reason.ACCESS_LOST
    if entry.can_publish == "no":
        return entry.access_reason or Reason.PUBLISHING_LOST
    if state == Token.State.COOLING:
        return reason
    return Token.DOUBTED if entry.doubt == "stopped" else ""
